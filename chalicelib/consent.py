"""Consent: no face is processed before its rider has agreed to it, and none is kept after."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from chalicelib.errors import ConsentMissingError, InvalidInputError
from chalicelib.rows import iso, text_of

if TYPE_CHECKING:
    from chalicelib.erasure import Eraser
    from chalicelib.records import RiderRecords

# Of the text that riders agree to, which is in web/strings.en.js: whoever changes what it says changes
# both, and each rider is asked again.
CONSENT_VERSION: Final = "3"
_RECORD: Final = "consent"


def has_consented(user_id: str, records: RiderRecords) -> bool:
    """Whether the rider has agreed to the current text, and has not withdrawn it."""
    record = records.get(user_id, _RECORD)
    return text_of(record, "version") == CONSENT_VERSION and text_of(record, "withdrawnAt") is None


def require_consent(user_id: str, records: RiderRecords) -> None:
    """Let only riders pass who have agreed.

    Raises
    ------
    ConsentMissingError
        For all others.
    """
    if not has_consented(user_id, records):
        raise ConsentMissingError(
            f"Agree to the processing of your face first: POST /consent with version {CONSENT_VERSION!r}."
        )


def view_consent(user_id: str, records: RiderRecords) -> dict[str, Any]:
    """What `GET /consent` answers: the current text's version, and whether the rider has agreed to it."""
    return {"version": CONSENT_VERSION, "given": has_consented(user_id, records)}


def give_consent(user_id: str, version: object, records: RiderRecords) -> None:
    """Record that the rider agrees; a repetition keeps the time of the first.

    Raises
    ------
    InvalidInputError
        If the rider has read another text than the current one.
    """
    if version != CONSENT_VERSION:
        raise InvalidInputError(
            f"'version' must be {CONSENT_VERSION!r}, the current text's: reload the page and read it again."
        )
    records.update(
        user_id,
        _RECORD,
        "SET version = :version, givenAt = :now REMOVE withdrawnAt",
        {":version": {"S": CONSENT_VERSION}, ":now": {"S": iso(datetime.now(UTC))}},
        condition="attribute_not_exists(version) OR version <> :version OR attribute_exists(withdrawnAt)",
    )


def withdraw_consent(user_id: str, records: RiderRecords, eraser: Eraser) -> None:
    """Record that the rider agrees no more, then erase the photo: no face without consent.

    A repetition keeps the time of the first, and goes on with the erasing.
    """
    records.update(
        user_id,
        _RECORD,
        "SET withdrawnAt = :now",
        {":now": {"S": iso(datetime.now(UTC))}},
        condition="attribute_exists(givenAt) AND attribute_not_exists(withdrawnAt)",
    )
    eraser.erase(user_id)
