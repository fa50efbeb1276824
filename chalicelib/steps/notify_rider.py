"""States PhotoDoesNotMeetRequirement and TellRiderOfFailure: the rider hears of the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.mail.delivery import MailOutcome, mail_once
from chalicelib.models import RiderPhoto, UploadStatus, state_of
from chalicelib.observability import count
from chalicelib.outcome import error_message, reason_of
from chalicelib.uploads_table import UploadsTable

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_sesv2 import SESV2Client

    from chalicelib.settings import Settings


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
    if reason is None:
        outcome = mail_once(photo, UploadStatus.FAILED, None, table, cognito, ses, settings)
    elif table.end(photo, UploadStatus.REJECTED, reason=reason, message=message):
        outcome = mail_once(photo, UploadStatus.REJECTED, reason, table, cognito, ses, settings)
    else:  # decided otherwise before, or the rider was erased
        outcome = MailOutcome.ALREADY_HANDLED
    count("Mail", outcome=outcome)
    return {"messageToSend": {"title": error, "message": message}, "reason": reason, "mail": outcome}
