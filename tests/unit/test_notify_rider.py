from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from chalicelib.erasure import Eraser
from chalicelib.errors import RiderNotToldError
from chalicelib.mail import compose, delivery
from chalicelib.mail.delivery import MailOutcome, mark
from chalicelib.models import Reason, RiderPhoto, UploadStatus
from chalicelib.outcome import MESSAGE_STARTS, Unclear
from chalicelib.steps.notify_rider import notify_rider as notify_rider_step
from tests.fakes import RIDER, FakeAws, photo
from tests.unit.pipeline import by_another_execution, error_info, run, state

ADDRESS = "rider@example.com"
REJECTION = "PhotoDoesNotMeetRequirementError"
ERRORS = {
    **{reason: error_info(REJECTION, f"{start}2 faces …") for reason, start in MESSAGE_STARTS.items()},
    Reason.FACE_ALREADY_EXISTS: error_info("FaceAlreadyExistsError", "Another rider already uses this face."),
}


@pytest.fixture
def uploaded(aws: FakeAws) -> RiderPhoto:
    aws.cognito.sign_up(RIDER, email=ADDRESS, email_verified="true", sub=RIDER)
    upload = aws.upload(photo("anna"))
    aws.table.bind(upload)
    return upload


def notify(aws: FakeAws, uploaded: RiderPhoto, info: Any) -> dict[str, Any]:
    answer: dict[str, Any] = run(
        aws, notify_rider_step, photo=uploaded, event=state(uploaded, errorInfo=info)
    )
    return answer


@pytest.mark.parametrize("reason", ERRORS)
def test_each_rejection_is_recorded_and_mailed_in_its_words(
    aws: FakeAws, uploaded: RiderPhoto, reason: Reason
) -> None:
    result = notify(aws, uploaded, ERRORS[reason])
    assert (result["reason"], result["mail"]) == (reason, "sent")
    row = aws.row(uploaded)
    assert row is not None
    assert (row["status"], row["reason"], row["mail_rejected"]) == (
        {"S": "rejected"},
        {"S": reason},
        {"S": "sent"},
    )
    [mail] = aws.ses.mails
    expected = compose(UploadStatus.REJECTED, reason)
    assert mail.to == (ADDRESS,)
    assert mail.sender == aws.settings.sender
    assert (mail.subject, mail.text, mail.html) == (expected.subject, expected.text, expected.html)


def test_the_mail_is_in_the_riders_language_and_links_to_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = FakeAws(PAGE_URL="https://rides.example.com/api/")
    said = dict[str, Any]()
    monkeypatch.setattr(delivery, "compose", lambda *what, **how: said.update(how) or compose(*what, **how))
    aws.cognito.sign_up(RIDER, email=ADDRESS, email_verified="true", locale="de-AT")
    uploaded = aws.upload(photo("anna"))
    aws.table.bind(uploaded)
    notify(aws, uploaded, ERRORS[Reason.NO_FACE])
    assert said == {"locale": "de-AT", "page_url": "https://rides.example.com/api/"}
    assert 'href="https://rides.example.com/api/"' in aws.ses.mails[0].html


def test_the_answer_is_the_workshops(aws: FakeAws, uploaded: RiderPhoto) -> None:
    result = notify(aws, uploaded, error_info(REJECTION, "Detected 0 faces in the photo."))
    assert result["messageToSend"] == {"title": REJECTION, "message": "Detected 0 faces in the photo."}


def test_a_technical_failure_is_mailed_but_not_recorded_as_a_rejection(
    aws: FakeAws, uploaded: RiderPhoto
) -> None:
    result = notify(aws, uploaded, {"Error": "States.Timeout", "Cause": ""})
    assert (result["reason"], result["mail"]) == (None, "sent")
    assert aws.status(uploaded) == "processing"
    assert aws.ses.mails[0].subject == compose(UploadStatus.FAILED).subject


