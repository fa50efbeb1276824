"""What happened in each state of an execution, read from its history. Pure.

Works on the events of GetExecutionHistory as Step Functions gives them (docs: API_HistoryEvent): each
names the event it follows, and a chain of those leads back to where its state was entered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

type Event = Mapping[str, Any]

_ATTEMPT_BEGINS = ("TaskScheduled", "LambdaFunctionScheduled", "ActivityScheduled")
_ATTEMPT_FAILS = (
    "TaskFailed",
    "TaskTimedOut",
    "TaskStartFailed",
    "TaskSubmitFailed",
    "LambdaFunctionFailed",
    "LambdaFunctionTimedOut",
    "LambdaFunctionStartFailed",
    "LambdaFunctionScheduleFailed",
    "ActivityFailed",
    "ActivityTimedOut",
    "ActivityScheduleFailed",
)
_ATTEMPT_SUCCEEDS = ("TaskSucceeded", "LambdaFunctionSucceeded", "ActivitySucceeded")
# What becomes of a state that was never left, by how its execution stands.
_UNFINISHED = {"RUNNING": "running", "SUCCEEDED": "succeeded", "ABORTED": "aborted", "TIMED_OUT": "failed"}


@dataclass
class Attempt:
    """One try of a task; times are epoch milliseconds."""

    scheduled: int
    ended: int | None = None
    error: str | None = None
    cause: str | None = None


@dataclass
class Visit:
    """One time that a state was entered.

    Attributes
    ----------
    status
        running, succeeded, caught (it failed, and a Catch went on), failed or aborted.
    input, output
        JSON texts; None where it has none, or none yet.
    """

    state: str
    type: str
    entered: int
    input: str | None
    exited: int | None = None
    output: str | None = None
    status: str = "running"
    attempts: list[Attempt] = field(default_factory=list)


@dataclass
class Course:
    """The way an execution took: what was visited, and from where to where it went."""

    visits: list[Visit] = field(default_factory=list)
    edges: list[tuple[str, str]] = field(default_factory=list)


def course_of(events: Iterable[Event], status: str) -> Course:
    """Read a history.

    Parameters
    ----------
    events
        All of them, oldest first.
    status
        The execution's.
    """
    course = Course()
    owners: dict[int, Visit] = {}
    for event in events:
        kind = event["type"]
        previous = owners.get(event.get("previousEventId", 0))
        if "stateEnteredEventDetails" in event:
            visit = _entered(event)
            if previous and previous.exited is not None:
                course.edges.append((previous.state, visit.state))
            course.visits.append(visit)
        elif "stateExitedEventDetails" in event:
            # Not by the chain: a Parallel state's exit follows the last event of one of its branches.
            found = _open_visit(course, event["stateExitedEventDetails"]["name"])
            if found is None:
                continue
            visit = found
            _leave(visit, event)
        elif previous:
            visit = previous
            _attempt(visit, kind, event)
        else:
            continue
        owners[event["id"]] = visit
    for visit in course.visits:
        if visit.exited is None:
            visit.status = _UNFINISHED.get(status, "failed")
            _close(visit, status)
    return course


def milliseconds(moment: datetime) -> int:
    """Epoch milliseconds."""
    return round(moment.timestamp() * 1000)


def _entered(event: Event) -> Visit:
    details = event["stateEnteredEventDetails"]
    kind = event["type"].removesuffix("StateEntered")
    return Visit(details["name"], kind, milliseconds(event["timestamp"]), details.get("input"))


def _open_visit(course: Course, name: str) -> Visit | None:
    return next((visit for visit in reversed(course.visits) if visit.state == name), None)


def _leave(visit: Visit, event: Event) -> None:
    visit.exited = milliseconds(event["timestamp"])
    visit.output = event["stateExitedEventDetails"].get("output")
    visit.status = "caught" if visit.attempts and visit.attempts[-1].error else "succeeded"


def _attempt(visit: Visit, kind: str, event: Event) -> None:
    moment = milliseconds(event["timestamp"])
    if kind in _ATTEMPT_BEGINS:
        visit.attempts.append(Attempt(moment))
    elif kind in _ATTEMPT_SUCCEEDS and visit.attempts:
        visit.attempts[-1].ended = moment
    elif kind in _ATTEMPT_FAILS and visit.attempts:
        nothing: Event = {}
        details = next((value for name, value in event.items() if name.endswith("EventDetails")), nothing)
        attempt = visit.attempts[-1]
        attempt.ended = moment
        attempt.error, attempt.cause = details.get("error", "an unnamed error"), details.get("cause")


def _close(visit: Visit, status: str) -> None:
    """A state that was being tried when the execution was stopped has no last word of its own."""
    attempt = visit.attempts[-1] if visit.attempts else None
    if attempt and attempt.ended is None and status == "TIMED_OUT":
        attempt.error = "States.Timeout"
