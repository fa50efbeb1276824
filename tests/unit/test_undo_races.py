from __future__ import annotations

import pytest

from chalicelib.erasure import Eraser
from chalicelib.models import RiderPhoto, UploadStatus
from chalicelib.steps.make_thumbnail import make_thumbnail
from tests.fakes import RIDER, FakeAws, photo
from tests.unit.pipeline import (
    accept,
    by_another_execution,
    error_info,
    parallel_result,
    run,
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


def test_the_claim_is_withdrawn_before_the_face_is_deleted(aws: FakeAws, uploaded: RiderPhoto) -> None:
    results = parallel_result(aws, uploaded)
    aws.rekognition.fail_next("delete_faces", ValueError("killed"))
    with pytest.raises(ValueError, match="killed"):
        undo(aws, uploaded, state(uploaded, parallelResult=results, errorInfo=TIMEOUT))
    assert (aws.row(uploaded) or {})["claim"] == {"S": "withdrawn"}
    assert len(aws.faces()) == 1


def test_an_undo_whose_answer_was_lost_gives_the_same_answer_again(
    aws: FakeAws, uploaded: RiderPhoto
) -> None:
    event = state(uploaded, parallelResult=parallel_result(aws, uploaded), errorInfo=TIMEOUT)
    lost = aws.sqs.error("InternalError", status=500)
    aws.sqs.fail_next("send_message", lost)
    with pytest.raises(type(lost)):
        undo(aws, uploaded, event)
    # Whoever finds it failed knows that its letter was sent.
    assert aws.status(uploaded) == "processing"
    assert aws.dead_letters() == []
    # Were it "decided", the execution would succeed, and neither rider nor operator would hear of it.
    for _ in range(2):
        assert undo(aws, uploaded, event)["status"] == "failed"
    assert len(aws.dead_letters()) == 1


@pytest.mark.parametrize("error", ["SupersededError", "UploadEndedError"])
def test_what_is_no_failure_ends_as_superseded_without_a_dead_letter(
    aws: FakeAws, uploaded: RiderPhoto, error: str
) -> None:
    event = state(uploaded, parallelResult=parallel_result(aws, uploaded), errorInfo=error_info(error))
    for _ in range(2):
        assert undo(aws, uploaded, event)["status"] == "superseded"
    assert "message" not in (aws.row(uploaded) or {})
    assert_nothing_is_left(aws)
    assert aws.dead_letters() == []


def test_a_failure_of_a_photo_that_a_newer_one_overtook_is_superseded(
    aws: FakeAws, uploaded: RiderPhoto
) -> None:
    newer = accept(aws, aws.upload(photo("anna", nonce=1)))
    assert undo(aws, uploaded, state(uploaded, errorInfo=TIMEOUT))["status"] == "superseded"
    assert [face.external_image_id for face in aws.faces()] == [newer.external_image_id]
    assert aws.dead_letters() == []


@pytest.mark.parametrize("status", [UploadStatus.PROCESSING, UploadStatus.ACCEPTED, UploadStatus.REJECTED])
def test_an_upload_that_another_execution_works_on_or_decided_is_left_to_it(
    aws: FakeAws, uploaded: RiderPhoto, status: UploadStatus
) -> None:
    results = parallel_result(aws, uploaded)
    if status is not UploadStatus.PROCESSING:
        aws.table.end(uploaded, status)
    before = (aws.row(uploaded), aws.faces(), aws.thumbnails())
    stranger = by_another_execution(aws, uploaded)
    event = state(stranger, parallelResult=results, errorInfo=error_info("UploadEndedError"))
    assert undo(aws, stranger, event)["status"] == "decided"
    assert (aws.row(uploaded), aws.faces(), aws.thumbnails()) == before
    assert aws.dead_letters() == []


def test_an_accepted_photo_that_was_replaced_since_stays_accepted(aws: FakeAws) -> None:
    older = accept(aws, aws.upload(photo("anna")))
    newer = accept(aws, aws.upload(photo("anna", nonce=1)))
    row = aws.row(older)
    assert undo(aws, older, state(older, errorInfo=TIMEOUT))["status"] == "decided"
    assert aws.row(older) == row
    assert [face.external_image_id for face in aws.faces()] == [newer.external_image_id]


def test_another_execution_of_the_live_photo_counts_as_accepted_without_a_dead_letter(aws: FakeAws) -> None:
    live = accept(aws, aws.upload(photo("anna")))
    again = by_another_execution(aws, live)
    event = state(again, errorInfo=error_info("UploadEndedError"))
    assert undo(aws, again, event)["status"] == "accepted"
    assert len(aws.faces()) == len(aws.thumbnails()) == 1
    assert aws.dead_letters() == []


def test_an_erased_riders_upload_leaves_nothing_and_gets_no_row(aws: FakeAws, uploaded: RiderPhoto) -> None:
    results = parallel_result(aws, uploaded)
    content = photo("anna")
    run(aws, Eraser).erase(RIDER)
    # As if its functions had been at work all the time.
    aws.rekognition.index_faces(
        CollectionId=aws.settings.collection_id,
        Image={"Bytes": content},
        ExternalImageId=uploaded.external_image_id,
    )
    results[0]["Payload"]["FaceId"] = aws.faces()[0].face_id
    run(aws, make_thumbnail, photo=aws.put(uploaded.key, content), event=state(uploaded))
    event = state(uploaded, parallelResult=results, errorInfo=TIMEOUT)
    assert undo(aws, uploaded, event)["status"] == "decided"
    assert_nothing_is_left(aws)
    assert aws.row(uploaded) is None
    assert aws.dead_letters() == []
