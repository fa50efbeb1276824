"""Helpers of the Step Functions tests: machines, executions, and a task that invokes a function."""

import json
from typing import Any

from tests.local.emulator.support import ROLE, eventually, unique

ECHO = "def handle(event, context): return event"
FAILING = """
class PhotoDoesNotMeetRequirementError(Exception):
    pass

def handle(event, context):
    raise PhotoDoesNotMeetRequirementError("Detected 2 faces in the photo.")
"""


def make_machine(client: Any, definition: dict[str, Any]) -> str:
    made = client("stepfunctions").create_state_machine(
        name=unique("machine"), definition=json.dumps(definition), roleArn=ROLE
    )
    return str(made["stateMachineArn"])


def start(client: Any, states: dict[str, Any], data: Any = None, **more: Any) -> str:
    definition = {"StartAt": next(iter(states)), "States": states, **more}
    machine = make_machine(client, definition)
    started = client("stepfunctions").start_execution(stateMachineArn=machine, input=json.dumps(data or {}))
    return str(started["executionArn"])


def end_of(client: Any, execution: str) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        described = client("stepfunctions").describe_execution(executionArn=execution)
        return None if described["status"] == "RUNNING" else described

    return eventually(ended)


def output_of(client: Any, states: dict[str, Any], data: Any = None) -> Any:
    described = end_of(client, start(client, states, data))
    assert described["status"] == "SUCCEEDED", described.get("cause")
    return json.loads(described["output"])


def invoking(function: str, **more: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function, "Payload.$": "$"},
        "End": True,
        **more,
    }


CAUGHT = {"Type": "Pass", "End": True}
