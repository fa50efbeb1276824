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
    "RiderNotToldError",
    *(
        f"Lambda.{name}"
        for name in (
            *("ClientExecutionTimeoutException", "ServiceException", "AWSLambdaException"),
            *("SdkClientException", "TooManyRequestsException", "Unknown"),
        )
    ),
    "Runtime.ExitError",
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

# An answer that says: not yet. Another execution, or the index, has to go on first.
TELLING = {"RetireReplacedPhoto", "PhotoDoesNotMeetRequirement", "TellRiderOfFailure"}
NOT_YET = {"UndecidedRivalError", "FaceNotVisibleYetError"}
SECONDS_TO_ANSWER = 2


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
        *("ConfirmFaceFunctionArn", "NotifyRiderFunctionArn", "RiderPhotoTable"),
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
    retriers = [retrier for retrier in TASKS[name]["Retry"] if not waits_for_others(retrier)]
    assert {error for retrier in retriers for error in retrier["ErrorEquals"]} <= TRANSIENT
    for retrier in retriers:
        assert retrier["JitterStrategy"] == "FULL"
        assert 1 <= retrier["MaxAttempts"] <= 6
        assert retrier["BackoffRate"] > 1
    assert longest_wait(retriers) < 180


def waits_for_others(retrier: Mapping[str, Any]) -> bool:
    return set(retrier["ErrorEquals"]) <= NOT_YET


def test_only_the_confirmation_waits_for_others_each_kind_by_its_own_count() -> None:
    waiting = {
        name: [retrier for retrier in state["Retry"] if waits_for_others(retrier)]
        for name, state in TASKS.items()
    }
    assert [name for name, retriers in waiting.items() if retriers] == ["ConfirmFaceUnique"]
    retriers = waiting["ConfirmFaceUnique"]
    assert [retrier["ErrorEquals"] for retrier in retriers] == [
        ["UndecidedRivalError"],
        ["FaceNotVisibleYetError"],
    ]
    assert all(retrier["JitterStrategy"] == "FULL" for retrier in retriers)
    # A rival may take all its retries of one busy service, and is still waited for.
    assert longest_wait(retriers[:1]) > longest_wait(TASKS["PersistMetadata"]["Retry"])


@pytest.mark.parametrize("name", TASKS)
def test_a_busy_service_a_crash_and_a_timeout_are_all_retried(name: str) -> None:
    names = set(names_in(TASKS[name], "Retry")) - NOT_YET
    service = (
        "DynamoDB." if TASKS[name]["Resource"] == PUT_ITEM else ("Lambda.", "Runtime.", "Sandbox.", "Service")
    )
    own = {"RiderNotToldError"} if name in TELLING else set()
    assert {error for error in TRANSIENT if error.startswith(service)} | {"States.Timeout"} | own == names


@pytest.mark.parametrize("name", STATES)
def test_an_error_of_our_own_has_the_name_of_its_class(name: str) -> None:
    state = STATES[name]
    own = {error for error in names_in(state, "Retry") + names_in(state, "Catch") if "." not in error}
    assert own <= CUSTOM_ERRORS


def test_the_mail_for_an_accepted_or_rejected_photo_is_left_unsent_without_undoing() -> None:
    left = {
        name: state["Catch"][0]
        for name, state in MAY_FAIL.items()
        if "RiderNotToldError" in names_in(state, "Catch")
    }
    unsent = {"ErrorEquals": ["RiderNotToldError"], "ResultPath": None, "Next": "RiderNotTold"}
    assert left == dict.fromkeys(TELLING - {"TellRiderOfFailure"}, unsent)
    assert STATES["RiderNotTold"]["Type"] == "Succeed"


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
        """Seconds of all attempts, each as long as its function may run, or as an answer takes."""
        if state["Type"] == "Parallel":
            return max(
                sum(longest(step) for step in branch["States"].values()) for branch in state["Branches"]
            )
        if state["Type"] != "Task":
            return 0
        waiting = sum(r["MaxAttempts"] for r in state["Retry"] if waits_for_others(r))
        attempts = 1 + sum(retrier["MaxAttempts"] for retrier in state["Retry"]) - waiting
        function = function_of(state)
        seconds = timeouts[function] if function else state["TimeoutSeconds"]
        return float(attempts * seconds + waiting * SECONDS_TO_ANSWER) + longest_wait(state["Retry"])

    def worst(name: str, before: frozenset[str]) -> float:
        state = DEFINITION["States"][name]
        following = [step for step in next_states(state) if step not in before]
        return longest(state) + max((worst(step, before | {name}) for step in following), default=0)

    assert worst(DEFINITION["StartAt"], frozenset()) < DEFINITION["TimeoutSeconds"]
