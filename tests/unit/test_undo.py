from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.models import RiderPhoto, UploadStatus, is_upload_id
from tests.fakes import RIDER, FakeAws, photo
from tests.unit.pipeline import (
    accept,
    error_info,
    parallel_result,
    persist,
    state,
    undo,
)

TIMEOUT = {"Error": "States.Timeout", "Cause": ""}
REJECTION = error_info("PhotoDoesNotMeetRequirementError", "Face is not clear: …")


@pytest.fixture
def uploaded(aws: FakeAws) -> RiderPhoto:
    upload = aws.upload(photo("anna"))
    aws.table.bind(upload)
    return upload


def assert_nothing_is_left(aws: FakeAws) -> None:
    assert aws.faces() == []
    assert aws.thumbnails() == []


def test_a_failure_before_indexing_ends_as_failed(aws: FakeAws, uploaded: RiderPhoto) -> None:
    result = undo(aws, uploaded, state(uploaded, errorInfo=TIMEOUT))
    assert result == {
        "status": "failed",
        "uploadId": uploaded.upload_id,
        "s3VersionId": uploaded.version_id,
    }
    row = aws.row(uploaded)
    assert row is not None
    assert row["status"] == {"S": "failed"}
    assert "not the photo's fault" in row["message"]["S"]
    assert "expiresAt" in row
    assert_nothing_is_left(aws)


def test_a_technical_failure_is_put_aside_with_all_that_starts_it_again(
    aws: FakeAws, uploaded: RiderPhoto
) -> None:
    event = state(uploaded, errorInfo=TIMEOUT, s3VersionId=uploaded.version_id)
    undo(aws, uploaded, event)
    [letter] = aws.dead_letters()
    assert letter["error"] == "States.Timeout"
    assert letter["executionArn"] == uploaded.execution_arn
    again = RiderPhoto.from_state(letter["input"])
    assert replace(again, execution_arn=uploaded.execution_arn) == uploaded


def test_a_failure_after_indexing_withdraws_face_and_thumbnail(aws: FakeAws, uploaded: RiderPhoto) -> None:
    results = parallel_result(aws, uploaded)
    assert aws.faces()
    assert aws.thumbnails()
    undo(aws, uploaded, state(uploaded, parallelResult=results, errorInfo=TIMEOUT))
    assert_nothing_is_left(aws)
    assert aws.status(uploaded) == "failed"


def test_the_face_is_found_in_the_row_where_the_state_does_not_name_it(
    aws: FakeAws, uploaded: RiderPhoto
) -> None:
    parallel_result(aws, uploaded)
    undo(aws, uploaded, state(uploaded, errorInfo=TIMEOUT))
    assert_nothing_is_left(aws)
    assert not aws.rekognition.calls_of("search_faces_by_image")


def test_the_face_is_found_in_the_state_where_the_row_does_not_name_it(aws: FakeAws) -> None:
    unnamed = replace(aws.upload(photo("anna")), execution_arn=None)
    results = parallel_result(aws, unnamed)
    undo(aws, unnamed, state(unnamed, parallelResult=results, errorInfo=TIMEOUT))
    assert_nothing_is_left(aws)


def test_the_face_of_a_killed_indexing_is_found_by_search(aws: FakeAws, uploaded: RiderPhoto) -> None:
    stranger = accept(aws, aws.upload(photo("bob"), "bobs-id"))
    earlier = accept(aws, aws.upload(photo("anna", nonce=1)))
    lost = aws.rekognition.error("InternalServerError", status=500)
    aws.rekognition.fail_next("index_faces", lost, after_effect=True)
    with pytest.raises(type(lost)):
        parallel_result(aws, uploaded)
    undo(aws, uploaded, state(uploaded, errorInfo={"Error": "Lambda.Unknown", "Cause": "killed"}))
    left = {face.external_image_id for face in aws.faces()}
    assert left == {stranger.external_image_id, earlier.external_image_id}


@pytest.mark.parametrize("results", [None, [{"errorInfo": TIMEOUT}, {"Payload": {}}], [{}, {}], {}, "x", []])
def test_a_state_without_a_face_needs_no_face(aws: FakeAws, uploaded: RiderPhoto, results: Any) -> None:
    assert (
        undo(aws, uploaded, state(uploaded, parallelResult=results, errorInfo=TIMEOUT))["status"] == "failed"
    )


