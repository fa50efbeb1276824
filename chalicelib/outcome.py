"""What went wrong, as a Catch hands it on: `errorInfo` with `Error` and `Cause`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum

from chalicelib.errors import FaceAlreadyExistsError, PhotoDoesNotMeetRequirementError
from chalicelib.models import Reason

# How each rejection's message begins: the only thing a state machine passes on of an exception
# is its name and its message, so the reason is read back from these.
MESSAGE_STARTS = {
    Reason.NO_FACE: "Detected 0 faces",
    Reason.MULTIPLE_FACES: "Detected ",
    Reason.SUNGLASSES: "Face is wearing sunglasses",
    Reason.FACE_NOT_CLEAR: "Face is not clear",
    Reason.FACE_CHANGED: "Face is not the same person's as in the current photo",
    Reason.UNSUPPORTED_FORMAT: "Unsupported image file format. Only JPEG or PNG is supported",
    Reason.IMAGE_TOO_LARGE: "Image is too large",
    Reason.IMAGE_UNREADABLE: "Image cannot be read",
}


class Unclear(StrEnum):
    """What is unclear about a face: how a rejection's message says it, behind its beginning and a colon."""

    EYES_CLOSED = "the eyes are closed"
    COVERED = "the face is partly covered"
    TURNED = "the head is turned"
    NODDED = "the head looks up or down"
    TILTED = "the head is tilted"
    SMALL = "the face is too small"
    DARK = "the face is too dark"
    BLURRED = "the face is blurred"


def what_is_unclear(message: str) -> Unclear | None:
    """What the message of a rejection says is unclear about the face; None if that is not known so exactly.

    Of several things the first.
    """
    found = {message.find(f"{unclear}"): unclear for unclear in Unclear if f"{unclear}" in message}
    return found[min(found)] if found else None


def reason_of(error: str, message: str) -> Reason | None:
    """The reason behind an error that a state caught, or None if the rider is not to blame.

    Parameters
    ----------
    error
        The error's name, as in a Catch's `Error`.
    message
        The exception's message, as in `errorMessage` of a Catch's `Cause`.
    """
    if error == FaceAlreadyExistsError.__name__:
        return Reason.FACE_ALREADY_EXISTS
    if error != PhotoDoesNotMeetRequirementError.__name__:
        return None
    for reason, start in MESSAGE_STARTS.items():
        if message.startswith(start):
            return reason
    return Reason.FACE_NOT_CLEAR


def error_message(error_info: object) -> tuple[str, str]:
    """The error's name and its message, whatever the Cause looks like.

    Parameters
    ----------
    error_info
        `{"Error": name, "Cause": text}`; a Lambda function's Cause is the JSON
        `{"errorMessage", "errorType", "stackTrace"}`, other states' is plain text.

    Returns
    -------
    tuple of str
        ("Unknown", "") if there is nothing to read.
    """
    if not isinstance(error_info, Mapping):
        return "Unknown", ""
    error = str(error_info.get("Error") or "Unknown")
    cause = error_info.get("Cause")
    if not isinstance(cause, str):
        return error, ""
    try:
        parsed = json.loads(cause)
    except (ValueError, RecursionError):
        return error, cause
    if isinstance(parsed, dict) and isinstance(parsed.get("errorMessage"), str):
        return error, parsed["errorMessage"]
    return error, cause
