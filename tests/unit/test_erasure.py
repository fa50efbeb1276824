from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.erasure import ERASED_RIDERS, ERASURES, Eraser, Erasure
from chalicelib.errors import ServiceUnavailableError
from chalicelib.models import RiderPhoto, UploadStatus
from chalicelib.originals import identify
from tests.fakes import RIDER, FakeAws, photo
from tests.fakes.service import FakeClient
from tests.unit.pipeline import (
    accept,
    confirm,
    confirmed,
    grow_marker_old,
    originals,
    parallel_result,
    put_item,
    run,
    started,
    state,
    undo,
)

SOON = timedelta(hours=1)


@pytest.fixture
def eraser(aws: FakeAws) -> Eraser:
    made: Eraser = run(aws, Eraser)
    return made


@pytest.fixture
def stranger(aws: FakeAws) -> RiderPhoto:
    return accept(aws, aws.upload(photo("bob"), "bobs-id"))


def history(aws: FakeAws) -> list[RiderPhoto]:
    """A rider with a replaced, a rejected, a live, a waiting and a processed upload."""
    replaced = accept(aws, aws.upload(photo("anna")))
    rejected = aws.upload(photo("anna", "carla"))
    aws.table.end(rejected, UploadStatus.REJECTED)
    live = accept(aws, aws.upload(photo("anna", nonce=1)))
    waiting = aws.upload(photo("anna", nonce=2))
    processed = started(aws, aws.upload(photo("anna", nonce=3)))
    parallel_result(aws, processed)
    return [replaced, rejected, live, waiting, processed]


def assert_only_the_stranger_is_left(aws: FakeAws, stranger: RiderPhoto) -> None:
    assert [face.external_image_id for face in aws.faces()] == [stranger.external_image_id]
    assert aws.thumbnails() == [f"thumbnails/bobs-id/{stranger.upload_id}.jpg"]
    assert aws.avatars() == [f"thumbnails/bobs-id/{stranger.upload_id}.avatar.jpg"]
    assert originals(aws) == [stranger.key]
    rows = aws.dynamodb.items(aws.settings.uploads_table)
    assert {row["userId"]["S"] for row in rows} <= {"bobs-id", ERASED_RIDERS, ERASURES}
    assert set(aws.live_item() or {}) == {"Username", "uploadId", "erasedAt"}
    assert (aws.live_item("bobs-id") or {})["uploadId"] == {"S": stranger.upload_id}


def test_all_that_a_rider_left_is_deleted_and_nobody_elses(
    aws: FakeAws, eraser: Eraser, stranger: RiderPhoto
) -> None:
    uploads = history(aws)
    aws.s3.put_object(Bucket=uploads[0].bucket, Key=uploads[0].key, Body=b"another version")
    aws.s3.delete_object(Bucket=uploads[1].bucket, Key=uploads[1].key)
    assert eraser.erase(RIDER) == Erasure(faces=2, objects=11, rows=5, executions=1)
    assert_only_the_stranger_is_left(aws, stranger)
    [execution] = aws.step_functions.executions.values()
    assert execution.status == "ABORTED"


def test_a_rider_whose_name_begins_alike_is_not_touched(aws: FakeAws, eraser: Eraser) -> None:
    other = accept(aws, aws.upload(photo("bob"), f"{RIDER}-2"))
    eraser.erase(RIDER)
    assert aws.status(other) == "accepted"
    assert originals(aws) == [other.key]
    assert len(aws.thumbnails()) == 1


def test_a_failure_after_the_claim_was_confirmed_leaves_nothing_either(
    aws: FakeAws, eraser: Eraser, stranger: RiderPhoto
) -> None:
    uploaded = aws.upload(photo("anna"))
    event = confirmed(aws, uploaded)
    event["state"]["errorInfo"] = {"Error": "States.Timeout", "Cause": ""}
    undo(aws, uploaded, event)
    eraser.erase(RIDER)
    assert_only_the_stranger_is_left(aws, stranger)


def test_erasing_twice_deletes_nothing_more(aws: FakeAws, eraser: Eraser, stranger: RiderPhoto) -> None:
    history(aws)
    eraser.erase(RIDER)
    assert eraser.erase(RIDER) == Erasure()
    assert_only_the_stranger_is_left(aws, stranger)


def test_a_rider_without_anything_is_erased(aws: FakeAws, eraser: Eraser) -> None:
    assert eraser.erase("nobody") == Erasure()
    assert set(aws.live_item("nobody") or {}) == {"Username", "uploadId", "erasedAt"}


def killer(at: int, *, after_effect: bool) -> Callable[..., Any]:
    """Kills the caller at its nth call, before or after the effect."""
    calls = 0

    def around(client: FakeClient, operation: str, parameters: Any, perform: Callable[[], Any]) -> Any:
        nonlocal calls
        calls += 1
        if calls != at:
            return perform()
        if after_effect:
            with contextlib.suppress(Exception):
                perform()
        raise KeyboardInterrupt

    return around