def test_a_repetition_sends_no_second_mail(aws: FakeAws, uploaded: RiderPhoto) -> None:
    info = ERRORS[Reason.NO_FACE]
    assert notify(aws, uploaded, info)["mail"] == "sent"
    row = aws.row(uploaded)
    assert notify(aws, uploaded, info)["mail"] == "already-handled"
    assert len(aws.ses.mails) == 1
    ended = aws.row(uploaded) or {}
    assert ended == row


@pytest.mark.parametrize("code", ["MessageRejected", "BadRequestException", "SendingPausedException"])
def test_a_mail_that_ses_refuses_changes_no_outcome_and_is_not_repeated(
    aws: FakeAws, uploaded: RiderPhoto, code: str
) -> None:
    aws.ses.fail_next("send_email", aws.ses.error(code))
    assert notify(aws, uploaded, ERRORS[Reason.SUNGLASSES])["mail"] == "refused"
    assert aws.status(uploaded) == "rejected"
    assert (aws.row(uploaded) or {})["mail_rejected"] == {"S": "refused"}
    assert notify(aws, uploaded, ERRORS[Reason.SUNGLASSES])["mail"] == "already-handled"
    assert aws.ses.mails == []


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="https://email"),
        ConnectTimeoutError(endpoint_url="https://email"),
        EndpointConnectionError(endpoint_url="https://email"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_mail_whose_fate_is_unknown_is_not_sent_again(
    aws: FakeAws, uploaded: RiderPhoto, error: Exception, taken: bool
) -> None:
    aws.ses.fail_next("send_email", error, after_effect=taken)
    assert notify(aws, uploaded, ERRORS[Reason.NO_FACE])["mail"] == "sending"
    assert (aws.row(uploaded) or {})["mail_rejected"] == {"S": "sending"}
    assert aws.status(uploaded) == "rejected"
    assert notify(aws, uploaded, ERRORS[Reason.NO_FACE])["mail"] == "already-handled"
    assert len(aws.ses.mails) == taken


def test_an_internal_error_of_ses_leaves_it_open(aws: FakeAws, uploaded: RiderPhoto) -> None:
    aws.ses.fail_next("send_email", aws.ses.error("InternalFailure", status=500))
    assert notify(aws, uploaded, ERRORS[Reason.NO_FACE])["mail"] == "sending"


def test_a_step_killed_after_the_mail_was_marked_sends_none_on_its_repetition(
    aws: FakeAws, uploaded: RiderPhoto
) -> None:
    assert mark(aws.table, uploaded, UploadStatus.REJECTED, MailOutcome.SENDING, expected=None)
    assert notify(aws, uploaded, ERRORS[Reason.NO_FACE])["mail"] == "already-handled"
    assert aws.ses.mails == []
    assert aws.status(uploaded) == "rejected"


@pytest.mark.parametrize("client", ["cognito", "dynamodb"])
def test_a_step_that_fails_before_the_mail_can_be_repeated(
    aws: FakeAws, uploaded: RiderPhoto, client: str
) -> None:
    operation = {"cognito": "admin_get_user", "dynamodb": "update_item"}[client]
    busy = getattr(aws, client).error("TooManyRequestsException", status=503)
    getattr(aws, client).fail_next(operation, busy)
    with pytest.raises(RiderNotToldError if client == "cognito" else type(busy)):
        notify(aws, uploaded, ERRORS[Reason.NO_FACE])
    assert notify(aws, uploaded, ERRORS[Reason.NO_FACE])["mail"] == "sent"
    assert len(aws.ses.mails) == 1


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"sub": RIDER},
        {"email": ADDRESS, "email_verified": "false"},
        {"email": ADDRESS},
        {"email": "", "email_verified": "true"},
    ],
)
def test_no_verified_address_is_recorded_and_no_error(
    aws: FakeAws, uploaded: RiderPhoto, attributes: dict[str, str]
) -> None:
    aws.cognito.sign_up(RIDER, **attributes)
    assert notify(aws, uploaded, ERRORS[Reason.NO_FACE])["mail"] == "no-address"
    assert (aws.row(uploaded) or {})["mail_rejected"] == {"S": "no-address"}
    assert aws.status(uploaded) == "rejected"
    assert notify(aws, uploaded, ERRORS[Reason.NO_FACE])["mail"] == "already-handled"
    assert aws.ses.mails == []


