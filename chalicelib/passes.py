"""What a pass over everything needs: where the last one stopped, and a pace that leaves others room."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from chalicelib.rows import text_of
from chalicelib.uploads_table import UploadsTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.settings import Settings

# Does something about what has this id, and says whether that went well: a failure is noted, not raised,
# unless the same call may succeed a moment later.
type LookAfter = Callable[[str, Callable[[], object]], bool]

AUDIT: Final = "#audit"  # a partition of the uploads table that no rider can have


class Cursors:
    """How far each part of the audit has got, kept between its passes."""

    def __init__(self, table: UploadsTable, dynamodb: DynamoDBClient, settings: Settings) -> None:
        self._table = table
        self._dynamodb = dynamodb
        self._settings = settings

    def get(self, name: str) -> str | None:
        """Where that part goes on; None at the beginning."""
        return text_of(self._table.row(AUDIT, name), "cursor")

    def set(self, name: str, cursor: str | None) -> None:
        """Keep where that part goes on; None lets it begin anew."""
        self._dynamodb.put_item(
            TableName=self._settings.uploads_table,
            Item={
                "userId": {"S": AUDIT},
                "uploadId": {"S": name},
                **({"cursor": {"S": cursor}} if cursor else {}),
            },
        )


class Pace:
    """Lets calls through no faster than so many a second, evenly spread.

    Rekognition's quotas are an account's, in calls a second for each operation, from 5 up: what the audit
    takes of them riders who upload just then don't have.

    Parameters
    ----------
    per_second
        Calls a second, above 0.
    """

    def __init__(self, per_second: float) -> None:
        self._seconds = 1 / per_second
        self._next = 0.0

    def wait(self) -> None:
        """Return when the next call may be made."""
        now = time.monotonic()
        if now < self._next:
            time.sleep(self._next - now)
        self._next = max(now, self._next) + self._seconds