@pytest.mark.parametrize("after_effect", [False, True])
def test_killed_at_any_call_and_repeated_nothing_is_left(after_effect: bool) -> None:
    aws = FakeAws(checked=False)
    stranger = accept(aws, aws.upload(photo("bob"), "bobs-id"))
    history(aws)
    world, kills = aws.save(), 0
    while True:
        aws.restore(world)
        around = killer(kills + 1, after_effect=after_effect)
        for client in aws.clients:
            client.around = around
        try:
            run(aws, Eraser).erase(RIDER)
            break
        except KeyboardInterrupt:
            kills += 1
        finally:
            for client in aws.clients:
                client.around = None
        run(aws, Eraser).erase(RIDER)
        assert_only_the_stranger_is_left(aws, stranger)
    assert kills > 20


def test_killed_at_any_call_the_sweep_finishes_it() -> None:
    aws = FakeAws(checked=False)
    stranger = accept(aws, aws.upload(photo("bob"), "bobs-id"))
    history(aws)
    world = aws.save()
    for kill in range(3, 15):  # from the tombstone on
        aws.restore(world)
        around = killer(kill, after_effect=False)
        for client in aws.clients:
            client.around = around
        with pytest.raises(KeyboardInterrupt):
            run(aws, Eraser).erase(RIDER)
        for client in aws.clients:
            client.around = None
        run(aws, Eraser).sweep(datetime.now(UTC) + SOON)
        assert_only_the_stranger_is_left(aws, stranger)


def test_more_versions_than_one_call_deletes_are_deleted(aws: FakeAws, eraser: Eraser) -> None:
    uploaded = aws.upload(photo("anna"))
    for client in aws.clients:
        client.checked = False
    for number in range(1100):
        aws.s3.put_object(Bucket=uploaded.bucket, Key=uploaded.key, Body=b"%d" % number)
    for client in aws.clients:
        client.checked = True
    assert eraser.erase(RIDER).objects == 1101
    assert originals(aws) == []
    assert len(aws.s3.calls_of("delete_objects")) == 2


def test_what_s3_did_not_delete_is_an_error_and_not_a_success(aws: FakeAws, eraser: Eraser) -> None:
    uploaded = aws.upload(photo("anna"))

    def refuse(client: FakeClient, operation: str, parameters: Any, perform: Callable[[], Any]) -> Any:
        if operation != "delete_objects":
            return perform()
        client.around = None
        return {"Errors": [{"Key": uploaded.key, "Code": "InternalError"}]}

    aws.s3.around = refuse
    with pytest.raises(ServiceUnavailableError):
        eraser.erase(RIDER)
    assert aws.row(uploaded) is not None
    eraser.erase(RIDER)
    assert originals(aws) == []


def test_photos_outside_the_uploads_folder_are_erased_with_their_rows(aws: FakeAws, eraser: Eraser) -> None:
    by_hand = aws.put("1_happy_face.jpg", photo("anna"), "user_a")
    event = state(by_hand, parallelResult=parallel_result(aws, by_hand))
    event["state"]["confirmed"] = {"Payload": confirm(aws, by_hand, event)}
    put_item(aws, by_hand, event)
    aws.put("1_happy_face.jpg.bak", photo("bob"), "user_b")
    another_riders = aws.put("1_happy_face.jpg", photo("bob"), "user_b")
    eraser.erase("user_a")
    assert originals(aws) == ["1_happy_face.jpg", "1_happy_face.jpg.bak"]
    assert identify(replace(by_hand, version_id=None), aws.s3).version_id == another_riders.version_id  # type: ignore[arg-type]
    assert aws.faces() == []
    assert aws.row(by_hand) is None


def test_an_original_that_no_form_named_is_erased_from_the_riders_folder(
    aws: FakeAws, eraser: Eraser
) -> None:
    aws.s3.now = lambda: datetime.now(UTC) - timedelta(minutes=1)
    aws.put(f"uploads/{RIDER}/selfie.jpg", photo("anna"))
    eraser.erase(RIDER)
    assert originals(aws) == []


def test_without_a_collection_there_are_no_faces_to_delete(aws: FakeAws, eraser: Eraser) -> None:
    accept(aws, aws.upload(photo("anna")))
    aws.rekognition.delete_collection(CollectionId=aws.settings.collection_id)
    eraser.erase(RIDER)
    assert originals(aws) == []


def test_an_execution_that_nobody_knows_any_more_is_no_obstacle(aws: FakeAws, eraser: Eraser) -> None:
    uploaded = aws.upload(photo("anna"))
    aws.table.bind(uploaded)
    assert eraser.erase(RIDER).executions == 0
    assert aws.row(uploaded) is None


def test_the_record_holds_numbers_and_no_person(aws: FakeAws, eraser: Eraser) -> None:
    history(aws)
    eraser.erase(RIDER)
    grow_marker_old(aws)
    eraser.sweep(datetime.now(UTC) + SOON)
    everything = aws.dynamodb.items(aws.settings.uploads_table)
    [record] = everything
    assert set(record) == {"userId", "uploadId", "erasedAt", "faces", "objects", "rows", "executions"}
    assert record["rows"] == {"N": "5"}
    assert RIDER not in json.dumps(everything)
