"""Whether moto's interpreter retries and catches as the project's own does.

moto (LocalStack's parser) was written by others from the same specification. Each Task state of the
definition stands alone in a machine, with its Retry and Catch as they are; both interpreters run it while
the task fails in the same ways, and must make as many attempts and come to the same state. Run from the
project's root, in an environment that has moto.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import random
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from unittest import mock

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_dynamodb,
    state_task_service_lambda,
)

from chalicelib import errors
from tests.asl import LAMBDA_INVOKE, Execution, StateError, TaskCall, run
from tests.asl.definition import every_state
from tests.statemachine.definitions import rider_photo_processing

ROLE = "arn:aws:iam::123456789012:role/machine"
SEED, MIXTURES, LONGEST = 1, 25, 60
OWN = sorted(name for name in vars(errors) if name.endswith("Error"))
SDK = ("DynamoDB.ConditionalCheckFailedException", "DynamoDB.ResourceNotFoundException")
# Raised by the machine, not by a task: both interpreters have clocks of their own.
OF_THE_MACHINE = "States."
WAIT_SECONDS = 20.0

type Outcome = tuple[int, str]


def alone(name: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """A machine of one Task; each state that it may go to tells its name."""
    targets = {catcher["Next"] for catcher in state.get("Catch", [])} | {state.get("Next", "the end")}
    native = state["Resource"] != LAMBDA_INVOKE
    kept = {field: state[field] for field in ("Type", "Resource", "Retry", "Catch") if field in state}
    item = {"TableName": "riders", "Item": {"Username": {"S": "rider"}}}
    kept["Parameters"] = item if native else {"FunctionName": "function", "Payload": {}}
    kept["Next"] = state.get("Next", "the end")
    # PersistMetadata goes back to a state of another name; a state that went to itself would not end.
    assert name not in targets
    ends = {target: {"Type": "Pass", "Result": {"state": target}, "End": True} for target in targets}
    return {"StartAt": name, "States": {name: kept, **ends}}


def failures_of(state: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """In which ways a task fails before it succeeds: by one error, few and many times; by several in turn."""
    native = state["Resource"] != LAMBDA_INVOKE
    rules = state.get("Retry", []) + state.get("Catch", [])
    named = {error for rule in rules for error in rule["ErrorEquals"]}
    others = SDK if native else (*OWN, "KeyError")
    possible = sorted(error for error in named.union(others) if not error.startswith(OF_THE_MACHINE))
    yield ()
    for error in possible:
        attempts = [r.get("MaxAttempts", 3) for r in state.get("Retry", []) if error in r["ErrorEquals"]]
        yield from ((error,) * count for count in {1, *attempts, *(number + 1 for number in attempts)})
    chance = random.Random(SEED)
    retried = [error for rule in state.get("Retry", []) for error in rule["ErrorEquals"] if error in possible]
    for _ in range(MIXTURES):
        yield tuple(chance.choices(retried, k=chance.randrange(2, 14)))


def by_project(machine: Mapping[str, Any], failures: Sequence[str]) -> Outcome:
    """Attempts, and the state it comes to, as the project's interpreter has it."""
    left, attempts = iter(failures), itertools.count()

    def perform(call: TaskCall) -> Any:
        next(attempts)
        error = next(left, None)
        if error:
            raise StateError(error, "failed")
        return {}

    execution = run(Execution(machine, {}, jitter=lambda limit: 0.0), perform)
    return next(attempts), str((execution.output or {}).get("state"))


class ByMoto:
    """The same as moto has it; for one machine."""

    def __init__(self, client: Any, name: str, machine: Mapping[str, Any]) -> None:
        made = client.create_state_machine(name=name, definition=json.dumps(machine), roleArn=ROLE)
        self._client, self._arn = client, made["stateMachineArn"]
        self._left: Iterator[str] = iter(())
        self._attempts = self._runs = 0

    def outcome(self, failures: Sequence[str]) -> Outcome:
        self._left, self._attempts = iter(failures), 0
        self._runs += 1
        started = self._client.start_execution(stateMachineArn=self._arn, name=str(self._runs), input="{}")
        arn = started["executionArn"]
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            described = self._client.describe_execution(executionArn=arn)
            # moto sets the status a moment before the output.
            if described["status"] == "SUCCEEDED" and described.get("output"):
                return self._attempts, str(json.loads(described["output"])["state"])
            if described["status"] not in {"RUNNING", "SUCCEEDED"}:
                return self._attempts, f"{described['status']} by {described.get('error')}"
            time.sleep(0.002)
        raise TimeoutError(f"moto does not end {arn} with {failures}")

    def attempt(self, env: Any) -> None:
        """Stands for the call of the task."""
        self._attempts += 1
        error = next(self._left, None)
        if error is None:
            env.stack.append({})
            return
        service, _, code = error.rpartition(".")
        if service in ("Lambda", "DynamoDB"):
            answer: Any = {
                "Error": {"Code": code, "Message": "failed"},
                "ResponseMetadata": {"HTTPStatusCode": 400, "RequestId": "1"},
            }
            raise ClientError(answer, "Invoke")
        payload = json.dumps({"errorType": error, "errorMessage": "failed"})
        raise lambda_eval_utils.LambdaFunctionErrorException("Unhandled", payload)


def main() -> int:
    """Compare all states; 1 if the two differ."""
    logging.disable(logging.CRITICAL)  # moto logs each failure of a task
    differences, compared = [], 0
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock_aws(config={"stepfunctions": {"execute_state_machine": True}}))
        stack.enter_context(mock.patch.object(retrier_decl.time, "sleep", _without_waiting(time.sleep)))
        client = boto3.client(
            "stepfunctions", "us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        for name, state in every_state(rider_photo_processing()):
            if state["Type"] != "Task":
                continue
            machine = alone(name, state)
            moto = ByMoto(client, re.sub(r"\W", "-", name), machine)
            for service in (
                state_task_service_lambda.StateTaskServiceLambda,
                state_task_service_dynamodb.StateTaskServiceDynamoDB,
            ):
                stack.enter_context(
                    mock.patch.object(
                        service,
                        "_eval_service_task",
                        lambda self, env, *args, moto=moto, **known: moto.attempt(env),
                    )
                )
            for failures in failures_of(state):
                ours, theirs = by_project(machine, failures), moto.outcome(failures)
                compared += 1
                if ours != theirs:
                    differences.append(f"{name} with {', '.join(failures)}: {ours} here, {theirs} in moto")
    print("\n".join(differences) or f"{compared} runs of Task states: as many attempts, the same next state.")
    return bool(differences)


def _without_waiting(sleep: Any) -> Any:
    """Retries wait no time; what waits for the interpreter still does."""
    return lambda seconds: sleep(min(seconds, 0.002))


if __name__ == "__main__":
    sys.exit(main())