@pytest.mark.parametrize("user_id", ["user_a", "u" * 218])
def test_a_rider_whom_the_pool_does_not_know_has_no_address(aws: FakeAws, user_id: str) -> None:
    by_hand = aws.put("1_happy_face.jpg", photo(), user_id)
    assert notify(aws, by_hand, ERRORS[Reason.NO_FACE])["mail"] == "no-address"
    assert aws.status(by_hand) == "rejected"


@pytest.mark.parametrize(
    ("info", "title", "message"),
    [
        ({"Error": "X", "Cause": "not JSON {"}, "X", "not JSON {"),
        ({"Error": "X", "Cause": "[" * 100_000}, "X", "[" * 100_000),
        ({"Error": "X", "Cause": '"text"'}, "X", '"text"'),
        ({"Error": "X", "Cause": '{"errorMessage": 7}'}, "X", '{"errorMessage": 7}'),
        ({"Error": "X", "Cause": None}, "X", ""),
        ({"Error": "X"}, "X", ""),
        ({}, "Unknown", ""),
        (None, "Unknown", ""),
        ("text", "Unknown", ""),
    ],
    ids=range(9),
)
def test_a_cause_of_any_shape_breaks_nothing(
    aws: FakeAws, uploaded: RiderPhoto, info: Any, title: str, message: str
) -> None:
    result = notify(aws, uploaded, info)
    assert result["messageToSend"] == {"title": title, "message": message}
    assert result["mail"] == "sent"


def test_a_rejection_whose_cause_is_no_json_is_still_a_rejection(aws: FakeAws, uploaded: RiderPhoto) -> None:
    result = notify(aws, uploaded, {"Error": REJECTION, "Cause": "Face is wearing sunglasses"})
    assert result["reason"] == "SUNGLASSES"


def test_the_address_appears_in_no_row_no_answer_and_no_log(
    aws: FakeAws, uploaded: RiderPhoto, capsys: pytest.CaptureFixture[str]
) -> None:
    result = notify(aws, uploaded, ERRORS[Reason.NO_FACE])
    rows = aws.dynamodb.items(aws.settings.uploads_table)
    captured = capsys.readouterr()
    assert ADDRESS not in json.dumps([result, rows]) + captured.out + captured.err


def test_mails_and_their_outcomes_are_counted(
    aws: FakeAws, uploaded: RiderPhoto, capsys: pytest.CaptureFixture[str]
) -> None:
    notify(aws, uploaded, ERRORS[Reason.NO_FACE])
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"outcome": "sent", "Mail": [1.0]}.items() <= counted[-1].items()
    assert {"status": "rejected", "reason": "NO_FACE", "UploadEnded": [1.0]}.items() <= counted[0].items()


def test_an_upload_that_ended_otherwise_keeps_its_status(aws: FakeAws, uploaded: RiderPhoto) -> None:
    aws.table.end(uploaded, UploadStatus.SUPERSEDED)
    assert notify(aws, uploaded, ERRORS[Reason.NO_FACE])["mail"] == "already-handled"
    assert aws.status(uploaded) == "superseded"
    assert aws.ses.mails == []


@pytest.mark.parametrize(
    ("code", "status"),
    [("TooManyRequestsException", 429), ("LimitExceededException", 400), ("ThrottlingException", 400)],
)
def test_a_mail_that_ses_is_too_busy_for_is_sent_by_the_steps_repetition(
    aws: FakeAws, uploaded: RiderPhoto, code: str, status: int
) -> None:
    aws.ses.fail_next("send_email", aws.ses.error(code, status=status))
    with pytest.raises(RiderNotToldError):
        notify(aws, uploaded, ERRORS[Reason.NO_FACE])
    assert "mail_rejected" not in (aws.row(uploaded) or {})
    assert notify(aws, uploaded, ERRORS[Reason.NO_FACE])["mail"] == "sent"
    assert len(aws.ses.mails) == 1


