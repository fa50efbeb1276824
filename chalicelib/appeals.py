"""Appeals: a rider says that a rejection is a mistake, and an operator may accept.

Accepting waives, for this one upload, the rule that it broke (`waived` in its row) and starts it again.
The steps read that only where they would reject. FACE_ALREADY_EXISTS is waived between two riders for
good instead: see `twins`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from chalicelib.errors import AppealRefusedError, InvalidInputError, PhotoGoneError
from chalicelib.models import Reason, RiderPhoto, UploadStatus, is_upload_id, utf8
from chalicelib.originals import is_kept
from chalicelib.rows import iso, photo_of_row, status_of
from chalicelib.uploads_table import UploadsTable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_MESSAGE_LENGTH: Final = 500
# What a person may see otherwise. Without one face, or a file that can be read, there is nothing to accept.
WAIVABLE: Final = (Reason.FACE_ALREADY_EXISTS, Reason.FACE_CHANGED, Reason.SUNGLASSES, Reason.FACE_NOT_CLEAR)


def appeal(user_id: str, upload_id: str, message: object, table: UploadsTable, s3: S3Client) -> bool:
    """Note a rider's appeal in the row of a rejected upload, once, while its photo is still there.

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
    PhotoGoneError
        If there is nothing left to look at: see `retention`.
    """
    if not isinstance(message, str) or not message.strip() or len(message) > MAX_MESSAGE_LENGTH:
        raise InvalidInputError(f"'message' must be a text of 1 to {MAX_MESSAGE_LENGTH} characters.")
    utf8(message, "message")
    row = table.row(user_id, upload_id) if is_upload_id(upload_id) else None
    if row is None:
        return False
    open_to_appeal = status_of(row) is UploadStatus.REJECTED and "appeal" not in row
    if open_to_appeal and not is_kept(photo_of_row(row), s3):
        raise PhotoGoneError(
            "We do not have this photo any more: one that was not accepted is kept for a day. "
            "Please send it again."
        )
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


def waive(photo: RiderPhoto, reason: Reason, table: UploadsTable) -> bool:
    """Waive a rule for a rejected upload, besides those that are waived already.

    Returns
    -------
    bool
        False if the upload is not rejected any more.
    """
    waived = sorted({*table.waived_reasons(photo), reason})
    return table.update(
        photo,
        {"waived": {"L": [{"S": each} for each in waived]}},
        condition="#status = :rejected",
        values={":rejected": {"S": UploadStatus.REJECTED}},
    )
