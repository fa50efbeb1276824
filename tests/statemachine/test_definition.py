"""What must hold for each state of the definition, whatever runs on it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib import errors
from tests.asl import LAMBDA_INVOKE, PUT_ITEM, check_definition
from tests.asl.definition import every_state, next_states
from tests.asl.retries import longest_wait
from tests.statemachine.definitions import (
    SUBSTITUTIONS,
    TEXT,
    function_of,
    function_timeouts,
    rider_photo_processing,
)

DEFINITION = rider_photo_processing()
STATES = dict(every_state(DEFINITION))
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
MAY_FAIL = {name: state for name, state in STATES.items() if state["Type"] in {"Task", "Parallel"}}
CUSTOM_ERRORS = {name for name in vars(errors) if name.endswith("Error")}

# What the same call may not meet a moment later. Of the names that start with a service's name each is
# one of its SDK's or API's; see docs/decisions/state-machine.md.
TRANSIENT = {
    "ServiceUnavailableError",
    *(
        f"Lambda.{name}"
        for name in (
            *("ClientExecutionTimeoutException", "ServiceException", "AWSLambdaException"),
            *("SdkClientException", "TooManyRequestsException", "Unknown"),
        )
    ),
    "Sandbox.Timedout",
    "States.Timeout",
    *(
        f"DynamoDB.{name}"
        for name in (
            *(
                "InternalServerErrorException",
                "InternalServerError",
                "ProvisionedThroughputExceededException",
            ),
            *("RequestLimitExceededException", "ThrottlingException", "SdkClientException"),
        )
    ),
}


def names_in(state: Mapping[str, Any], field: str) -> list[str]:
    return [name for handler in state.get(field, []) for name in handler["ErrorEquals"]]


def test_the_definition_is_valid_and_each_of_its_states_can_be_reached() -> None:
    check_definition(DEFINITION)
    assert DEFINITION["StartAt"] == "FaceDetection"


def test_each_substitution_stands_alone_in_quotes_so_that_the_file_is_json_without_them() -> None:
    assert re.findall(r"\$\{\w+\}", TEXT) == [name[1:-1] for name in re.findall(r'"\$\{\w+\}"', TEXT)]
    assert json.loads(TEXT)["States"].keys() == DEFINITION["States"].keys()


def test_the_substitutions_are_those_that_the_deployment_fills_in() -> None:
    functions = {function for state in TASKS.values() if (function := function_of(state))}
    assert functions <= set(function_timeouts())
    assert set(SUBSTITUTIONS) == {
        *("DetectFacesFunctionArn", "SearchFaceFunctionArn", "IndexFaceFunctionArn"),
        *("MakeThumbnailFunctionArn", "RetireReplacedFunctionArn", "UndoFunctionArn"),
        *("NotifyRiderFunctionArn", "RiderPhotoTable"),
    }


@pytest.mark.parametrize("name", MAY_FAIL)
def test_whatever_fails_for_good_is_caught(name: str) -> None:
    last = MAY_FAIL[name]["Catch"][-1]
    assert last["ErrorEquals"] == ["States.ALL"]
    # What went wrong first is what the operator has to know: a failing compensation doesn't hide it.
    own = {"UndoExecution": "$.undoError", "TellRiderOfFailure": "$.notificationError"}
    assert last["ResultPath"] == own.get(name, "$.errorInfo")


@pytest.mark.parametrize("name", [name for name in DEFINITION["States"] if name in MAY_FAIL])
def test_a_technical_failure_is_undone_and_if_even_that_fails_the_execution_fails(name: str) -> None:
    expected = "ProcessingFailed" if name in {"UndoExecution", "TellRiderOfFailure"} else "UndoExecution"
    assert MAY_FAIL[name]["Catch"][-1]["Next"] == expected


@pytest.mark.parametrize("name", TASKS)
def test_a_task_waits_longer_than_its_function_may_run(name: str) -> None:
    function = function_of(TASKS[name])
    # A function that still runs would act after the compensation; PutItem has no function.
    longest = 0 if function is None else function_timeouts()[function]
    assert TASKS[name]["TimeoutSeconds"] > longest


@pytest.mark.parametrize("name", TASKS)
def test_a_function_is_told_the_execution_and_the_whole_state(name: str) -> None:
    task = TASKS[name]
    if task["Resource"] == PUT_ITEM:
        assert function_of(task) is None
        return
    assert task["Resource"] == LAMBDA_INVOKE
    assert task["Parameters"]["Payload"] == {"executionArn.$": "$$.Execution.Id", "state.$": "$"}
    assert task["ResultSelector"] == {"Payload.$": "$.Payload"}


@pytest.mark.parametrize("name", TASKS)
def test_only_what_is_transient_is_retried_at_random_intervals_and_a_few_times(name: str) -> None:
    retriers = TASKS[name]["Retry"]
    assert set(names_in(TASKS[name], "Retry")) <= TRANSIENT
    for retrier in retriers:
        assert retrier["JitterStrategy"] == "FULL"
        assert 1 <= retrier["MaxAttempts"] <= 6
        assert retrier["BackoffRate"] > 1
    assert longest_wait(retriers) < 180


@pytest.mark.parametrize("name", TASKS)
def test_a_busy_service_a_crash_and_a_timeout_are_all_retried(name: str) -> None:
    names = set(names_in(TASKS[name], "Retry"))
    service = "DynamoDB." if TASKS[name]["Resource"] == PUT_ITEM else ("Lambda.", "Sandbox.", "Service")
    assert {error for error in TRANSIENT if error.startswith(service)} | {"States.Timeout"} == names


@pytest.mark.parametrize("name", STATES)
def test_an_error_of_our_own_has_the_name_of_its_class(name: str) -> None:
    state = STATES[name]
    own = {error for error in names_in(state, "Retry") + names_in(state, "Catch") if "." not in error}
    assert own <= CUSTOM_ERRORS


def test_each_rejection_is_caught_before_all_other_errors_where_it_needs_no_undoing() -> None:
    rejections = {"PhotoDoesNotMeetRequirementError", "FaceAlreadyExistsError"}
    caught_at = {
        name: set(state["Catch"][0]["ErrorEquals"])
        for name, state in MAY_FAIL.items()
        if rejections & set(names_in(state, "Catch"))
    }
    assert caught_at == {
        "FaceDetection": {"PhotoDoesNotMeetRequirementError"},
        "CheckFaceDuplicate": rejections,
    }


def test_the_execution_has_time_for_every_attempt_of_every_state() -> None:
    timeouts = function_timeouts()

    def longest(state: Mapping[str, Any]) -> float:
        """Seconds of all attempts, each as long as its function may run."""
        if state["Type"] == "Parallel":
            return max(
                sum(longest(step) for step in branch["States"].values()) for branch in state["Branches"]
            )
        if state["Type"] != "Task":
            return 0
        attempts = 1 + sum(retrier["MaxAttempts"] for retrier in state["Retry"])
        function = function_of(state)
        seconds = timeouts[function] if function else state["TimeoutSeconds"]
        return float(attempts * seconds) + longest_wait(state["Retry"])

    def worst(name: str, before: frozenset[str]) -> float:
        state = DEFINITION["States"][name]
        following = [step for step in next_states(state) if step not in before]
        return longest(state) + max((worst(step, before | {name}) for step in following), default=0)

    assert worst(DEFINITION["StartAt"], frozenset()) < DEFINITION["TimeoutSeconds"]