def test_a_rejection_after_a_failure_that_was_mailed_is_an_outcome_of_its_own(
    aws: FakeAws, uploaded: RiderPhoto
) -> None:
    assert notify(aws, uploaded, {"Error": "States.Timeout", "Cause": ""})["mail"] == "sent"
    assert notify(aws, uploaded, ERRORS[Reason.NO_FACE])["mail"] == "sent"
    assert len(aws.ses.mails) == 2


@pytest.mark.parametrize("info", [ERRORS[Reason.NO_FACE], {"Error": "States.Timeout", "Cause": ""}])
def test_a_rider_who_was_erased_gets_no_mail_and_no_row(
    aws: FakeAws, uploaded: RiderPhoto, info: dict[str, str]
) -> None:
    run(aws, Eraser).erase(uploaded.user_id)
    assert notify(aws, uploaded, info)["mail"] == "already-handled"
    assert aws.row(uploaded) is None
    assert aws.ses.mails == []


def test_an_execution_that_the_upload_is_not_bound_to_records_and_mails_nothing(
    aws: FakeAws, uploaded: RiderPhoto
) -> None:
    stranger = by_another_execution(aws, uploaded)
    assert notify(aws, stranger, ERRORS[Reason.NO_FACE])["mail"] == "already-handled"
    assert aws.status(uploaded) == "processing"
    assert aws.ses.mails == []


def test_a_suppressed_address_gets_no_mail_and_the_row_says_so(aws: FakeAws, uploaded: RiderPhoto) -> None:
    aws.ses.suppressed.add(ADDRESS)
    assert notify(aws, uploaded, ERRORS[Reason.NO_FACE])["mail"] == "refused"
    assert (aws.row(uploaded) or {})["mail_rejected"] == {"S": "refused"}
    assert aws.ses.mails == []


@pytest.mark.parametrize("code", ["TooManyRequestsException", "AccessDeniedException", None])
def test_a_mail_is_sent_all_the_same_if_ses_does_not_say_whether_it_would_suppress_it(
    aws: FakeAws, uploaded: RiderPhoto, code: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"https://email.example.com/v2/email/suppression/addresses/{ADDRESS}"
    silent = aws.ses.error(code, status=429) if code else EndpointConnectionError(endpoint_url=url)
    aws.ses.fail_next("get_suppressed_destination", silent)
    assert notify(aws, uploaded, ERRORS[Reason.NO_FACE])["mail"] == "sent"
    [said] = [vars(record) for record in caplog.records]
    assert said["error"] == (code or "EndpointConnectionError")
    assert ADDRESS not in str(said)


def test_an_unclear_face_is_told_by_what_is_unclear(aws: FakeAws, uploaded: RiderPhoto) -> None:
    notify(
        aws, uploaded, error_info(REJECTION, "Face is not clear: the face is blurred, it is hardly visible.")
    )
    expected = compose(UploadStatus.REJECTED, Reason.FACE_NOT_CLEAR, Unclear.BLURRED)
    assert [mail.text for mail in aws.ses.mails] == [expected.text]
    assert "blurred" in expected.text


def test_a_mail_that_meets_what_no_repetition_mends_is_counted_and_changes_nothing(
    aws: FakeAws,
    uploaded: RiderPhoto,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    aws.cognito.fail_next("admin_get_user", aws.cognito.error("NotAuthorizedException"))
    assert notify(aws, uploaded, ERRORS[Reason.NO_FACE])["mail"] == "error"
    assert aws.status(uploaded) == "rejected"
    assert "rider not told" in caplog.messages
    assert '"outcome":"error"' in capsys.readouterr().out


def test_an_outcome_is_counted_once_however_often_it_is_recorded(
    aws: FakeAws, uploaded: RiderPhoto, capsys: pytest.CaptureFixture[str]
) -> None:
    notify(aws, uploaded, ERRORS[Reason.NO_FACE])
    notify(aws, uploaded, ERRORS[Reason.NO_FACE])
    assert capsys.readouterr().out.count('"UploadEnded":') == 1
