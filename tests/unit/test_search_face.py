from __future__ import annotations

from typing import Any

import pytest

from chalicelib import claims
from chalicelib.errors import FaceAlreadyExistsError, PhotoDoesNotMeetRequirementError
from chalicelib.models import Reason, RiderPhoto
from chalicelib.steps.search_face import search_face
from tests.fakes import FakeAws, photo
from tests.unit.pipeline import index, run


def search(aws: FakeAws, uploaded: RiderPhoto) -> dict[str, Any]:
    answer: dict[str, Any] = run(aws, search_face, photo=uploaded)
    return answer


def hold(aws: FakeAws, *people: str, user_id: str, nonce: int = 0) -> RiderPhoto:
    """Confirm a face for a rider."""
    uploaded = aws.upload(photo(*people, nonce=nonce), user_id)
    index(aws, uploaded)
    claims.confirm(uploaded, aws.table)
    return uploaded


def test_a_face_that_nobody_holds_is_free(aws: FakeAws) -> None:
    hold(aws, "bob", user_id="bobs-id")
    assert search(aws, aws.upload(photo("anna"))) == {"matches": 0}


def test_another_riders_face_is_taken_and_the_message_does_not_say_whose(aws: FakeAws) -> None:
    hold(aws, "anna", user_id="annas-id")
    with pytest.raises(FaceAlreadyExistsError) as taken:
        search(aws, aws.upload(photo("anna", nonce=1), "bobs-id"))
    assert "anna" not in str(taken.value)


def test_a_riders_own_face_is_free(aws: FakeAws) -> None:
    hold(aws, "anna", user_id="annas-id")
    hold(aws, "anna", user_id="annas-id", nonce=1)
    assert search(aws, aws.upload(photo("anna", nonce=2), "annas-id")) == {"matches": 2}


def test_another_riders_face_is_found_behind_many_of_ones_own(aws: FakeAws) -> None:
    for nonce in range(100):
        hold(aws, "anna", user_id="annas-id", nonce=nonce)
    hold(aws, "annie", user_id="bobs-id")
    aws.rekognition.resemble("anna", "annie", 95.0)
    with pytest.raises(FaceAlreadyExistsError):
        search(aws, aws.upload(photo("anna", nonce=200), "annas-id"))


def test_a_rider_whose_name_begins_alike_is_another_rider(aws: FakeAws) -> None:
    hold(aws, "anna", user_id="anna:2")
    with pytest.raises(FaceAlreadyExistsError):
        search(aws, aws.upload(photo("anna", nonce=1), "anna"))


def test_a_face_without_an_owner_counts_as_taken(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    aws.rekognition.index_faces(
        CollectionId=aws.settings.collection_id, Image=uploaded.as_rekognition_image()
    )
    with pytest.raises(FaceAlreadyExistsError):
        search(aws, uploaded)


@pytest.mark.parametrize(("similarity", "taken"), [(90.0, True), (89.9, False)])
def test_a_face_is_the_same_from_the_threshold_on(aws: FakeAws, similarity: float, taken: bool) -> None:
    hold(aws, "anna", user_id="annas-id")
    aws.rekognition.resemble("anna", "bob", similarity)
    uploaded = aws.upload(photo("bob"), "bobs-id")
    if taken:
        with pytest.raises(FaceAlreadyExistsError):
            search(aws, uploaded)
    else:
        assert search(aws, uploaded) == {"matches": 0}


def test_the_threshold_is_a_setting() -> None:
    aws = FakeAws(SIMILARITY_THRESHOLD="80")
    hold(aws, "anna", user_id="annas-id")
    aws.rekognition.resemble("anna", "bob", 85.0)
    with pytest.raises(FaceAlreadyExistsError):
        search(aws, aws.upload(photo("bob"), "bobs-id"))


def test_a_photo_in_which_the_search_finds_no_face_is_not_clear(aws: FakeAws) -> None:
    with pytest.raises(PhotoDoesNotMeetRequirementError, match="cannot be compared") as rejected:
        search(aws, aws.upload(photo()))
    assert rejected.value.reason is Reason.FACE_NOT_CLEAR


def test_another_invalid_parameter_is_no_fault_of_the_photo(aws: FakeAws) -> None:
    aws.rekognition.fail_next(
        "search_faces_by_image", aws.rekognition.error("InvalidParameterException", "Request is invalid")
    )
    with pytest.raises(aws.rekognition.exceptions.InvalidParameterException):
        search(aws, aws.upload(photo("anna")))


def test_the_version_that_was_looked_at_is_searched_for(aws: FakeAws) -> None:
    hold(aws, "anna", user_id="annas-id")
    uploaded = aws.upload(photo("bob"), "bobs-id")
    aws.s3.put_object(Bucket=uploaded.bucket, Key=uploaded.key, Body=photo("anna"))
    assert search(aws, uploaded) == {"matches": 0}


@pytest.mark.parametrize("withdrawn", [False, True], ids=["undecided", "withdrawn"])
def test_a_face_whose_claim_does_not_stand_is_free(aws: FakeAws, withdrawn: bool) -> None:
    rival = aws.upload(photo("anna"), "annas-id")
    index(aws, rival)
    if withdrawn:
        claims.withdraw(rival, aws.table)
    assert search(aws, aws.upload(photo("anna", nonce=1), "bobs-id")) == {"matches": 1}


def test_a_face_whose_row_is_gone_is_taken(aws: FakeAws) -> None:
    rival = hold(aws, "anna", user_id="annas-id")
    aws.table.delete(aws.row(rival) or {})
    with pytest.raises(FaceAlreadyExistsError):
        search(aws, aws.upload(photo("anna", nonce=1), "bobs-id"))
