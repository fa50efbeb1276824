from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.closing import close_execution
from chalicelib.erasure import Eraser
from chalicelib.errors import RiderNotToldError
from chalicelib.mail import compose
from chalicelib.models import RiderPhoto, UploadStatus
from tests.fakes import RIDER, FakeAws, photo
from tests.unit.pipeline import (
    accept,
    by_another_execution,
    error_info,
    parallel_result,
    persist,
    run,
    started,
    state,
    undo,
)


@pytest.fixture
def uploaded(aws: FakeAws) -> RiderPhoto:
    aws.cognito.sign_up(RIDER, email="rider@example.com", email_verified="true")
    return started(aws, aws.upload(photo("anna")))


def ended(photo: RiderPhoto, status: str = "TIMED_OUT", **fields: Any) -> dict[str, Any]:
    """The detail of the event that an execution has ended."""
    data = {"userId": photo.user_id, "s3Bucket": photo.bucket, "s3Key": photo.key}
    if photo.real_version_id:
        data["s3VersionId"] = photo.real_version_id
    return {"executionArn": photo.execution_arn, "status": status, "input": json.dumps(data), **fields}


def close(aws: FakeAws, detail: dict[str, Any]) -> Any:
    return run(aws, close_execution, detail=detail)


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_what_an_execution_left_open_is_undone_and_told(
    aws: FakeAws, uploaded: RiderPhoto, status: str
) -> None:
    parallel_result(aws, uploaded)
    assert close(aws, ended(uploaded, status)) == "failed"
    assert aws.status(uploaded) == "failed"
    assert (aws.faces(), aws.thumbnails()) == ([], [])
    assert (aws.row(uploaded) or {})["claim"] == {"S": "withdrawn"}
    [letter] = aws.dead_letters()
    assert (letter["source"], letter["error"]) == ("execution", f"Execution.{status}")
    assert letter["executionArn"] == uploaded.execution_arn
    assert len(aws.ses.mails) == 1


def test_the_event_twice_sends_one_mail_and_one_letter(aws: FakeAws, uploaded: RiderPhoto) -> None:
    close(aws, ended(uploaded))
    row = aws.row(uploaded)
    assert close(aws, ended(uploaded)) is None
    assert aws.row(uploaded) == row
    assert (len(aws.ses.mails), len(aws.dead_letters())) == (1, 1)


def test_an_execution_that_ended_its_upload_itself_needs_no_closing(
    aws: FakeAws, uploaded: RiderPhoto
) -> None:
    aws.table.end(uploaded, UploadStatus.REJECTED)
    row = aws.row(uploaded)
    assert close(aws, ended(uploaded, "FAILED")) is None
    assert aws.row(uploaded) == row
    assert (aws.ses.mails, aws.dead_letters()) == ([], [])


@pytest.mark.parametrize(("service", "operation"), [("sqs", "send_message"), ("cognito", "admin_get_user")])
def test_what_was_killed_before_the_rider_was_told_is_finished_by_the_events_repetition(
    aws: FakeAws, uploaded: RiderPhoto, service: str, operation: str
) -> None:
    getattr(aws, service).fail_next(operation, SystemExit("killed"))
    with pytest.raises(SystemExit):
        close(aws, ended(uploaded))
    assert close(aws, ended(uploaded)) == "failed"
    assert aws.status(uploaded) == "failed"
    assert len(aws.ses.mails) == 1
    assert [letter["executionArn"] for letter in aws.dead_letters()] == [uploaded.execution_arn]


def test_however_often_the_mail_of_a_failure_has_to_wait_its_letter_is_sent_once(
    aws: FakeAws, uploaded: RiderPhoto
) -> None:
    for _ in range(3):
        aws.ses.fail_next("send_email", aws.ses.error("TooManyRequestsException", status=429))
        with pytest.raises(RiderNotToldError):
            close(aws, ended(uploaded))
    assert close(aws, ended(uploaded)) == "failed"
    assert (len(aws.ses.mails), len(aws.dead_letters())) == (1, 1)


