"""Stand-ins for what a deployment talks to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError


class Lines:
    """A Progress that remembers its lines."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.details: list[str] = []
        self.warnings: list[str] = []

    def step(self, text: str) -> None:
        self.steps.append(text)

    def detail(self, text: str) -> None:
        self.details.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def client_error(code: str, message: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class FakeCloudFormation:
    """One stack. Each change goes through the scripted states, a state a look.

    Parameters
    ----------
    status
        The stack's at the beginning, None for no stack.
    """

    STACK_ID = "arn:aws:cloudformation:us-east-1:000000000000:stack/rider-photos-dev/1"

    def __init__(self, status: str | None = None) -> None:
        self.status = status
        self.states: list[str] = []
        self.events: list[dict[str, str]] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.parameters: list[dict[str, str]] = []
        self.update_error: ClientError | None = None
        self.scripts: dict[str, list[str]] = {
            "create": ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"],
            "update": ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"],
            "delete": ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"],
        }

    def fails(self, resource: str, reason: str, status: str = "CREATE_FAILED") -> None:
        self.event(resource, status, reason)

    def event(self, resource: str, status: str, reason: str = "") -> None:
        own = resource == "rider-photos-dev"
        self.events.append(
            {
                "EventId": f"event-{len(self.events)}",
                "StackId": self.STACK_ID,
                "LogicalResourceId": resource,
                "PhysicalResourceId": self.STACK_ID if own else f"id-of-{resource}",
                "ResourceType": "AWS::Test::Thing",
                "ResourceStatus": status,
                "ResourceStatusReason": reason,
            }
        )

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        if self.states:
            self.status = self.states.pop(0)
        gone = self.status is None or (self.status == "DELETE_COMPLETE" and StackName != self.STACK_ID)
        if gone:
            raise client_error(
                "ValidationError", f"Stack with id {StackName} does not exist", "DescribeStacks"
            )
        return {
            "Stacks": [
                {
                    "StackId": self.STACK_ID,
                    "StackStatus": self.status,
                    "Parameters": self.parameters,
                    "Outputs": [{"OutputKey": "Answer", "OutputValue": "42"}],
                }
            ]
        }

    def create_stack(self, **request: Any) -> dict[str, str]:
        self._change("create", request)
        return {"StackId": self.STACK_ID}

    def update_stack(self, **request: Any) -> None:
        if self.update_error:
            raise self.update_error
        self._change("update", request)

    def delete_stack(self, **request: Any) -> None:
        self._change("delete", request)

    def get_paginator(self, operation: str) -> FakeCloudFormation:
        assert operation == "describe_stack_events"
        return self

    def paginate(self, StackName: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        newest_first = self.events[::-1]
        for start in range(0, len(newest_first), 2):
            yield {"StackEvents": newest_first[start : start + 2]}

    def _change(self, kind: str, request: dict[str, Any]) -> None:
        self.calls.append((kind, request))
        self.states = list(self.scripts[kind])
        self.parameters = request.get("Parameters", self.parameters)
