from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import claims
from chalicelib.errors import FaceAlreadyExistsError, PhotoDoesNotMeetRequirementError, UploadEndedError
from chalicelib.models import Reason
from tests.fakes import RIDER, FakeAws, photo
from tests.unit.pipeline import accept, by_another_execution, index


def test_a_face_is_indexed_under_its_rider_and_upload(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    answer = index(aws, uploaded)
    [indexed] = aws.faces()
    assert indexed.external_image_id == f"{RIDER}:{uploaded.upload_id}"
    assert answer["FaceId"] == indexed.face_id
    assert {"ImageId", "ExternalImageId", "BoundingBox", "Confidence"} <= set(answer)


def test_the_row_names_the_face(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    answer = index(aws, uploaded)
    row = aws.row(uploaded)
    assert row is not None
    assert row["faceId"] == {"S": answer["FaceId"]}
    assert row["status"] == {"S": "processing"}
    assert row["executionArn"] == {"S": uploaded.execution_arn}
    assert "expiresAt" in row


def test_a_repetition_stores_no_second_face(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    assert index(aws, uploaded) == index(aws, uploaded)
    assert len(aws.faces()) == 1


def test_two_uploads_of_the_same_bytes_never_share_a_face(aws: FakeAws) -> None:
    first, second = aws.upload(photo("anna")), aws.upload(photo("anna"))
    assert index(aws, first)["FaceId"] != index(aws, second)["FaceId"]


def test_the_row_says_that_a_face_is_about_to_be_indexed_before_it_is(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    lost = aws.rekognition.error("InternalServerError", status=500)
    aws.rekognition.fail_next("index_faces", lost, after_effect=True)
    with pytest.raises(type(lost)):
        index(aws, uploaded)
    assert len(aws.faces()) == 1
    row = aws.row(uploaded)
    assert row is not None
    assert row["executionArn"] == {"S": uploaded.execution_arn}
    assert "faceId" not in row


def test_without_an_execution_no_row_is_written(aws: FakeAws) -> None:
    uploaded = replace(aws.put("1_happy_face.jpg", photo("anna"), "user_a"), execution_arn=None)
    assert index(aws, uploaded)["FaceId"]
    assert aws.row(uploaded) is None


@pytest.mark.parametrize(
    ("reasons", "message"),
    [
        (["EXTREME_POSE"], "Face is not clear: the head is turned too far."),
        (["LOW_BRIGHTNESS", "LOW_SHARPNESS"], "the face is too dark, the face is blurred."),
        (["LOW_CONFIDENCE"], "hardly visible"),
        (["SMALL_BOUNDING_BOX"], "too small"),
        (["LOW_FACE_QUALITY"], "too few details"),
    ],
)
def test_a_face_below_the_quality_filter_is_not_clear(aws: FakeAws, reasons: list[str], message: str) -> None:
    aws.rekognition.filters_out(*reasons)
    with pytest.raises(PhotoDoesNotMeetRequirementError) as rejected:
        index(aws, aws.upload(photo("anna")))
    assert rejected.value.reason is Reason.FACE_NOT_CLEAR
    assert message in str(rejected.value)
    assert not aws.faces()


def test_a_photo_in_which_indexing_finds_no_face_at_all_is_not_clear(aws: FakeAws) -> None:
    with pytest.raises(PhotoDoesNotMeetRequirementError, match="too few details") as rejected:
        index(aws, aws.upload(photo()))
    assert rejected.value.reason is Reason.FACE_NOT_CLEAR


def test_of_several_faces_the_largest_is_indexed(aws: FakeAws) -> None:
    index(aws, aws.upload(photo("anna", "bob")))
    assert [indexed.person for indexed in aws.faces()] == ["anna"]


@pytest.mark.parametrize("quality_filter", ["NONE", "HIGH"])
def test_the_quality_filter_is_a_setting(quality_filter: str) -> None:
    aws = FakeAws(QUALITY_FILTER=quality_filter)
    index(aws, aws.upload(photo("anna")))
    [request] = aws.rekognition.calls_of("index_faces")
    assert request["QualityFilter"] == quality_filter


def test_after_the_collection_was_made_anew_the_same_input_indexes_again(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    index(aws, uploaded)
    aws.rekognition.delete_collection(CollectionId=aws.settings.collection_id)
    aws.rekognition.create_collection(CollectionId=aws.settings.collection_id)
    answer = index(aws, uploaded)
    assert [indexed.face_id for indexed in aws.faces()] == [answer["FaceId"]]
    assert (aws.row(uploaded) or {})["faceId"] == {"S": answer["FaceId"]}


def test_the_longest_user_id_still_fits_into_the_collection(aws: FakeAws) -> None:
    index(aws, aws.upload(photo("anna"), "u" * 218))
    [indexed] = aws.faces()
    assert len(indexed.external_image_id) == 255


def test_the_version_that_was_looked_at_is_indexed(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    aws.s3.put_object(Bucket=uploaded.bucket, Key=uploaded.key, Body=photo("bob"))
    index(aws, uploaded)
    assert [indexed.person for indexed in aws.faces()] == ["anna"]


def during_indexing(aws: FakeAws, what: Callable[[], Any]) -> None:
    """Let something happen after the next face was indexed, before the row names it."""

    def around(client: Any, operation: str, parameters: Any, perform: Callable[[], Any]) -> Any:
        client.around = None
        answer = perform()
        what()
        return answer

    aws.rekognition.around = around


def test_the_claim_is_open_before_the_face_is_indexed(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    aws.rekognition.fail_next("index_faces", ValueError("killed"))
    with pytest.raises(ValueError, match="killed"):
        index(aws, uploaded)
    assert (aws.row(uploaded) or {})["claim"] == {"S": "open"}


def test_a_claim_lost_while_the_face_was_indexed_leaves_no_face(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    during_indexing(aws, lambda: claims.withdraw(uploaded, aws.table))
    with pytest.raises(FaceAlreadyExistsError):
        index(aws, uploaded)
    assert aws.faces() == []
    assert "faceId" not in (aws.row(uploaded) or {})


def test_a_row_lost_while_the_face_was_indexed_leaves_no_face_and_no_row(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    during_indexing(aws, lambda: aws.table.delete(aws.row(uploaded) or {}))
    with pytest.raises(FaceAlreadyExistsError):
        index(aws, uploaded)
    assert aws.faces() == []
    assert aws.row(uploaded) is None


def test_what_an_older_rival_put_aside_is_not_indexed(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    claims.open_claim(uploaded, aws.table)
    claims.withdraw(uploaded, aws.table)
    with pytest.raises(FaceAlreadyExistsError):
        index(aws, uploaded)
    assert not aws.rekognition.calls_of("index_faces")


def test_what_another_execution_works_on_is_not_indexed(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    index(aws, uploaded)
    with pytest.raises(UploadEndedError):
        index(aws, by_another_execution(aws, uploaded))
    assert len(aws.rekognition.calls_of("index_faces")) == 1


def test_an_accepted_upload_is_indexed_again_by_any_execution(aws: FakeAws) -> None:
    uploaded = accept(aws, aws.upload(photo("anna")))
    before = aws.faces()
    index(aws, by_another_execution(aws, uploaded))
    assert aws.faces() == before
    assert aws.status(uploaded) == "accepted"
