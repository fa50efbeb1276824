"""How many upload forms a rider gets in a window of time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from chalicelib.errors import TooManyUploadsError
from chalicelib.records import RiderRecords
from chalicelib.settings import Settings

_RECORD: Final = "forms"


def count_form(user_id: str, records: RiderRecords, settings: Settings) -> None:
    """Count a form that is about to be minted.

    A window begins with the first form after the last one ended. Each count is one conditional update,
    so that requests at the same moment are all counted.

    Raises
    ------
    TooManyUploadsError
        If the window has no form left; says when it ends.
    """
    window, most = settings.upload_window_seconds, settings.uploads_per_window
    while True:
        now = int(datetime.now(UTC).timestamp())
        ended = {":ended": {"N": str(now - window)}}
        if records.update(
            user_id,
            _RECORD,
            "SET forms = forms + :one",
            {**ended, ":one": {"N": "1"}, ":most": {"N": str(most)}},
            condition="startedAt > :ended AND forms < :most",
        ):
            return
        if records.update(
            user_id,
            _RECORD,
            "SET startedAt = :now, forms = :one, expiresAt = :expires",
            {
                **ended,
                ":now": {"N": str(now)},
                ":one": {"N": "1"},
                ":expires": {"N": str(now + window)},
            },
            condition="attribute_not_exists(startedAt) OR startedAt <= :ended",
        ):
            return
        record = records.get(user_id, _RECORD) or {}
        started = int(record.get("startedAt", {}).get("N", 0))
        if started > now - window and int(record["forms"]["N"]) >= most:
            raise TooManyUploadsError(max(1, started + window - now))
        # Another request began a window in between, or it has just ended: count again.
