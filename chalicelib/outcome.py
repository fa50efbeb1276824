"""What went wrong, as a Catch hands it on: `errorInfo` with `Error` and `Cause`."""

from __future__ import annotations

import json
from collections.abc import Mapping


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
