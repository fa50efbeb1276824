"""States PhotoDoesNotMeetRequirement and TellRiderOfFailure: the rider hears of the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from chalicelib.clients import is_transient
from chalicelib.errors import ServiceUnavailableError
from chalicelib.mail import Mail, compose
from chalicelib.models import Reason, RiderPhoto, UploadStatus, reason_of, state_of
from chalicelib.observability import count
from chalicelib.outcome import error_message
from chalicelib.riders import address_of
from chalicelib.suppression import is_suppressed
from chalicelib.uploads_table import UploadsTable

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_sesv2 import SESV2Client

    from chalicelib.settings import Settings


class MailOutcome(StrEnum):
    """What became of the one mail of an outcome."""

    SENDING = "sending"  # stays so if nobody knows whether SES took it
    SENT = "sent"
    NO_ADDRESS = "no-address"
    REFUSED = "refused"
    ALREADY_HANDLED = "already-handled"


def notify_rider(
    photo: RiderPhoto,
    event: Mapping[str, Any],
    table: UploadsTable,
    cognito: CognitoIdentityProviderClient,
    ses: SESV2Client,
    settings: Settings,
) -> dict[str, Any]:
    """Record a rejection, then mail the rider what was wrong and how to take a photo that passes.

    A mail that fails never changes the outcome, and none is sent twice: the row says that it is being
    sent before it is, so that a send whose answer was lost is not repeated.

    Parameters
    ----------
    photo
        With its uploadId; see `executions.identify`.
    event
        The state, with `errorInfo`.

    Returns
    -------
    dict
        The workshop's `{"messageToSend": {"title", "message"}}`, and `reason` and `mail`, the MailOutcome.
    """
    error, message = error_message(state_of(event).get("errorInfo"))
    reason = reason_of(error, message)
    if reason is None or table.end(photo, UploadStatus.REJECTED, reason=reason, message=message):
        outcome = _mail_once(photo, reason, table, cognito, ses, settings)
    else:  # decided otherwise before, or the rider was erased
        outcome = MailOutcome.ALREADY_HANDLED
    count("Mail", outcome=outcome)
    return {"messageToSend": {"title": error, "message": message}, "reason": reason, "mail": outcome}


def _mail_once(
    photo: RiderPhoto,
    reason: Reason | None,
    table: UploadsTable,
    cognito: CognitoIdentityProviderClient,
    ses: SESV2Client,
    settings: Settings,
) -> MailOutcome:
    address = address_of(photo.user_id, cognito, settings.user_pool_id)
    status = UploadStatus.REJECTED if reason else UploadStatus.FAILED
    if address is None:
        first = table.mark_mail(photo, status, MailOutcome.NO_ADDRESS, expected=None)
        return MailOutcome.NO_ADDRESS if first else MailOutcome.ALREADY_HANDLED
    if not table.mark_mail(photo, status, MailOutcome.SENDING, expected=None):
        return MailOutcome.ALREADY_HANDLED
    try:
        outcome = (
            MailOutcome.REFUSED
            if is_suppressed(address, ses)
            else _send(address, compose(reason), ses, settings)
        )
    except ServiceUnavailableError:
        # SES has not taken it, so the state's retry may send it.
        table.unmark_mail(photo, status, expected=MailOutcome.SENDING)
        raise
    if outcome is not MailOutcome.SENDING:
        table.mark_mail(photo, status, outcome, expected=MailOutcome.SENDING)
    return outcome


def _send(address: str, mail: Mail, ses: SESV2Client, settings: Settings) -> MailOutcome:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        ses.send_email(
            FromEmailAddress=settings.sender,
            ConfigurationSetName=settings.configuration_set,
            Destination={"ToAddresses": [address]},
            Content={
                "Simple": {
                    "Subject": {"Data": mail.subject, "Charset": "UTF-8"},
                    "Body": {
                        "Text": {"Data": mail.text, "Charset": "UTF-8"},
                        "Html": {"Data": mail.html, "Charset": "UTF-8"},
                    },
                }
            },
        )
    except (ses.exceptions.TooManyRequestsException, ses.exceptions.LimitExceededException) as error:
        raise ServiceUnavailableError("SES takes no more mails at the moment.") from error
    except ClientError as error:
        # A 4xx says that SES did not take the mail; anything else leaves it open.
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return MailOutcome.SENDING if status >= 500 and is_transient(error) else MailOutcome.REFUSED
    except BotoCoreError:
        return MailOutcome.SENDING
    return MailOutcome.SENT
