"""States PhotoDoesNotMeetRequirement and TellRiderOfFailure: the rider hears of the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.mail.delivery import MailOutcome, tell_rider
from chalicelib.models import Reason, RiderPhoto, UploadStatus, state_of
from chalicelib.outcome import error_message, reason_of, what_is_unclear
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
        With its uploadId; see `originals.identify`.
    event
        The state, with `errorInfo`.

    Returns
    -------
    dict
        The workshop's `{"messageToSend": {"title", "message"}}`, and `reason` and `mail`, the MailOutcome.

    Raises
    ------
    RiderNotToldError
        If all is done but the mail, which may be sent later.
    """
    error, message = error_message(state_of(event).get("errorInfo"))
    reason = reason_of(error, message)
    status = UploadStatus.REJECTED if reason else UploadStatus.FAILED
    if reason and not table.end(photo, status, reason=reason, message=message):
        outcome = MailOutcome.ALREADY_HANDLED  # decided otherwise before, or the rider was erased
    else:
        unclear = what_is_unclear(message) if reason is Reason.FACE_NOT_CLEAR else None
        outcome = tell_rider(photo, status, table, cognito, ses, settings, reason=reason, unclear=unclear)
    return {"messageToSend": {"title": error, "message": message}, "reason": reason, "mail": outcome}
