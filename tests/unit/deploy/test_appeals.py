from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.appeals import appeal
from chalicelib.errors import FaceAlreadyExistsError
from chalicelib.models import Reason, RiderPhoto, UploadStatus
from chalicelib.steps.search_face import search_face
from chalicelib.twins import are_twins
from deploy.appeals import AcceptedUpload, AcceptOptions, Appeal, AppealsOptions, accept, appeals
from deploy.errors import CheckError, DeployError
from tests.fakes import RIDER, FakeAws, photo
from tests.unit.deploy.fakes import Lines, up_in
from tests.unit.pipeline import accept as accepted
from tests.unit.pipeline import audit, grow_old, run, started

TAKEN = "Another rider already uses this face."


@pytest.fixture(autouse=True)
def _up(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    up_in(aws, monkeypatch)


def refuse(aws: FakeAws, uploaded: RiderPhoto, reason: Reason, message: str = TAKEN) -> RiderPhoto:
    """End an upload as its execution does."""
    started(aws, uploaded)
    aws.table.end(uploaded, UploadStatus.REJECTED, reason=reason, message=message)
    return uploaded


@pytest.fixture
def twin(aws: FakeAws) -> RiderPhoto:
    """A rejected upload whose face another rider holds."""
    accepted(aws, aws.upload(photo("anna"), "annas-id"))
    return refuse(aws, aws.upload(photo("anna", nonce=1)), Reason.FACE_ALREADY_EXISTS)


def options(uploaded: RiderPhoto) -> AcceptOptions:
    return AcceptOptions("test", uploaded.user_id, uploaded.known_upload_id)


def executions_of(aws: FakeAws, uploaded: RiderPhoto) -> list[str]:
    names = aws.step_functions.executions
    return sorted(name for name in names if name.startswith(uploaded.known_upload_id))


def test_appeals_are_listed_until_the_upload_is_accepted(aws: FakeAws, twin: RiderPhoto) -> None:
    refuse(aws, aws.upload(photo()), Reason.NO_FACE, "Detected 0 faces")
    assert appeals(AppealsOptions("test"), Lines()) == []
    appeal(RIDER, twin.known_upload_id, "My \x1b[31mtwin!", aws.table, aws.s3)
    lines = Lines()
    [found] = appeals(AppealsOptions("test"), lines)
    when = found.appealed_at
    assert found == Appeal(
        RIDER, twin.known_upload_id, "FACE_ALREADY_EXISTS", TAKEN, when, "My \x1b[31mtwin!", []
    )
    assert f"--user {RIDER} --upload {twin.upload_id}" in lines.details
    assert "\x1b" not in "".join(lines.details)
    accept(options(twin), Lines())
    assert appeals(AppealsOptions("test"), Lines()) == []


def test_accepting_makes_twins_and_starts_the_next_attempt(aws: FakeAws, twin: RiderPhoto) -> None:
    asked: list[str] = []

    def agree(question: str) -> bool:
        asked.append(question)
        return True

    done = accept(options(twin), Lines(), agree)
    assert done == AcceptedUpload(
        "test",
        RIDER,
        twin.known_upload_id,
        started=True,
        status="processing",
        waived="FACE_ALREADY_EXISTS",
        twins=["annas-id"],
    )
    assert "annas-id will be known as the rider's twin" in asked[0]
    assert are_twins(RIDER, "annas-id", aws.table)
    assert are_twins("annas-id", RIDER, aws.table)
    first, second = executions_of(aws, twin)
    assert second == f"{first}-2"
    row = aws.row(twin) or {}
    assert row["executionArn"] == {"S": aws.execution_arn(second)}
    assert not {"reason", "message"} & row.keys()
    again = replace(twin, execution_arn=aws.execution_arn(second))
    run(aws, search_face, photo=again)
    assert aws.status(accepted(aws, again)) == "accepted"
    assert len(aws.faces()) == 2


def test_accepting_twice_changes_nothing_the_second_time(aws: FakeAws, twin: RiderPhoto) -> None:
    accept(options(twin), Lines())
    before = aws.save()
    lines = Lines()
    again = accept(options(twin), lines)
    assert (again.started, again.status) == (False, "processing")
    assert "accepted before" in lines.steps[0]
    assert aws.save() == before


def test_nothing_changes_when_the_answer_is_no(aws: FakeAws, twin: RiderPhoto) -> None:
    before = aws.save()
    done = accept(options(twin), Lines(), lambda question: False)
    assert (done.started, done.status) == (False, "rejected")
    assert aws.save() == before


def test_whoever_was_stopped_before_the_start_repeats_the_command(aws: FakeAws, twin: RiderPhoto) -> None:
    # After one twin's record, and before the other's.
    aws.dynamodb.fail_next("update_item", aws.dynamodb.error("InternalServerError"), after_effect=True)
    with pytest.raises(DeployError, match="InternalServerError"):
        accept(options(twin), Lines())
    assert aws.status(twin) == "rejected"
    assert accept(options(twin), Lines()).started
    assert are_twins("annas-id", RIDER, aws.table)


def test_what_was_taken_over_and_not_started_is_started_by_the_audit(aws: FakeAws, twin: RiderPhoto) -> None:
    refused = aws.step_functions.error("StateMachineDeleting")
    aws.step_functions.fail_next("start_execution", refused)
    with pytest.raises(DeployError, match="StateMachineDeleting"):
        accept(options(twin), Lines())
    assert len(executions_of(aws, twin)) == 1
    grow_old(aws)
    audit(aws)
    assert len(executions_of(aws, twin)) == 2


def test_a_rider_who_took_the_face_meanwhile_still_holds_it_until_accepted_again(
    aws: FakeAws, twin: RiderPhoto
) -> None:
    accept(options(twin), Lines())
    attempt = replace(twin, execution_arn=(aws.row(twin) or {})["executionArn"]["S"])
    accepted(aws, aws.upload(photo("carl"), "carls-id"))
    aws.rekognition.resemble("anna", "carl", 99.0)
    with pytest.raises(FaceAlreadyExistsError):
        run(aws, search_face, photo=attempt)
    aws.table.end(attempt, UploadStatus.REJECTED, reason=Reason.FACE_ALREADY_EXISTS, message=TAKEN)
    assert accept(options(twin), Lines()).twins == ["carls-id"]
    run(aws, search_face, photo=attempt)


def test_a_face_that_nobody_holds_any_more_makes_no_twins(aws: FakeAws) -> None:
    uploaded = refuse(aws, aws.upload(photo("anna")), Reason.FACE_ALREADY_EXISTS)
    done = accept(options(uploaded), Lines())
    assert (done.started, done.twins) == (True, [])


@pytest.mark.parametrize("reason", [Reason.SUNGLASSES, Reason.FACE_NOT_CLEAR, Reason.FACE_CHANGED])
def test_other_rules_are_waived_for_this_upload_alone(aws: FakeAws, reason: Reason) -> None:
    uploaded = refuse(aws, aws.upload(photo("anna")), reason)
    other = refuse(aws, aws.upload(photo("anna", nonce=1)), reason)
    assert accept(options(uploaded), Lines()).waived == reason
    assert aws.table.waived_reasons(uploaded) == {reason}
    assert aws.table.waived_reasons(other) == frozenset()


@pytest.mark.parametrize("reason", [Reason.NO_FACE, Reason.MULTIPLE_FACES, Reason.IMAGE_UNREADABLE])
def test_what_cannot_be_waived_is_said(aws: FakeAws, reason: Reason) -> None:
    uploaded = refuse(aws, aws.upload(photo()), reason)
    check(aws, options(uploaded), f"{reason} can't be waived")


def test_an_upload_that_was_not_rejected_is_not_accepted(aws: FakeAws) -> None:
    check(aws, options(accepted(aws, aws.upload(photo("anna")))), "The upload is accepted, not rejected")


@pytest.mark.parametrize("upload", ["nothing", "01a2045c-1468-723d-bdd9-8dada359e8f1"])
def test_an_upload_that_nobody_made_is_named(aws: FakeAws, upload: str) -> None:
    check(aws, AcceptOptions("test", RIDER, upload), f"has no upload '{upload}'")


def test_a_photo_that_is_gone_is_not_accepted(aws: FakeAws, twin: RiderPhoto) -> None:
    aws.s3.delete_object(**twin.as_s3_object())
    check(aws, options(twin), "not in the bucket any more")


def test_who_may_not_read_the_photo_hears_of_photo_readers(aws: FakeAws, twin: RiderPhoto) -> None:
    aws.s3.fail_next("head_object", aws.s3.error("403", "Forbidden"))
    check(aws, options(twin), "up --photo-readers")


def test_a_photo_that_a_newer_one_has_overtaken_is_not_accepted(aws: FakeAws, twin: RiderPhoto) -> None:
    accepted(aws, aws.upload(photo("carl")))
    check(aws, options(twin), "has a newer photo")


def check(aws: FakeAws, given: AcceptOptions, said: str) -> None:
    """It is refused with these words, and nothing changes."""
    before: Any = aws.save()
    with pytest.raises(CheckError, match=said):
        accept(given, Lines())
    assert aws.save() == before
