"""What an operator's waiver changes in the steps, and what it doesn't."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.appeals import WAIVABLE, waive
from chalicelib.errors import PhotoDoesNotMeetRequirementError
from chalicelib.models import Reason, RiderPhoto, UploadStatus
from chalicelib.steps.detect_faces import detect_faces
from tests.fakes import FakeAws, face, photo
from tests.unit.pipeline import accept, confirm, index, parallel_result, run, state

DARK_GLASSES = {"sunglasses": (True, 99.0), "brightness": 5.0}


def waived(aws: FakeAws, uploaded: RiderPhoto, *reasons: Reason) -> RiderPhoto:
    """The upload, rejected and accepted by an operator, as its next execution finds it."""
    aws.table.end(uploaded, UploadStatus.REJECTED, reason=Reason.SUNGLASSES, message="rejected")
    for reason in reasons:
        assert waive(uploaded, reason, aws.table)
    assert aws.table.take_over(uploaded, uploaded.execution_arn, (UploadStatus.REJECTED,))
    return uploaded


def test_waivers_add_up_and_only_for_what_is_rejected(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    assert not waive(uploaded, Reason.SUNGLASSES, aws.table)
    waived(aws, uploaded, Reason.SUNGLASSES, Reason.FACE_CHANGED, Reason.SUNGLASSES)
    assert aws.table.waived_reasons(uploaded) == {Reason.SUNGLASSES, Reason.FACE_CHANGED}
    assert not waive(uploaded, Reason.FACE_NOT_CLEAR, aws.table)


def test_what_no_person_can_see_otherwise_cannot_be_waived() -> None:
    assert set(Reason) - set(WAIVABLE) == {
        Reason.NO_FACE,
        Reason.MULTIPLE_FACES,
        Reason.UNSUPPORTED_FORMAT,
        Reason.IMAGE_TOO_LARGE,
        Reason.IMAGE_UNREADABLE,
    }


@pytest.mark.parametrize(
    ("reasons", "then"),
    [
        ((), Reason.SUNGLASSES),
        ((Reason.FACE_NOT_CLEAR,), Reason.SUNGLASSES),
        ((Reason.SUNGLASSES,), Reason.FACE_NOT_CLEAR),
        ((Reason.SUNGLASSES, Reason.FACE_NOT_CLEAR), None),
    ],
)
def test_a_waived_rule_is_passed_over_and_the_next_one_holds(
    aws: FakeAws, reasons: tuple[Reason, ...], then: Reason | None
) -> None:
    aws.rekognition.sees(face(**DARK_GLASSES))  # type: ignore[arg-type]
    uploaded = waived(aws, aws.upload(photo("anna")), *reasons)
    if then is None:
        assert run(aws, detect_faces, photo=uploaded)["uploadId"] == uploaded.upload_id
        return
    with pytest.raises(PhotoDoesNotMeetRequirementError) as rejected:
        run(aws, detect_faces, photo=uploaded)
    assert rejected.value.reason is then


def test_no_face_is_rejected_whatever_was_waived(aws: FakeAws) -> None:
    uploaded = waived(aws, aws.upload(photo()), *WAIVABLE)
    with pytest.raises(PhotoDoesNotMeetRequirementError) as rejected:
        run(aws, detect_faces, photo=uploaded)
    assert rejected.value.reason is Reason.NO_FACE


def test_a_photo_that_breaks_no_rule_is_not_asked_for_waivers(aws: FakeAws) -> None:
    run(aws, detect_faces, photo=aws.upload(photo("anna")))
    assert aws.dynamodb.calls_of("get_item") == []


def test_a_face_that_the_collection_finds_poor_is_indexed_if_that_was_waived(aws: FakeAws) -> None:
    aws.rekognition.filters_out("LOW_SHARPNESS")
    with pytest.raises(PhotoDoesNotMeetRequirementError):
        index(aws, aws.upload(photo("bob"), "bobs-id"))
    uploaded = waived(aws, aws.upload(photo("anna")), Reason.FACE_NOT_CLEAR)
    assert index(aws, uploaded)["FaceId"] == aws.faces()[0].face_id


def replacement(aws: FakeAws) -> tuple[RiderPhoto, dict[str, Any]]:
    """A photo of another person than the live one's, indexed."""
    accept(aws, aws.upload(photo("anna")))
    uploaded = waived(aws, aws.upload(photo("bob")), Reason.SUNGLASSES)
    return uploaded, state(uploaded, parallelResult=parallel_result(aws, uploaded))


def test_another_face_is_accepted_if_that_was_waived_for_this_upload(aws: FakeAws) -> None:
    uploaded, event = replacement(aws)
    with pytest.raises(PhotoDoesNotMeetRequirementError) as rejected:
        confirm(aws, uploaded, event)
    assert rejected.value.reason is Reason.FACE_CHANGED
    aws.table.update(
        uploaded,
        {"waived": {"L": [{"S": Reason.FACE_CHANGED}]}},
        condition="attribute_exists(userId)",
    )
    live = (aws.live_item() or {})["uploadId"]["S"]
    assert confirm(aws, uploaded, event) == {"replaces": live}
