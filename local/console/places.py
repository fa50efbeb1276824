"""What the console looks at, and what every view of it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

from boto3.dynamodb.types import TypeDeserializer

from local.deployment import STAGE

if TYPE_CHECKING:
    from local.stack import Stack

type Row = dict[str, Any]

_MOST_KEYS = 100  # of one BatchGetItem
_deserialize = TypeDeserializer().deserialize


class ConsoleError(Exception):
    """A request that can't be answered.

    Attributes
    ----------
    status
        Of the HTTP answer.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Places:
    """Names of a deployed stage, and who gives clients of its AWS.

    Attributes
    ----------
    client
        Gives the boto3 client of a service.
    environment
        The whole environment of `python -m deploy` for this stage.
    """

    client: Callable[[str], Any]
    aws_endpoint: str
    region: str
    state_machine_arn: str
    photo_bucket: str
    thumbnail_bucket: str
    rider_photo_table: str
    uploads_table: str
    collection_id: str
    dead_letter_queue_url: str
    environment: Mapping[str, str] = field(repr=False)
    stage: str = STAGE

    @classmethod
    def of(cls, stack: Stack) -> Self:
        """Of a stack that has been started."""
        endpoints, outputs = stack.endpoints, stack.deployment.outputs
        return cls(
            client=stack.client,
            aws_endpoint=endpoints.aws_endpoint,
            region=endpoints.region,
            state_machine_arn=endpoints.state_machine_arn,
            photo_bucket=endpoints.photo_bucket,
            thumbnail_bucket=endpoints.thumbnail_bucket,
            rider_photo_table=endpoints.rider_photo_table,
            uploads_table=outputs["UploadsTable"],
            collection_id=endpoints.collection_id,
            dead_letter_queue_url=outputs["DeadLetterQueueUrl"],
            environment=stack.environment,
        )

    def rows_by_key(self, table: str, keys: Iterable[tuple[tuple[str, str], ...]]) -> dict[Any, Row]:
        """Items of a table, by the key that was asked for; those that aren't there are left out.

        Parameters
        ----------
        keys
            Each the attributes of a key with their values, `(("userId", "a"), ("uploadId", "b"))`.
        """
        wanted = list(dict.fromkeys(keys))
        found: dict[Any, Row] = {}
        for start in range(0, len(wanted), _MOST_KEYS):
            batch = wanted[start : start + _MOST_KEYS]
            asked = {table: {"Keys": [{name: {"S": value} for name, value in key} for key in batch]}}
            while asked:
                answer = self.client("dynamodb").batch_get_item(RequestItems=asked)
                for item in answer["Responses"].get(table, []):
                    row = plain(item)
                    found[tuple((name, row[name]) for name, _ in batch[0])] = row
                asked = answer.get("UnprocessedKeys") or {}
        return found

    def scanned(self, table: str, **filters: Any) -> list[Row]:
        """All items of a table that pass a filter."""
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=table, **filters)
        return [plain(item) for page in pages for item in page["Items"]]


def plain(item: Mapping[str, Any]) -> Row:
    """A DynamoDB item as JSON can hold it."""
    return {name: _plain(_deserialize(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | set):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, str | bool | None) else str(value)


def offset_of(cursor: str | None) -> int:
    """Where a page begins, of a list that is cut by number.

    Raises
    ------
    ConsoleError
        400, if the cursor isn't one of those.
    """
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise ConsoleError(400, "The page asked for is none of this list.")
    return int(cursor)


def page_of(items: list[Row], cursor: str | None, size: int) -> tuple[list[Row], str | None]:
    """A page of a list, and where the next one begins, if there is one."""
    begin = offset_of(cursor)
    following = begin + size
    return items[begin:following], str(following) if following < len(items) else None
