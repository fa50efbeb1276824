"""At most one mail for one outcome: the upload's row says that it is being sent before it is."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from chalicelib.clients import is_transient
from chalicelib.errors import RiderNotToldError, ServiceUnavailableError
from chalicelib.mail import Mail, compose
from chalicelib.models import Reason, RiderPhoto, UploadStatus
from chalicelib.observability import count, logger
from chalicelib.outcome import Unclear
from chalicelib.riders import contact_of
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
    ERROR = "error"  # nothing was sent, and never will be


def tell_rider(
    photo: RiderPhoto,
    status: UploadStatus,
    table: UploadsTable,
    cognito: CognitoIdentityProviderClient,
    ses: SESV2Client,
    settings: Settings,
    *,
    reason: Reason | None = None,
    unclear: Unclear | None = None,
) -> MailOutcome:
    """Mail the rider what became of an upload, unless that was done before; count what became of the mail.

    The upload is decided: whatever the mail meets changes nothing of that.

    Parameters
    ----------
    photo
        With its uploadId.
    status, reason, unclear
        The outcome; the reason of a rejection, and what is unclear about the face.

    Raises
    ------
    RiderNotToldError
        If a service was too busy: the same call may send the mail later.
    """
    try:
        outcome = _mail_once(photo, status, reason, unclear, table, cognito, ses, settings)
    except Exception as error:  # broad, as above
        if isinstance(error, ServiceUnavailableError) or is_transient(error):
            raise RiderNotToldError(f"The mail could not be sent yet: {error}") from error
        logger.exception("rider not told", extra={"userId": photo.user_id})
        outcome = MailOutcome.ERROR
    count("Mail", outcome=outcome)
    return outcome


def _mail_once(
    photo: RiderPhoto,
    status: UploadStatus,
    reason: Reason | None,
    unclear: Unclear | None,
    table: UploadsTable,
    cognito: CognitoIdentityProviderClient,
    ses: SESV2Client,
    settings: Settings,
) -> MailOutcome:
    contact = contact_of(photo.user_id, cognito, settings.user_pool_id)
    if contact is None:
        first = mark(table, photo, status, MailOutcome.NO_ADDRESS, expected=None)
        return MailOutcome.NO_ADDRESS if first else MailOutcome.ALREADY_HANDLED
    if not mark(table, photo, status, MailOutcome.SENDING, expected=None):
        return MailOutcome.ALREADY_HANDLED
    mail = compose(status, reason, unclear, locale=contact.locale, page_url=settings.page_url)
    try:
        suppressed = is_suppressed(contact.address, ses)
        outcome = MailOutcome.REFUSED if suppressed else _send(contact.address, mail, ses, settings)
    except ServiceUnavailableError:
        # SES has not taken it, so the state's retry may send it.
        unmark(table, photo, status)
        raise
    if outcome is not MailOutcome.SENDING:
        mark(table, photo, status, outcome, expected=MailOutcome.SENDING)
    return outcome


def mark(
    table: UploadsTable,
    photo: RiderPhoto,
    status: UploadStatus,
    outcome: MailOutcome,
    *,
    expected: MailOutcome | None,
) -> bool:
    """Move the row's `mail_{status}` from one state to the next, so that no mail of an outcome is sent twice.

    Returns
    -------
    bool
        False if it was not in the expected state, or the row is gone.
    """
    name = f"mail_{status}"
    condition = f"attribute_not_exists({name})" if expected is None else f"{name} = :expected"
    return table.update(
        photo,
        {name: {"S": outcome}},
        condition=f"attribute_exists(userId) AND {condition}",
        values={} if expected is None else {":expected": {"S": expected}},
    )


def unmark(table: UploadsTable, photo: RiderPhoto, status: UploadStatus) -> None:
    """Take the mark `sending` back: the mail was certainly not sent."""
    table.update(
        photo,
        {},
        condition=f"mail_{status} = :expected",
        values={":expected": {"S": MailOutcome.SENDING}},
        remove=(f"mail_{status}",),
    )


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
    except ClientError as error:
        # A 4xx says that SES did not take the mail; anything else leaves it open.
        if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
            return MailOutcome.SENDING
        if is_transient(error):
            raise ServiceUnavailableError("SES takes no more mails at the moment.") from error
        return MailOutcome.REFUSED
    except BotoCoreError:
        return MailOutcome.SENDING
    return MailOutcome.SENT
