"""Events as EventBridge sends them."""

from __future__ import annotations

from typing import Any, Final

_ENVELOPE: Final = {
    "version": "0",
    "id": "1",
    "account": "123456789012",
    "region": "us-east-1",
    "time": "2026-01-01T00:00:00Z",
    "resources": [],
}


def created_event(bucket: str, key: str, version: str) -> dict[str, Any]:
    """The event that says that an object was created."""
    detail = {"bucket": {"name": bucket}, "object": {"key": key, "version-id": version}}
    return {**_ENVELOPE, "source": "aws.s3", "detail-type": "Object Created", "detail": detail}


def turn_event(starts_at: str, body: str) -> dict[str, Any]:
    """A message of the admission queue as Lambda gives it."""
    turn = {"startsAt": {"stringValue": starts_at, "dataType": "String"}}
    return {"Records": [{"messageId": "1", "body": body, "messageAttributes": turn}]}


def closing_event(arn: str, status: str, data: str) -> dict[str, Any]:
    """The event that says that an execution has ended."""
    return {
        **_ENVELOPE,
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {"executionArn": arn, "status": status, "input": data},
    }


def scheduled_event() -> dict[str, Any]:
    """The event that a schedule sends."""
    return {**_ENVELOPE, "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