@pytest.mark.parametrize("failed_branch", [0, 1], ids=["indexing failed", "thumbnail failed"])
def test_one_branchs_work_is_withdrawn_when_the_other_failed(
    aws: FakeAws, uploaded: RiderPhoto, failed_branch: int
) -> None:
    results = parallel_result(aws, uploaded)
    failure = error_info("RuntimeError", "out of luck")
    results[failed_branch] = {"errorInfo": failure}
    undo(aws, uploaded, state(uploaded, parallelResult=results, errorInfo=failure))
    assert_nothing_is_left(aws)


def test_a_rejection_is_left_to_the_state_that_tells_the_rider(aws: FakeAws, uploaded: RiderPhoto) -> None:
    parallel_result(aws, uploaded)
    assert undo(aws, uploaded, state(uploaded, errorInfo=REJECTION))["status"] == "rejected"
    assert_nothing_is_left(aws)
    assert aws.status(uploaded) == "processing"
    assert aws.dead_letters() == []


def test_a_photo_that_a_newer_one_overtook_is_superseded_without_a_dead_letter(
    aws: FakeAws, uploaded: RiderPhoto
) -> None:
    results = parallel_result(aws, uploaded)
    newer = accept(aws, aws.upload(photo("anna", nonce=1)))
    overtaken = error_info("SupersededError", "The rider has a newer photo, or was erased.")
    result = undo(aws, uploaded, state(uploaded, parallelResult=results, errorInfo=overtaken))
    assert result["status"] == "superseded"
    assert aws.status(uploaded) == "superseded"
    assert [face.external_image_id for face in aws.faces()] == [newer.external_image_id]
    assert aws.thumbnails() == [f"thumbnails/{RIDER}/{newer.upload_id}.jpg"]
    assert aws.dead_letters() == []


def test_the_live_photo_of_the_rider_stays(aws: FakeAws) -> None:
    live = accept(aws, aws.upload(photo("anna")))
    item, faces, thumbnails = aws.live_item(), aws.faces(), aws.thumbnails()
    newer = aws.upload(photo("anna", nonce=1))
    results = parallel_result(aws, newer)
    undo(aws, newer, state(newer, parallelResult=results, errorInfo=TIMEOUT))
    assert (aws.live_item(), aws.faces(), aws.thumbnails()) == (item, faces, thumbnails)
    assert aws.status(live) == "accepted"


def test_a_photo_that_is_live_already_counts_as_accepted(aws: FakeAws, uploaded: RiderPhoto) -> None:
    event = persist(aws, uploaded)
    item, faces, thumbnails = aws.live_item(), aws.faces(), aws.thumbnails()
    event["state"]["errorInfo"] = TIMEOUT
    assert undo(aws, uploaded, event)["status"] == "accepted"
    assert (aws.live_item(), aws.faces(), aws.thumbnails()) == (item, faces, thumbnails)
    row = aws.row(uploaded)
    assert row is not None
    assert item is not None
    assert row["status"] == {"S": "accepted"}
    assert row["thumbnail"] == item["thumbnail"]
    assert "expiresAt" not in row
    assert len(aws.dead_letters()) == 1, "the operator hears that older photos were not retired"


def test_a_second_undo_changes_nothing(aws: FakeAws, uploaded: RiderPhoto) -> None:
    event = state(uploaded, parallelResult=parallel_result(aws, uploaded), errorInfo=TIMEOUT)
    first = undo(aws, uploaded, event)
    row = aws.row(uploaded)
    assert undo(aws, uploaded, event) == first
    assert aws.row(uploaded) == row
    assert_nothing_is_left(aws)


def test_an_upload_that_has_ended_keeps_its_status(aws: FakeAws, uploaded: RiderPhoto) -> None:
    aws.table.end(uploaded, UploadStatus.REJECTED)
    undo(aws, uploaded, state(uploaded, errorInfo=TIMEOUT))
    assert aws.status(uploaded) == "rejected"


