"""The way an execution took, read from histories as Step Functions writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.console.history import Course, Visit, course_of

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


class History:
    """Events a second apart, each numbered, with the event that it follows."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def add(self, kind: str, after: int | None = None, **details: Any) -> int:
        number = len(self.events) + 1
        event = {
            "id": number,
            "previousEventId": number - 1 if after is None else after,
            "type": kind,
            "timestamp": BEGIN + timedelta(seconds=number),
        }
        self.events.append(event | details)
        return number

    def enter(self, name: str, kind: str = "Task", after: int | None = None) -> int:
        return self.add(f"{kind}StateEntered", after, stateEnteredEventDetails={"name": name, "input": "1"})

    def leave(self, name: str, kind: str = "Task", after: int | None = None) -> int:
        return self.add(f"{kind}StateExited", after, stateExitedEventDetails={"name": name, "output": "2"})

    def fail(self, error: str, after: int | None = None) -> int:
        return self.add("TaskFailed", after, taskFailedEventDetails={"error": error, "cause": "why"})

    def course(self, status: str = "SUCCEEDED") -> Course:
        return course_of(self.events, status)


@pytest.fixture
def history() -> History:
    history = History()
    history.add("ExecutionStarted", after=0)
    return history


def visit_of(course: Course, name: str) -> Visit:
    [found] = [visit for visit in course.visits if visit.state == name]
    return found


def test_a_state_that_was_retried_tells_each_attempt(history: History) -> None:
    history.enter("Try")
    history.add("TaskScheduled")
    history.add("TaskStarted")
    history.fail("BusyError")
    history.add("TaskScheduled")
    history.add("TaskSucceeded")
    history.leave("Try")
    [visit] = history.course().visits
    assert (visit.status, visit.input, visit.output) == ("succeeded", "1", "2")
    assert [(attempt.error, attempt.cause) for attempt in visit.attempts] == [
        ("BusyError", "why"),
        (None, None),
    ]
    assert visit.exited is not None
    assert visit.exited - visit.entered == 6000


def test_a_failure_that_a_catch_took_is_caught_and_leads_on(history: History) -> None:
    history.enter("Try")
    history.add("TaskScheduled")
    history.add("TaskTimedOut", taskTimedOutEventDetails={"error": "States.Timeout"})
    history.leave("Try")
    history.enter("Failed", "Fail")
    course = history.course("FAILED")
    assert [(visit.state, visit.status) for visit in course.visits] == [
        ("Try", "caught"),
        ("Failed", "failed"),
    ]
    assert course.edges == [("Try", "Failed")]


def test_events_of_two_branches_go_to_their_own_states(history: History) -> None:
    both = history.enter("Both", "Parallel")
    started = history.add("ParallelStateStarted")
    one = history.enter("One", after=started)
    other = history.enter("Other", after=started)
    one = history.add("TaskScheduled", after=one)
    other = history.add("TaskScheduled", after=other)
    one = history.fail("BadError", after=one)
    other = history.leave("Other", after=history.add("TaskSucceeded", after=other))
    one = history.leave("One", after=one)
    history.enter("Mended", "Pass", after=one)
    last = history.leave("Mended", "Pass")
    history.leave("Both", "Parallel", after=history.add("ParallelStateSucceeded", after=last))
    history.enter("After", "Succeed")
    history.leave("After", "Succeed")
    course = history.course()
    assert visit_of(course, "One").attempts[0].error == "BadError"
    assert visit_of(course, "Other").attempts[0].error is None
    assert [visit.status for visit in course.visits] == [
        "succeeded",
        "caught",
        "succeeded",
        "succeeded",
        "succeeded",
    ]
    assert course.edges == [("One", "Mended"), ("Both", "After")]
    assert both == 2


@pytest.mark.parametrize(
    ("status", "expected"),
    [("RUNNING", "running"), ("ABORTED", "aborted"), ("TIMED_OUT", "failed"), ("FAILED", "failed")],
)
def test_a_state_that_was_not_left_stands_as_its_execution(
    history: History, status: str, expected: str
) -> None:
    history.enter("Try")
    history.add("TaskScheduled")
    [visit] = history.course(status).visits
    assert visit.status == expected
    assert visit.exited is None


def test_a_state_that_is_entered_again_has_two_visits(history: History) -> None:
    history.enter("Compare")
    history.leave("Compare")
    history.enter("Keep")
    history.add("TaskScheduled")
    history.fail("Conflict")
    history.leave("Keep")
    history.enter("Compare")
    course = history.course("RUNNING")
    assert [visit.state for visit in course.visits] == ["Compare", "Keep", "Compare"]
    assert [visit.status for visit in course.visits] == ["succeeded", "caught", "running"]
    assert course.edges == [("Compare", "Keep"), ("Keep", "Compare")]


def test_no_history_is_no_way() -> None:
    assert course_of([], "RUNNING") == Course()