def test_an_execution_that_had_persisted_its_photo_ends_as_accepted(
    aws: FakeAws, uploaded: RiderPhoto
) -> None:
    persist(aws, uploaded)
    assert close(aws, ended(uploaded)) == "accepted"
    assert aws.status(uploaded) == "accepted"
    assert len(aws.faces()) == len(aws.thumbnails()) == 1
    assert aws.ses.mails == []


def test_an_upload_that_another_execution_works_on_is_left_to_it(aws: FakeAws, uploaded: RiderPhoto) -> None:
    parallel_result(aws, uploaded)
    before = aws.row(uploaded)
    assert close(aws, ended(by_another_execution(aws, uploaded))) == "decided"
    assert aws.row(uploaded) == before
    assert len(aws.faces()) == 1
    assert (aws.ses.mails, aws.dead_letters()) == ([], [])


def test_an_older_photo_of_a_rider_who_has_a_newer_one_is_superseded_and_not_mailed(
    aws: FakeAws, uploaded: RiderPhoto
) -> None:
    newer = accept(aws, aws.upload(photo("anna", nonce=1)))
    assert close(aws, ended(uploaded)) == "superseded"
    assert [face.external_image_id for face in aws.faces()] == [newer.external_image_id]
    assert [mail.subject for mail in aws.ses.mails] == [compose(UploadStatus.ACCEPTED).subject]
    assert aws.dead_letters() == []


def test_an_erased_riders_execution_is_closed_without_a_word(aws: FakeAws, uploaded: RiderPhoto) -> None:
    parallel_result(aws, uploaded)
    run(aws, Eraser).erase(RIDER)
    [execution] = aws.step_functions.executions.values()
    assert execution.status == "ABORTED"
    assert close(aws, ended(uploaded, "ABORTED")) == "decided"
    assert aws.row(uploaded) is None
    assert (aws.faces(), aws.ses.mails, aws.dead_letters()) == ([], [], [])


def test_a_photo_that_no_form_uploaded_is_closed_once_too(aws: FakeAws) -> None:
    by_hand = aws.put("1_happy_face.jpg", photo("anna"), "user_a")
    parallel_result(aws, by_hand)
    detail = ended(by_hand)
    assert close(aws, detail) == "failed"
    assert aws.faces() == []
    assert close(aws, detail) is None
    assert len(aws.dead_letters()) == 1
    assert aws.status(by_hand) == "failed"
    assert (aws.row(by_hand) or {})["mail_failed"] == {"S": "no-address"}


def test_an_object_that_is_gone_is_closed_as_failed(aws: FakeAws) -> None:
    missing = RiderPhoto("user_a", aws.settings.photo_bucket, "gone.jpg", execution_arn="arn:execution:x")
    assert close(aws, ended(missing)) == "failed"
    [row] = aws.dynamodb.items(aws.settings.uploads_table)
    assert row["status"] == {"S": "failed"}


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        "7",
        "null",
        "{}",
        '{"userId": "a/b"}',
        '{"userId": "a", "s3Bucket": 7, "s3Key": "k"}',
    ],
)
def test_an_execution_without_a_photo_did_nothing_that_is_to_be_undone(
    aws: FakeAws, text: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    detail = {"executionArn": "arn:aws:states:::execution:machine:x", "status": "FAILED", "input": text}
    assert close(aws, detail) is None
    assert caplog.messages == ["execution had no valid input"]
    assert aws.dynamodb.items(aws.settings.uploads_table) == []


def test_the_machines_own_undo_and_the_closing_do_not_disturb_each_other(
    aws: FakeAws, uploaded: RiderPhoto
) -> None:
    event = state(uploaded, parallelResult=parallel_result(aws, uploaded), errorInfo=error_info("X"))
    assert close(aws, ended(uploaded)) == "failed"
    assert undo(aws, uploaded, event)["status"] == "failed"
    assert aws.status(uploaded) == "failed"
    assert len(aws.ses.mails) == 1
