from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.erasure import ERASED_RIDERS, ERASURES, Eraser
from chalicelib.errors import SupersededError
from chalicelib.executions import Started, start_processing
from chalicelib.models import upload_key, uuid7
from tests.fakes import RIDER, FakeAws, photo
from tests.fakes.service import FakeClient
from tests.unit.pipeline import (
    accept,
    confirm,
    grow_marker_old,
    index,
    originals,
    parallel_result,
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


def test_a_form_from_before_brings_nothing_back(aws: FakeAws, eraser: Eraser) -> None:
    upload_id, key = aws.form()
    eraser.erase(RIDER)
    late = aws.put(key, photo("anna"))
    assert late.upload_id == upload_id
    assert run(aws, start_processing, photo=late) is Started.SUPERSEDED
    assert originals(aws) == []
    assert aws.step_functions.executions == {}


def test_an_execution_in_flight_brings_nothing_back(aws: FakeAws, eraser: Eraser) -> None:
    # Its function was at work when the rider was erased: it opens a claim, so it makes a row again.
    uploaded = started(aws, aws.upload(photo("anna")))
    eraser.erase(RIDER)
    restored = aws.put(uploaded.key, photo("anna"))
    event = state(restored, parallelResult=parallel_result(aws, restored))
    with pytest.raises(SupersededError):
        confirm(aws, restored, event)
    event["state"]["errorInfo"] = {"Error": "Execution.ABORTED", "Cause": ""}
    assert undo(aws, restored, event)["status"] == "superseded"
    assert (aws.faces(), aws.thumbnails(), aws.dead_letters()) == ([], [], [])
    assert eraser.sweep(datetime.now(UTC) + SOON) == 1
    assert aws.row(restored) is None
    assert originals(aws) == []


def test_a_face_indexed_while_its_rider_is_erased_is_deleted_by_the_step_itself(
    aws: FakeAws, eraser: Eraser
) -> None:
    uploaded = started(aws, aws.upload(photo("anna")))

    def erase_first(client: FakeClient, operation: str, parameters: Any, perform: Callable[[], Any]) -> Any:
        client.around = None
        answer = perform()
        eraser.erase(RIDER)
        return answer

    aws.rekognition.around = erase_first
    with pytest.raises(Exception, match="Another rider already uses this face"):
        index(aws, uploaded)
    assert aws.faces() == []
    assert aws.row(uploaded) is None


def test_after_an_erasure_the_rider_uploads_again_and_keeps_it(aws: FakeAws, eraser: Eraser) -> None:
    accept(aws, aws.upload(photo("anna")))
    eraser.erase(RIDER)
    upload_id = create_later(aws)
    newer = accept(aws, aws.put(f"uploads/{RIDER}/{upload_id}.jpg", photo("anna", nonce=1)))
    item = aws.live_item()
    assert item is not None
    assert item["uploadId"] == {"S": newer.upload_id}
    assert "erasedAt" not in item
    grow_marker_old(aws)
    eraser.sweep(datetime.now(UTC) + SOON)
    assert aws.live_item() == item
    assert aws.status(newer) == "accepted"
    assert len(aws.faces()) == len(aws.thumbnails()) == 1
    assert originals(aws) == [newer.key]


def test_a_face_that_is_recorded_while_the_rider_is_erased_goes_too(aws: FakeAws, eraser: Eraser) -> None:
    uploaded = started(aws, aws.upload(photo("anna")))
    stop = eraser._stop

    def index_meanwhile(row: Any) -> bool:
        index(aws, uploaded)
        return stop(row)

    eraser._stop = index_meanwhile  # type: ignore[method-assign]
    assert eraser.erase(RIDER).faces == 1
    assert aws.faces() == []


def test_a_transfer_that_takes_hours_brings_nothing_back(aws: FakeAws, eraser: Eraser) -> None:
    _, key = aws.form()
    eraser.erase(RIDER)
    grow_marker_old(aws, timedelta(hours=20))
    eraser.sweep(datetime.now(UTC) + SOON)
    late = aws.put(key, photo("anna"))
    assert run(aws, start_processing, photo=late) is Started.SUPERSEDED
    assert originals(aws) == []


def test_a_row_that_names_a_foreign_bucket_keeps_nobody_from_being_erased(
    aws: FakeAws, eraser: Eraser
) -> None:
    accept(aws, aws.upload(photo("anna")))
    mistaken = replace(aws.upload(photo("anna")), bucket="somebody-elses", key="photo.jpg")
    aws.table.adopt(mistaken)
    eraser.erase(RIDER)
    assert (aws.faces(), aws.thumbnails(), originals(aws)) == ([], [], [])
    assert markers(aws, RIDER) == []


def create_later(aws: FakeAws) -> str:
    """A form that the rider mints after the erasure."""
    later = int((datetime.now(UTC) + timedelta(seconds=1)).timestamp() * 1000)
    upload_id = uuid7(later, b"\0" * 10)
    aws.table.create(RIDER, upload_id, aws.settings.photo_bucket, upload_key(RIDER, upload_id, "jpg"))
    return upload_id


def test_a_tombstone_stays_until_all_forms_and_executions_have_expired(aws: FakeAws, eraser: Eraser) -> None:
    eraser.erase(RIDER)
    # A form is valid for minutes, but a slow phone's transfer may end hours after it began.
    grow_marker_old(aws, timedelta(days=1, seconds=5400))
    assert eraser.sweep(datetime.now(UTC) + SOON) == 1
    assert aws.live_item() is not None
    grow_marker_old(aws, timedelta(days=1, seconds=5400 + 61))
    assert eraser.sweep(datetime.now(UTC) + SOON) == 0, "swept a moment ago"
    grow_marker_old(aws, timedelta(days=1, seconds=5400 + 61), swept=timedelta(hours=1, seconds=1))
    assert eraser.sweep(datetime.now(UTC) + SOON) == 1
    assert aws.live_item() is None
    assert eraser.sweep(datetime.now(UTC) + SOON) == 0
    [record] = aws.dynamodb.items(aws.settings.uploads_table)
    assert record["userId"] == {"S": ERASURES}


def markers(aws: FakeAws, partition: str = ERASED_RIDERS) -> list[dict[str, Any]]:
    return [row for row in aws.dynamodb.items(aws.settings.uploads_table) if row["userId"]["S"] == partition]


def test_a_rider_erased_twice_is_swept_once_and_a_repetition_leaves_no_record_of_its_own(
    aws: FakeAws, eraser: Eraser
) -> None:
    accept(aws, aws.upload(photo("anna")))
    for _ in range(3):
        eraser.erase(RIDER)
    assert len(markers(aws)) == len(markers(aws, ERASURES)) == 1
    assert eraser.sweep(datetime.now(UTC) + SOON) == 1


def test_those_that_wait_longest_are_swept_first(aws: FakeAws, eraser: Eraser) -> None:
    for rider in ("a", "b"):
        eraser.erase(rider)
    grow_marker_old(aws, timedelta(hours=5))
    [first, second] = markers(aws)
    table = aws.settings.uploads_table
    for marker, hours in ((first, 2), (second, 3)):
        swept = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
        aws.dynamodb.put_item(TableName=table, Item=marker | {"sweptAt": {"S": swept}})
    order = list[str]()
    eraser._sweep_after = lambda marker: order.append(marker["rider"]["S"])  # type: ignore[method-assign]
    assert eraser.sweep(datetime.now(UTC) + SOON) == 2
    assert order == ["b", "a"]


def test_a_sweep_stops_at_its_deadline_and_the_next_goes_on(aws: FakeAws, eraser: Eraser) -> None:
    for rider in ("a", "b", "c"):
        eraser.erase(rider)
    assert eraser.sweep(datetime.now(UTC)) == 0
    assert eraser.sweep(datetime.now(UTC) + SOON) == 3
