"""The interpreter itself: branches, choices, time, how executions end, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.asl import Execution, Status, UnsupportedDefinitionError
from tests.statemachine.machines import TASK, ended, machine, one, split


def test_branches_wait_side_by_side_and_their_results_keep_the_order_of_the_branches() -> None:
    execution = Execution(split(), {"a": 1})
    first, second = execution.calls
    assert [(call.branch, call.parameters) for call in (first, second)] == [
        ("P[0]", {"a": 1}),
        ("P[1]", {"a": 1}),
    ]
    execution.succeed(second, "second")
    assert execution.is_running
    execution.succeed(first, "first")
    assert execution.output == ["first", "second"]


def test_a_failed_branch_stops_its_sibling_whose_late_answer_changes_nothing() -> None:
    execution = Execution(split(catch=True), {})
    first, second = execution.calls
    execution.fail(first, "Mine", "why")
    assert execution.output == {"Error": "Mine", "Cause": "why"}
    assert execution.abandoned == [second]
    execution.succeed(second, "late")
    assert execution.output == {"Error": "Mine", "Cause": "why"}


def test_a_failed_branch_ends_the_wait_of_its_sibling() -> None:
    execution = Execution(split(catch=True, Retry=[{"ErrorEquals": ["Busy"]}]), {})
    first, second = execution.calls
    execution.fail(first, "Busy")
    execution.fail(second, "Mine")
    assert (execution.status, execution.due) == (Status.SUCCEEDED, None)


def test_branches_that_call_nothing_end_at_once() -> None:
    branches = [
        {"StartAt": "B", "States": {"B": {"Type": "Pass", "Result": 1, "End": True}}},
        {"StartAt": "C", "States": {"C": {"Type": "Fail", "Error": "Mine", "Cause": "why"}}},
        {"StartAt": "D", "States": {"D": TASK}},
    ]
    definition = machine(A={"Type": "Parallel", "Branches": branches, "End": True})
    execution = Execution(definition, {})
    assert (execution.status, execution.error, execution.cause) == (Status.FAILED, "Mine", "why")
    assert execution.states == ["A", "B", "C"]
    del branches[1]
    assert ended(definition).output == [1, "done"]


def test_a_parallel_state_is_retried_as_a_whole() -> None:
    definition = split()
    definition["States"]["P"]["Retry"] = [{"ErrorEquals": ["Busy"], "MaxAttempts": 1}]
    execution = Execution(definition, {})
    execution.fail(execution.calls[0], "Busy")
    assert execution.due == 1
    execution.advance_to(1)
    assert [call.branch for call in execution.calls] == ["P[0]", "P[1]"]


@pytest.mark.parametrize(
    ("rule", "data", "matches"),
    [
        ({"Variable": "$.a", "IsPresent": True}, {"a": None}, True),
        ({"Variable": "$.a[1]", "IsPresent": True}, {"a": [1]}, False),
        ({"Variable": "$.a.b", "IsPresent": False}, {"a": "text"}, True),
        ({"Variable": "$.a", "StringEquals": "x"}, {"a": "x"}, True),
        ({"Variable": "$.a", "StringEquals": "x"}, {"a": 1}, False),
        ({"Variable": "$.a", "BooleanEquals": True}, {"a": 1}, False),
        ({"Variable": "$.a", "NumericEquals": 1}, {"a": True}, False),
        ({"Variable": "$.a", "IsNull": True}, {"a": None}, True),
        (
            {"And": [{"Variable": "$.a", "IsPresent": True}, {"Variable": "$.a", "StringEquals": "x"}]},
            {},
            False,
        ),
        (
            {"Or": [{"Variable": "$.b", "IsPresent": True}, {"Variable": "$.a", "StringEquals": "x"}]},
            {"a": "x"},
            True,
        ),
        ({"Not": {"Variable": "$.a", "StringEquals": "x"}}, {"a": "x"}, False),
    ],
)
def test_choice_rules(rule: dict[str, Any], data: Any, matches: bool) -> None:
    definition = machine(
        A={"Type": "Choice", "Choices": [{**rule, "Next": "B"}], "Default": "C"},
        B={"Type": "Succeed"},
        C={"Type": "Succeed"},
    )
    execution = ended(definition, data)
    assert execution.states[-1] == ("B" if matches else "C")
    assert execution.output == data


def test_a_choice_without_a_match_fails_and_one_on_a_missing_field_too() -> None:
    rule = {"Variable": "$.a", "StringEquals": "x", "Next": "B"}
    definition = machine(A={"Type": "Choice", "Choices": [rule]}, B={"Type": "Succeed"})
    assert ended(definition, {"a": "y"}).error == "States.NoChoiceMatched"
    assert ended(definition, {}).error == "States.Runtime"


def test_pass_puts_its_input_or_its_result_where_it_says() -> None:
    definition = machine(A={"Type": "Pass", "InputPath": "$.a[0].e", "ResultPath": "$.e", "End": True})
    assert ended(definition, {"a": [{"e": 1}]}).output == {"a": [{"e": 1}], "e": 1}
    definition = machine(A={"Type": "Pass", "Parameters": {"e.$": "$.a"}, "End": True})
    assert ended(definition, {"a": 1, "b": 2}).output == {"e": 1}


def test_fail_takes_error_and_cause_from_the_state() -> None:
    definition = machine(A={"Type": "Fail", "ErrorPath": "$.e.Error", "CausePath": "$.e.Cause"})
    execution = ended(definition, {"e": {"Error": "Mine", "Cause": "why"}})
    assert (execution.status, execution.error, execution.cause) == (Status.FAILED, "Mine", "why")


def test_wait_takes_virtual_time() -> None:
    definition = machine(
        A={"Type": "Wait", "SecondsPath": "$.s", "Next": "B"}, B={"Type": "Wait", "Seconds": 5, "End": True}
    )
    execution = ended(definition, {"s": 7})
    assert (execution.now, execution.output) == (12, {"s": 7})


def test_an_execution_that_takes_too_long_times_out_uncaught() -> None:
    definition = machine(
        timeout=10,
        A={**TASK, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}]},
        B={"Type": "Succeed"},
    )
    execution = Execution(definition, {})
    call = execution.calls[0]
    execution.advance_to(9.9)
    assert execution.is_running
    execution.advance_to(10)
    assert execution.status is Status.TIMED_OUT
    assert (execution.calls, execution.abandoned) == ((), [call])


def test_an_aborted_execution_does_nothing_more() -> None:
    execution = Execution(split(catch=True), {})
    execution.abort()
    assert (execution.status, execution.calls, len(execution.abandoned)) == (Status.ABORTED, (), 2)
    execution.succeed(execution.abandoned[0], "late")
    assert execution.status is Status.ABORTED


def test_a_call_that_timed_out_may_still_answer_but_no_call_answers_twice() -> None:
    definition = machine(A={**TASK, "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "B"}]}, B={**TASK})
    execution = Execution(definition, {})
    late = execution.calls[0]
    execution.time_out(late)
    execution.succeed(late, "late")
    assert execution.states == ["A", "B"]
    with pytest.raises(ValueError, match="answered already"):
        execution.succeed(late, "again")


def test_a_machine_that_runs_in_circles_is_noticed() -> None:
    with pytest.raises(AssertionError, match="in circles"):
        ended(
            machine(A={"Type": "Task", "Resource": "work", "Next": "B"}, B={**TASK, "End": None, "Next": "A"})
        )


@pytest.mark.parametrize(
    ("definition", "problem"),
    [
        (machine(start="Z", A=TASK), "no state 'Z' to start at"),
        (machine(A={**TASK, "HeartbeatSeconds": 5}), "HeartbeatSeconds"),
        (machine(A={"Type": "Map", "End": True}), "unknown type 'Map'"),
        (machine(A={"Type": "Task", "Resource": "work", "Next": "Z"}), "leads to 'Z'"),
        (machine(A={"Type": "Task", "Resource": "work"}), "either Next or End"),
        (machine(A=TASK, B=TASK), "nothing leads to"),
        (one(Parameters={"x.$": "States.Format('{}', $.a)"}), "does not know the path"),
        (one(InputPath="$..a"), "does not know the path"),
        (one(ResultPath="$.a[0]"), "no result can be put"),
        (one(Retry=[{"ErrorEquals": ["States.ALL", "X"]}]), "must stand alone"),
        (one(Catch=[{"ErrorEquals": [], "Next": "A"}]), "needs ErrorEquals"),
        (machine(A={"Type": "Parallel", "Branches": [], "End": True}), "no Branches"),
        (
            machine(
                A={"Type": "Choice", "Choices": [{"Variable": "$.a", "StringMatches": "*", "Next": "A"}]}
            ),
            "does not know the comparison",
        ),
    ],
)
def test_a_definition_it_would_misunderstand_is_refused(definition: dict[str, Any], problem: str) -> None:
    with pytest.raises(UnsupportedDefinitionError, match=problem):
        Execution(definition, {})
