"""The interpreter itself: what a state makes of its data and of its failures."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.asl import Execution, StateError, Status
from tests.asl.payloads import MAX_BYTES
from tests.statemachine.machines import TASK, ended, machine, one


@pytest.mark.parametrize(
    ("result_path", "output"),
    [
        ("$", "done"),
        (None, {"a": {"b": 1}}),
        ("$.a", {"a": "done"}),
        ("$.a.c", {"a": {"b": 1, "c": "done"}}),
        ("$.x.y", {"a": {"b": 1}, "x": {"y": "done"}}),
    ],
)
def test_a_result_goes_where_result_path_says(result_path: str | None, output: Any) -> None:
    assert ended(one(ResultPath=result_path), {"a": {"b": 1}}).output == output


def test_a_result_that_has_no_room_fails_the_state() -> None:
    execution = ended(one(ResultPath="$.a.b"), {"a": "text"})
    assert execution.error == "States.ResultPathMatchFailure"


def test_parameters_are_filled_in_from_input_and_context() -> None:
    definition = one(
        InputPath="$.inner",
        Parameters={"whole.$": "$", "second.$": "$.list[1]", "id.$": "$$.Execution.Id", "fixed": [1]},
    )
    execution = Execution(definition, {"inner": {"list": [1, 2]}}, name="n1")
    assert execution.calls[0].parameters == {
        "whole": {"list": [1, 2]},
        "second": 2,
        "id": "arn:aws:states:us-east-1:000000000000:execution:machine:n1",
        "fixed": [1],
    }


def test_the_result_is_merged_with_the_raw_input_and_not_with_the_effective_one() -> None:
    definition = one(InputPath="$.inner", Parameters={"x": 1}, ResultPath="$.result", OutputPath="$.result")
    definition["States"]["A"]["ResultSelector"] = {"kept.$": "$.Payload"}
    assert ended(definition, {"inner": {}}, {"Payload": 7, "StatusCode": 200}).output == {"kept": 7}


@pytest.mark.parametrize("fields", [{"Parameters": {"x.$": "$.gone"}}, {"InputPath": "$.gone"}])
def test_a_path_to_nowhere_ends_the_execution_uncaught(fields: dict[str, Any]) -> None:
    definition = machine(
        A={**TASK, **fields, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}]}, B={"Type": "Succeed"}
    )
    execution = ended(definition)
    assert (execution.status, execution.error) == (Status.FAILED, "States.Runtime")


def test_state_data_is_json_and_nothing_else() -> None:
    assert ended(one(), answer=({"tuple": (1, 2)},)).output == [{"tuple": [1, 2]}]
    with pytest.raises(TypeError, match="not JSON serializable"):
        ended(one(), answer={"set": {1}})
    with pytest.raises(ValueError, match="not JSON compliant"):
        ended(one(), answer=math.nan)


@pytest.mark.parametrize(
    ("size", "status"), [(MAX_BYTES - 2, Status.SUCCEEDED), (MAX_BYTES - 1, Status.FAILED)]
)
def test_a_result_above_256_kib_ends_the_execution_uncaught(size: int, status: Status) -> None:
    definition = machine(
        A={**TASK, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}]}, B={"Type": "Succeed"}
    )
    execution = ended(definition, answer="x" * size)
    assert execution.status is status
    assert execution.error == (None if status is Status.SUCCEEDED else "States.DataLimitExceeded")


def test_the_limit_counts_bytes_and_not_characters() -> None:
    assert ended(one(), answer="é" * (MAX_BYTES // 2)).error == "States.DataLimitExceeded"


RETRIER = {"ErrorEquals": ["Busy"], "IntervalSeconds": 2, "MaxAttempts": 4, "MaxDelaySeconds": 10}


def test_waits_grow_up_to_the_longest_and_end_after_the_last_attempt() -> None:
    execution = Execution(one(Retry=[RETRIER]), {})
    moments = []
    while execution.is_running:
        moments.append(execution.now)
        execution.fail(execution.calls[0], "Busy", "why")
        if execution.due is not None:
            execution.advance_to(execution.due)
    assert moments == [0, 2, 6, 14, 24]
    assert (execution.error, execution.cause) == ("Busy", "why")


def test_full_jitter_draws_from_the_whole_wait() -> None:
    definition = one(Retry=[{**RETRIER, "JitterStrategy": "FULL"}])
    execution = Execution(definition, {}, jitter=lambda limit: limit / 4)
    execution.fail(execution.calls[0], "Busy")
    assert execution.due == 0.5


def test_without_a_jitter_strategy_nothing_is_random() -> None:
    execution = Execution(one(Retry=[RETRIER]), {}, jitter=lambda limit: 0.0)
    execution.fail(execution.calls[0], "Busy")
    assert execution.due == 2


def test_each_retrier_counts_its_own_attempts() -> None:
    retry = [{"ErrorEquals": ["Busy"], "MaxAttempts": 1}, {"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]
    execution = Execution(one(Retry=retry), {})
    for error in ("Busy", "Other"):
        execution.fail(execution.calls[0], error)
        assert execution.due is not None
        execution.advance_to(execution.due)
    assert execution.calls[0].retry_count == 2
    execution.fail(execution.calls[0], "Busy")
    assert execution.error == "Busy"


@pytest.mark.parametrize(
    ("names", "error", "caught"),
    [
        (["States.ALL"], "Anything", True),
        (["States.ALL"], "States.Timeout", True),
        (["States.ALL"], "States.Runtime", False),
        (["States.ALL"], "States.DataLimitExceeded", False),
        (["States.TaskFailed"], "Anything", True),
        (["States.TaskFailed"], "States.Timeout", False),
        (["Other", "Mine"], "Mine", True),
        (["Other"], "Mine", False),
    ],
)
def test_what_a_catch_matches(names: list[str], error: str, caught: bool) -> None:
    definition = machine(
        A={**TASK, "Catch": [{"ErrorEquals": names, "ResultPath": "$.e", "Next": "B"}]}, B={"Type": "Succeed"}
    )
    execution = ended(definition, {"a": 1}, StateError(error, "why"))
    if caught:
        assert execution.output == {"a": 1, "e": {"Error": error, "Cause": "why"}}
    else:
        assert (execution.status, execution.error) == (Status.FAILED, error)


def test_the_first_catcher_that_matches_wins() -> None:
    catchers = [
        {"ErrorEquals": ["Mine"], "Next": "B"},
        {"ErrorEquals": ["States.ALL"], "Next": "C"},
    ]
    definition = machine(A={**TASK, "Catch": catchers}, B={"Type": "Succeed"}, C={"Type": "Succeed"})
    assert ended(definition, answer=StateError("Mine")).states == ["A", "B"]
    assert ended(definition, answer=StateError("Yours")).states == ["A", "C"]
