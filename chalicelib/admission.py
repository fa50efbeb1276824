"""Admission: an upload gets a turn, so that a burst waits for its turn and not in the retries of each step.

Turns are as far apart as the quotas of the steps ask. One item of the uploads table holds the time of the
next turn that is free; an upload may start ahead of its turn by as many turns as a burst has. Argued in
docs/decisions/admission.md.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

    from chalicelib.settings import Settings

# A partition of the uploads table that no rider can have.
_KEY: Final = {"userId": {"S": "#admission"}, "uploadId": {"S": "turns"}}
# The longest that SQS delays a message (seconds); a turn later than that is waited for in several.
MAX_DELAY: Final = 900
_ATTRIBUTE: Final = "startsAt"


def take_turn(dynamodb: DynamoDBClient, settings: Settings) -> datetime | None:
    """Take the next turn.

    Returns
    -------
    datetime
        When the upload may start; None if at once. It costs one update, and two in a burst.
    """
    while True:
        now = int(datetime.now(UTC).timestamp() * 1000)
        turn = _next_turn(now, None, dynamodb, settings)
        if turn is not None:
            ahead = turn - now <= _most_ahead(settings)
            return None if ahead else datetime.fromtimestamp(turn / 1000, UTC)
        # All turns that were taken have passed in between: ask again.


def take_turn_at_once(dynamodb: DynamoDBClient, settings: Settings) -> bool:
    """Take the next turn if an upload may start at once by it; else it stays for others."""
    now = int(datetime.now(UTC).timestamp() * 1000)
    return _next_turn(now, now + _most_ahead(settings), dynamodb, settings) is not None


def _next_turn(now: int, latest: int | None, dynamodb: DynamoDBClient, settings: Settings) -> int | None:
    """Take the next turn; None if it is after `latest`, or has passed between both updates. Milliseconds."""
    step = _step(settings)
    idle = {":now": {"N": str(now)}, ":next": {"N": str(now + step)}}
    free = "attribute_not_exists(nextTurn) OR nextTurn <= :now"
    if _update("SET nextTurn = :next", free, idle, dynamodb, settings) is not None:
        return now
    busy = {":now": {"N": str(now)}, ":step": {"N": str(step)}}
    condition = "nextTurn > :now"
    if latest is not None:
        busy[":latest"] = {"N": str(latest)}
        condition += " AND nextTurn <= :latest"
    following = _update("SET nextTurn = nextTurn + :step", condition, busy, dynamodb, settings)
    return None if following is None else following - step


def _step(settings: Settings) -> int:
    """Milliseconds between two turns."""
    return max(1, 1000 // settings.admissions_per_second)


def _most_ahead(settings: Settings) -> int:
    """Milliseconds that an upload may be ahead of its turn."""
    return settings.admission_burst * _step(settings)


def deliver_at(turn: datetime, event: Mapping[str, Any], sqs: SQSClient, settings: Settings) -> None:
    """Send an "Object Created" event to `start_waiting`, to come when its turn has."""
    seconds = math.ceil((turn - datetime.now(UTC)).total_seconds())
    sqs.send_message(
        QueueUrl=settings.admission_queue_url,
        MessageBody=json.dumps(event),
        MessageAttributes={_ATTRIBUTE: {"DataType": "String", "StringValue": turn.isoformat()}},
        DelaySeconds=min(max(seconds, 0), MAX_DELAY),
    )


def delivered(record: Mapping[str, Any]) -> tuple[dict[str, Any], datetime | None]:
    """The event of a message as Lambda gives it, and its turn if that has not come yet."""
    turn = datetime.fromisoformat(record["messageAttributes"][_ATTRIBUTE]["stringValue"])
    # A delay is in whole seconds, and clocks differ.
    early = turn - datetime.now(UTC) > timedelta(seconds=1)
    return json.loads(record["body"]), turn if early else None


def _update(
    expression: str,
    condition: str,
    values: Mapping[str, Any],
    dynamodb: DynamoDBClient,
    settings: Settings,
) -> int | None:
    """The time of the next free turn after the update, None if the condition does not hold."""
    try:
        answer = dynamodb.update_item(
            TableName=settings.uploads_table,
            Key=_KEY,
            UpdateExpression=expression,
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
            ReturnValues="UPDATED_NEW",
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return None
    return int(answer["Attributes"]["nextTurn"]["N"])
