"""Appeals: a rider says that a rejection is a mistake, and an operator may accept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from chalicelib.errors import AppealRefusedError, InvalidInputError
from chalicelib.models import RiderPhoto, UploadStatus, is_upload_id, utf8
from chalicelib.uploads_table import UploadsTable, iso

MAX_MESSAGE_LENGTH: Final = 500


def appeal(user_id: str, upload_id: str, message: object, table: UploadsTable) -> bool:
    """Note a rider's appeal in the row of a rejected upload, once.

    Parameters
    ----------
    message
        The rider's note to the operator: at most 500 characters, not empty.

    Returns
    -------
    bool
        False if the rider has no such upload.

    Raises
    ------
    InvalidInputError
        If the message is not such a text.
    AppealRefusedError
        If the upload was not rejected, or was appealed before.
    """
    if not isinstance(message, str) or not message.strip() or len(message) > MAX_MESSAGE_LENGTH:
        raise InvalidInputError(f"'message' must be a text of 1 to {MAX_MESSAGE_LENGTH} characters.")
    utf8(message, "message")
    row = table.row(user_id, upload_id) if is_upload_id(upload_id) else None
    if row is None:
        return False
    noted = table.update(
        RiderPhoto(user_id, "", "", upload_id=upload_id),
        {"appeal": {"S": message.strip()}, "appealedAt": {"S": iso(datetime.now(UTC))}},
        condition="#status = :rejected AND attribute_not_exists(appeal)",
        values={":rejected": {"S": UploadStatus.REJECTED}},
    )
    if not noted:
        why = "appealed before" if "appeal" in row else "not rejected"
        raise AppealRefusedError(f"This upload was {why}.")
    return True
