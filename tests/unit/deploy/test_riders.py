from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.erasure import ERASURES
from chalicelib.errors import PhotoDoesNotMeetRequirementError
from chalicelib.models import Reason
from chalicelib.steps.confirm_face import confirm_face
from chalicelib.steps.index_face import index_face
from chalicelib.steps.make_thumbnail import make_thumbnail
from chalicelib.steps.persist_metadata import persist_metadata
from chalicelib.steps.retire_replaced import retire_replaced
from deploy.errors import CheckError, DeployError
from deploy.riders import RiderErased, RiderOptions, allow_change, erase
from tests.fakes import RIDER, FakeAws, photo
from tests.unit.deploy.fakes import Lines, up_in

OPTIONS = RiderOptions("test", RIDER)


@pytest.fixture(autouse=True)
def _up(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    up_in(aws, monkeypatch)


@pytest.fixture
def upload(aws: FakeAws) -> Callable[[str], None]:
    """Returns a function that uploads a person's photo and runs all steps until it is accepted."""

    def upload(person: str) -> None:
        uploaded = aws.upload(photo(person))
        aws.table.bind(uploaded)
        fakes: dict[str, Any] = {"table": aws.table, "settings": aws.settings}
        state: dict[str, Any] = {"userId": RIDER, "s3Bucket": uploaded.bucket, "s3Key": uploaded.key}
        state["detectedFaceDetails"] = {"uploadId": uploaded.upload_id, "s3VersionId": uploaded.version_id}
        indexed = index_face(uploaded, aws.rekognition, **fakes)  # type: ignore[arg-type]
        pictures = make_thumbnail(uploaded, state, aws.s3, aws.settings)  # type: ignore[arg-type]
        event = {
            "executionArn": uploaded.execution_arn,
            "state": state | {"parallelResult": [indexed, pictures]},
        }
        clients: dict[str, Any] = {"dynamodb": aws.dynamodb, "rekognition": aws.rekognition}
        confirm_face(uploaded, event, **fakes, **clients)
        persist_metadata(uploaded, event, aws.dynamodb, aws.settings)  # type: ignore[arg-type]
        others: dict[str, Any] = {"s3": aws.s3, "cognito": aws.cognito, "ses": aws.ses}
        retire_replaced(uploaded, event, **others, **fakes, **clients)

    return upload


def test_an_operator_erases_a_rider_and_is_told_the_numbers(
    aws: FakeAws, upload: Callable[[str], None]
) -> None:
    upload("anna")
    lines, asked = Lines(), []

    def agree(question: str) -> bool:
        asked.append(question)
        return True

    done = erase(OPTIONS, lines, agree)
    assert done == RiderErased("test", RIDER, erased=True, faces=1, objects=3, rows=1, executions=0)
    assert "account 123456789012, region us-east-1" in asked[0]
    assert {"faces: 1", "objects: 3", "rows: 1", "executions: 0"} <= set(lines.details)
    assert (aws.faces(), aws.thumbnails(), aws.s3.keys(aws.settings.photo_bucket)) == ([], [], [])
    assert set(aws.live_item() or {}) == {"Username", "uploadId", "erasedAt"}
    [record] = list(aws.table.rows_of_rider(ERASURES))
    assert RIDER not in str(record)


def test_erasing_twice_does_no_harm(aws: FakeAws, upload: Callable[[str], None]) -> None:
    upload("anna")
    erase(OPTIONS, Lines())
    again = erase(OPTIONS, Lines())
    assert (again.erased, again.faces, again.objects, again.rows) == (True, 0, 0, 0)


def test_nothing_is_erased_when_the_answer_is_no(aws: FakeAws, upload: Callable[[str], None]) -> None:
    upload("anna")
    before = aws.save()
    assert erase(OPTIONS, Lines(), lambda question: False) == RiderErased("test", RIDER, erased=False)
    assert aws.save() == before


def test_a_rider_whose_rows_have_expired_is_known_by_the_photos(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    row = aws.row(uploaded)
    assert row is not None
    aws.table.delete(row)
    assert erase(OPTIONS, Lines()).objects == 1


@pytest.mark.parametrize("command", [erase, allow_change])
@pytest.mark.parametrize("user", ["anna@example.com", "a/b", "", "..", "x" * 219])
def test_what_cannot_be_a_user_id_is_refused(command: Callable[..., Any], user: str) -> None:
    with pytest.raises(CheckError, match=r"is not a valid userId.*not the address"):
        command(RiderOptions("test", user), Lines())


def test_a_rider_whom_nobody_knows_is_not_erased(aws: FakeAws) -> None:
    before = aws.save()
    with pytest.raises(CheckError, match="Nothing is kept of a rider 'nobody' in the stage 'test'"):
        erase(RiderOptions("test", "nobody"), Lines())
    assert aws.save() == before


def test_an_erasure_that_s3_did_not_finish_says_so(
    aws: FakeAws, upload: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    upload("anna")
    delete_objects = aws.s3.delete_objects
    monkeypatch.setattr(aws.s3, "delete_objects", lambda **request: {"Errors": [{"Key": "a"}]})
    with pytest.raises(DeployError, match=f"Not all of {RIDER} is erased: .* Run the same command again"):
        erase(OPTIONS, Lines())
    monkeypatch.setattr(aws.s3, "delete_objects", delete_objects)
    assert erase(OPTIONS, Lines()).objects == 3


def test_a_service_that_refuses_is_named(aws: FakeAws, upload: Callable[[str], None]) -> None:
    upload("anna")
    aws.rekognition.fail_next("delete_faces", aws.rekognition.error("AccessDeniedException", "not you"))
    with pytest.raises(DeployError, match="AccessDeniedException: not you"):
        erase(OPTIONS, Lines())


def test_a_change_of_face_can_be_allowed_once(aws: FakeAws, upload: Callable[[str], None]) -> None:
    upload("anna")
    with pytest.raises(PhotoDoesNotMeetRequirementError) as refused:
        upload("ben")
    assert refused.value.reason is Reason.FACE_CHANGED
    allow_change(OPTIONS, Lines())
    upload("ben")
    assert "faceChangeAllowed" not in (aws.live_item() or {})
    with pytest.raises(PhotoDoesNotMeetRequirementError):
        upload("anna")


def test_nothing_is_allowed_to_a_rider_without_a_photo(aws: FakeAws, upload: Callable[[str], None]) -> None:
    with pytest.raises(CheckError, match="has no accepted photo"):
        allow_change(OPTIONS, Lines())
    assert aws.live_item() is None
    upload("anna")
    erase(OPTIONS, Lines())
    with pytest.raises(CheckError, match="has no accepted photo"):
        allow_change(OPTIONS, Lines())
    assert "faceChangeAllowed" not in (aws.live_item() or {})
