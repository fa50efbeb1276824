"""Stand-ins for what a deployment talks to."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deploy import deployed
from deploy.checks import Target
from deploy.functions import ENVIRONMENT as OUTPUTS
from tests.fakes import ENVIRONMENT, FakeAws
from tests.fakes.service import Answer, Parameters, operation
from tests.fakes.services import FakeSQS


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
        self.outputs = {"Answer": "42"}
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
                    "Outputs": [
                        {"OutputKey": key, "OutputValue": value} for key, value in self.outputs.items()
                    ],
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


class FakeQueue(FakeSQS):
    """SQS as an operator's command needs it."""

    @operation
    def get_queue_attributes(self, request: Parameters) -> Answer:
        return {"Attributes": {"ApproximateNumberOfMessagesNotVisible": str(len(self._hidden))}}

    @operation
    def change_message_visibility(self, request: Parameters) -> Answer:
        assert request["VisibilityTimeout"] == 0
        self._hidden.discard(request["ReceiptHandle"])
        return {}

    def hidden(self) -> set[str]:
        """Ids of the messages that somebody has received and neither deleted nor put back."""
        return set(self._hidden) & {message_id for queue in self._messages.values() for message_id in queue}


class FakeLambda:
    """Functions that run what a test gives them.

    Attributes
    ----------
    functions
        By their names in Lambda; one that raises answers as Lambda does.
    """

    def __init__(self) -> None:
        self.functions: dict[str, Callable[[Any], Any]] = {}
        self.invoked: list[str] = []

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        self.invoked.append(FunctionName)
        if FunctionName not in self.functions:
            raise client_error("ResourceNotFoundException", "Function not found", "Invoke")
        try:
            answer = {"Payload": json.dumps(self.functions[FunctionName](json.loads(Payload)))}
        except Exception as error:  # whatever a function raises, Lambda answers
            failed = {"errorType": type(error).__name__, "errorMessage": str(error)}
            answer = {"Payload": json.dumps(failed), "FunctionError": "Unhandled"}
        return {**answer, "Payload": io.BytesIO(answer["Payload"].encode())}


class FakeSession:
    """A boto3 session whose clients are those of a FakeAws in which the stage `test` is up."""

    def __init__(self, aws: FakeAws) -> None:
        aws.sqs = FakeQueue(aws.settings.dead_letter_queue_url)
        self.lambda_ = FakeLambda()
        self.cloudformation = FakeCloudFormation("CREATE_COMPLETE")
        self.cloudformation.outputs = {output: ENVIRONMENT[name] for name, output in OUTPUTS.items()}
        self.cloudformation.parameters = [{"ParameterKey": "Sender", "ParameterValue": ENVIRONMENT["SENDER"]}]
        self._aws = aws

    def client(self, service: str, config: object = None) -> Any:
        match service:
            case "lambda":
                return self.lambda_
            case "cloudformation":
                return self.cloudformation
            case "stepfunctions":
                return self._aws.step_functions
        return getattr(self._aws, service)


def up_in(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> FakeSession:
    """Let the operator's commands find the stage `test` up in a FakeAws."""
    session = FakeSession(aws)
    target = Target(session, "test", "us-east-1", "123456789012")  # type: ignore[arg-type]
    monkeypatch.setattr(deployed, "find_target", lambda stage, region: replace(target, stage=stage))
    return session
