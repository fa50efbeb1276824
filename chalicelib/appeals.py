"""Appeals: a rider says that a rejection is a mistake, and an operator may accept.

Accepting waives, for this one upload, the rule that it broke (`waived` in its row) and starts it again.
The steps read that only where they would reject. FACE_ALREADY_EXISTS is waived between two riders for
good instead: see `twins`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from chalicelib.errors import AppealRefusedError, InvalidInputError
from chalicelib.models import Reason, RiderPhoto, UploadStatus, is_upload_id, utf8
from chalicelib.rows import iso
from chalicelib.uploads_table import UploadsTable

MAX_MESSAGE_LENGTH: Final = 500
# What a person may see otherwise. Without one face, or a file that can be read, there is nothing to accept.
WAIVABLE: Final = (Reason.FACE_ALREADY_EXISTS, Reason.FACE_CHANGED, Reason.SUNGLASSES, Reason.FACE_NOT_CLEAR)


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


def waived_reasons(photo: RiderPhoto, table: UploadsTable) -> frozenset[Reason]:
    """The rules that an operator waived for this upload."""
    row = table.row_of(photo) or {}
    return frozenset(Reason(reason["S"]) for reason in row.get("waived", {}).get("L", ()))


def waive(photo: RiderPhoto, reason: Reason, table: UploadsTable) -> bool:
    """Waive a rule for a rejected upload, besides those that are waived already.

    Returns
    -------
    bool
        False if the upload is not rejected any more.
    """
    waived = sorted({*waived_reasons(photo, table), reason})
    return table.update(
        photo,
        {"waived": {"L": [{"S": each} for each in waived]}},
        condition="#status = :rejected",
        values={":rejected": {"S": UploadStatus.REJECTED}},
    )
