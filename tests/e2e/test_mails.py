"""The mails as a mail server receives them: by SMTP, from the SES of the embedded AWS."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest

from chalicelib.mail import Mail, compose
from chalicelib.models import Reason, UploadStatus
from chalicelib.outcome import MESSAGE_STARTS
from local.riders import Rider
from local.stack import SENDER, Stack
from tests.e2e.inbox import Inbox
from tests.e2e.support import ended, eventually, invoke, post, row_of

ERRORS = {
    **{reason: ("PhotoDoesNotMeetRequirementError", start) for reason, start in MESSAGE_STARTS.items()},
    Reason.MULTIPLE_FACES: ("PhotoDoesNotMeetRequirementError", "Detected 2 faces in the photo."),
    Reason.FACE_ALREADY_EXISTS: ("FaceAlreadyExistsError", "Another rider already uses this face."),
    None: ("States.Timeout", ""),
}


def tell(stack: Stack, rider: Rider, reason: Reason | None) -> None:
    """Let the function of the state machine tell the rider of the outcome of a form that was never used."""
    form = rider.create_upload("image/jpeg")
    error, cause = ERRORS[reason]
    state = {
        "userId": rider.user_id,
        "s3Bucket": stack.endpoints.photo_bucket,
        "s3Key": form.fields["key"],
        "s3VersionId": "null",
        "errorInfo": {"Error": error, "Cause": cause},
    }
    answer = invoke(stack, "notify_rider", state)
    assert (answer["reason"], answer["mail"]) == (reason, "sent")


def arrived(inbox: Inbox, rider: Rider, number: int) -> list[EmailMessage]:
    def all_of_them() -> list[EmailMessage] | None:
        found = inbox.of(rider.email, SENDER)
        return found if len(found) >= number else None

    return eventually(all_of_them)


def assert_is(received: EmailMessage, mail: Mail, rider: Rider) -> None:
    assert (received["From"], received["To"], received["Subject"]) == (SENDER, rider.email, mail.subject)
    assert received.get_content_type() == "multipart/alternative"
    plain, rich = received.iter_parts()
    assert (plain.get_content_type(), rich.get_content_type()) == ("text/plain", "text/html")
    assert plain.get_content() == mail.text
    assert rich.get_content().rstrip("\n") == mail.html


@pytest.mark.usefixtures("empty_world")
def test_an_accepted_photo_is_announced_once_with_a_link_to_the_page(
    stack: Stack, inbox: Inbox, new_rider: Callable[[], Rider], samples: dict[str, Path]
) -> None:
    rider = new_rider()
    form = post(rider, samples["biden"])
    assert ended(rider, form) == ("accepted", None)
    [mail] = arrived(inbox, rider, 1)
    page = f"{stack.endpoints.api_url}/"
    assert_is(mail, compose(UploadStatus.ACCEPTED, page_url=page), rider)
    marked = eventually(lambda: row_of(stack, rider, form).get("mail_accepted"))
    assert marked == {"S": "sent"}


def test_the_mail_for_each_reason_and_for_a_failure_arrives_as_it_was_written(
    stack: Stack, inbox: Inbox, new_rider: Callable[[], Rider]
) -> None:
    rider = new_rider()
    for reason in ERRORS:
        tell(stack, rider, reason)
    received = arrived(inbox, rider, len(ERRORS))
    page = f"{stack.endpoints.api_url}/"
    expected = [
        compose(UploadStatus.REJECTED if reason else UploadStatus.FAILED, reason, page_url=page)
        for reason in ERRORS
    ]
    by_text = {mail.get_body(("plain",)).get_content(): mail for mail in received}  # type: ignore[union-attr]
    assert len(received) == len(by_text) == len(Reason) + 1
    for mail in expected:  # each is relayed by a thread of its own, so in any order
        assert_is(by_text[mail.text], mail, rider)
