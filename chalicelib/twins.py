"""Twins: riders whose faces the models take for one person's, and an operator for two.

A record for each of the two lies in the other's `records`, so that either may replace a photo later.
They are read only where a rival's claim would otherwise decide.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from chalicelib.records import RECORDS
from chalicelib.rows import iso

if TYPE_CHECKING:
    from chalicelib.records import RiderRecords
    from chalicelib.uploads_table import UploadsTable

_TWIN: Final = "twin#"


def are_twins(user_id: str, other: str, table: UploadsTable) -> bool:
    """Whether an operator found the two to be twins."""
    return table.row(f"{RECORDS}{user_id}", f"{_TWIN}{other}") is not None


def record_twins(user_id: str, other: str, records: RiderRecords) -> None:
    """Record for good that the two are twins; a repetition keeps the time of the first."""
    now = {":now": {"S": iso(datetime.now(UTC))}}
    for one, twin in ((user_id, other), (other, user_id)):
        records.update(one, f"{_TWIN}{twin}", "SET since = if_not_exists(since, :now)", now)


def forget_records(user_id: str, records: RiderRecords) -> int:
    """Delete all records of a rider, and those that name the rider as a twin; how many they were."""
    count = 0
    for record in list(records.of_rider(user_id)):
        name = record["uploadId"]["S"]
        if name.startswith(_TWIN):
            # First, since only this record knows of it.
            records.delete(name.removeprefix(_TWIN), f"{_TWIN}{user_id}")
            count += 1
        records.delete(user_id, name)
        count += 1
    return count
