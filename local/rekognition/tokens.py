"""Pagination tokens: opaque to the caller, and of use only where they were given out."""

import base64
import binascii
import json

from local.rekognition.errors import RekognitionError


def make_token(operation: str, collection: int, after: int) -> str:
    """Return a token to go on after row `after` of a listing."""
    return base64.urlsafe_b64encode(json.dumps([operation, collection, after]).encode()).decode()


def read_token(token: str | None, operation: str, collection: int) -> int:
    """Return the row to go on after, 0 without a token.

    Raises
    ------
    RekognitionError
        InvalidPaginationTokenException, unless this operation gave the token out for this collection.
    """
    if token is None:
        return 0
    try:
        given_by, of_collection, after = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError, RecursionError):
        given_by = of_collection = after = None
    if (
        (given_by, of_collection) != (operation, collection)
        or type(after) is not int
        or not 0 <= after < 2**63
    ):
        raise RekognitionError(
            "InvalidPaginationTokenException",
            "Pagination token is not valid: use NextToken of the answer before.",
        )
    return after