def test_a_missing_object_ends_as_failed_under_an_upload_id_of_its_own(aws: FakeAws) -> None:
    by_hand = RiderPhoto("user_a", aws.settings.photo_bucket, "missing.jpg", execution_arn="arn:execution:x")
    event = {
        "executionArn": by_hand.execution_arn,
        "state": {
            "userId": "user_a",
            "s3Bucket": by_hand.bucket,
            "s3Key": by_hand.key,
            "errorInfo": error_info("PhotoNotFoundError", "The object is not in the bucket"),
        },
    }
    result = undo(aws, by_hand, event)
    assert result["status"] == "failed"
    assert is_upload_id(result["uploadId"])
    assert undo(aws, by_hand, event) == result
    [row] = aws.dynamodb.items(aws.settings.uploads_table)
    assert row["status"] == {"S": "failed"}
    assert row["executionArn"] == {"S": "arn:execution:x"}
    assert aws.dead_letters()[0]["input"] == {
        "userId": "user_a",
        "s3Bucket": by_hand.bucket,
        "s3Key": "missing.jpg",
    }


def test_what_undo_found_out_is_what_the_next_state_works_on(aws: FakeAws) -> None:
    by_hand = RiderPhoto("user_a", aws.settings.photo_bucket, "missing.jpg")
    bare = {"userId": "user_a", "s3Bucket": by_hand.bucket, "s3Key": by_hand.key, "errorInfo": TIMEOUT}
    result = undo(aws, by_hand, bare)
    following = RiderPhoto.from_state({**bare, "undone": {"Payload": result}})
    assert (following.upload_id, following.version_id) == (result["uploadId"], result["s3VersionId"])


@pytest.mark.parametrize("content", [b"no picture", photo()])
def test_a_picture_that_no_search_understands_left_no_face(aws: FakeAws, content: bytes) -> None:
    upload = aws.upload(content)
    aws.table.bind(upload)
    assert undo(aws, upload, state(upload, errorInfo=TIMEOUT))["status"] == "failed"


def test_without_a_collection_there_is_no_face_to_withdraw(aws: FakeAws, uploaded: RiderPhoto) -> None:
    results = parallel_result(aws, uploaded)
    aws.rekognition.delete_collection(CollectionId=aws.settings.collection_id)
    undo(aws, uploaded, state(uploaded, parallelResult=results, errorInfo=TIMEOUT))
    assert aws.status(uploaded) == "failed"
    never_indexed = aws.upload(photo("bob"), "bobs-id")
    aws.table.bind(never_indexed)
    undo(aws, never_indexed, state(never_indexed, errorInfo=TIMEOUT))
    assert aws.status(never_indexed) == "failed"


@pytest.mark.parametrize(
    ("client", "operation"),
    [("s3", "head_object"), ("rekognition", "search_faces_by_image"), ("rekognition", "delete_faces")],
)
def test_a_busy_service_is_asked_again_rather_than_taken_for_an_answer(
    aws: FakeAws, client: str, operation: str
) -> None:
    stored = aws.put("1_happy_face.jpg", photo("anna"), "user_a")
    aws.table.open_claim(stored)
    if operation == "delete_faces":
        parallel_result(aws, stored)
    busy = getattr(aws, client).error("ThrottlingException", status=503)
    getattr(aws, client).fail_next(operation, busy)
    unknown = replace(stored, version_id=None, upload_id=None)
    with pytest.raises(type(busy)):
        undo(aws, unknown, state(unknown, errorInfo=TIMEOUT))
    assert aws.status(stored) == "processing"
    undo(aws, unknown, state(unknown, errorInfo=TIMEOUT))
    assert aws.status(stored) == "failed"
    assert_nothing_is_left(aws)


@pytest.mark.parametrize("info", [None, "text", {}, {"Error": "X"}, {"Error": "X", "Cause": {"a": 1}}])
def test_an_error_of_any_shape_is_undone(aws: FakeAws, uploaded: RiderPhoto, info: Any) -> None:
    parallel_result(aws, uploaded)
    assert undo(aws, uploaded, state(uploaded, errorInfo=info))["status"] == "failed"
    assert_nothing_is_left(aws)


def test_a_dead_letter_holds_no_stack_trace(aws: FakeAws, uploaded: RiderPhoto) -> None:
    undo(aws, uploaded, state(uploaded, errorInfo=error_info("RuntimeError", "secret")))
    assert "secret" not in json.dumps(aws.dead_letters())
