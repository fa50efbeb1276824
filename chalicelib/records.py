"""What is kept of a rider besides the uploads: partition `rider#{userId}` of the uploads table.

"#" is not in a userId's alphabet, so no rider's uploads can lie there. Sort keys:

===============  =========================================================================
`consent`        `version`, `givenAt`, `withdrawnAt`: see `consent`
`forms`          `startedAt` (epoch seconds), `forms`, `expiresAt`: see `limits`
`twin#{userId}`  `since`: an operator found the two riders to be twins: see `twins`
===============  =========================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.rows import Row
    from chalicelib.settings import Settings

RECORDS: Final = "rider#"


class RiderRecords:
    """The records of riders. Every read is consistent."""

    def __init__(self, dynamodb: DynamoDBClient, settings: Settings) -> None:
        self._dynamodb = dynamodb
        self._table = settings.uploads_table

    def get(self, user_id: str, name: str) -> Row | None:
        """One record of a rider, None if there is none."""
        answer = self._dynamodb.get_item(TableName=self._table, Key=_key(user_id, name), ConsistentRead=True)
        return answer.get("Item")

    def of_rider(self, user_id: str) -> Iterator[Row]:
        """All records of a rider."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="userId = :rider",
            ExpressionAttributeValues={":rider": {"S": f"{RECORDS}{user_id}"}},
        )
        for page in pages:
            yield from page["Items"]

    def update(
        self,
        user_id: str,
        name: str,
        expression: str,
        values: Mapping[str, Any],
        condition: str | None = None,
    ) -> bool:
        """Change a record, or make it, if the condition holds; False if it doesn't."""
        conditions: dict[str, Any] = {"ConditionExpression": condition} if condition else {}
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(user_id, name),
                UpdateExpression=expression,
                ExpressionAttributeValues=dict(values),
                **conditions,
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def delete(self, user_id: str, name: str) -> None:
        """Delete a record; one that is gone already stays so."""
        self._dynamodb.delete_item(TableName=self._table, Key=_key(user_id, name))


def _key(user_id: str, name: str) -> dict[str, Any]:
    return {"userId": {"S": f"{RECORDS}{user_id}"}, "uploadId": {"S": name}}
