"""What each state does, as generators that ask for what only the outside can give.

A generator yields a `TaskCall` and is sent the result, a `Pause` and is sent nothing, or a `Fork` and is
sent the branches' outputs. Failures are thrown into it as `StateError`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.asl import choices, paths
from tests.asl.errors import StateError
from tests.asl.payloads import as_json, fill, filtered
from tests.asl.retries import Retries

type Json = Any
type Machine = Mapping[str, Any]
type State = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class TaskCall:
    """A task that an execution waits for.

    Attributes
    ----------
    state
        Name of the Task state.
    resource, parameters
        As in the definition, filled in.
    branch
        Where the state is: "" at the top, else as "ParallelProcessing[0]", nested ones joined by "/".
    retry_count
        How often it was tried before.
    timeout_seconds
        After how long the execution gives it up with States.Timeout; None for never.
    """

    state: str
    resource: str
    parameters: Json
    branch: str
    retry_count: int
    timeout_seconds: float | None


@dataclass(frozen=True, slots=True)
class Pause:
    """A wait, in seconds: of a Wait state or before another attempt."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Fork:
    """Branches of a Parallel state, to run at the same time."""

    branches: tuple[Steps, ...]


type Steps = Generator[TaskCall | Pause | Fork, Json, Json]
type _Handler = Callable[[_Visit], Generator[TaskCall | Pause | Fork, Json, tuple[Json, str | None]]]


@dataclass(frozen=True, slots=True)
class Scope:
    """What all states of an execution share.

    Attributes
    ----------
    context
        The context object, without its `State`.
    entered
        Is told the branch and the name of each state that is entered.
    jitter
        Makes of the upper limit of a random wait the wait, in seconds.
    """

    context: Mapping[str, Any]
    entered: Callable[[str, str], None]
    jitter: Callable[[float], float]


@dataclass(frozen=True, slots=True)
class _Visit:
    """One attempt at a state."""

    name: str
    state: State
    data: Json
    branch: str
    retry_count: int
    scope: Scope

    @property
    def context(self) -> Json:
        return {**self.scope.context, "State": {"Name": self.name, "RetryCount": self.retry_count}}

    def effective_input(self) -> Json:
        """The input after `InputPath` and `Parameters`."""
        data = filtered(self.state.get("InputPath", "$"), self.data, self.context)
        if "Parameters" in self.state:
            data = fill(self.state["Parameters"], data, self.context)
        return as_json(data, f"The input of {self.name}")

    def output(self, result: Json) -> Json:
        """The result after `ResultSelector`, `ResultPath` and `OutputPath`."""
        if "ResultSelector" in self.state:
            result = fill(self.state["ResultSelector"], result, self.context)
        output = paths.put(self.state.get("ResultPath", "$"), self.data, result)
        return filtered(self.state.get("OutputPath", "$"), output, self.context)


def run_states(machine: Machine, data: Json, branch: str, scope: Scope) -> Steps:
    """Run a state machine, or a branch, from its StartAt to its end, and return its output."""
    name: str | None = machine["StartAt"]
    while name is not None:
        scope.entered(branch, name)
        data, name = yield from _run_state(name, machine["States"][name], data, branch, scope)
    return data


def _run_state(
    name: str, state: State, data: Json, branch: str, scope: Scope
) -> Generator[TaskCall | Pause | Fork, Json, tuple[Json, str | None]]:
    retries = Retries(state.get("Retry", ()))
    while True:
        visit = _Visit(name, state, data, branch, retries.count, scope)
        try:
            output, following = yield from _HANDLERS[state["Type"]](visit)
            return as_json(output, f"The output of {name}"), following
        except StateError as error:
            wait = retries.use(error)
            if wait is None:
                return _caught(error, state, data)
        seconds, is_limit = wait
        yield Pause(scope.jitter(seconds) if is_limit else seconds)


def _caught(error: StateError, state: State, data: Json) -> tuple[Json, str]:
    for catcher in state.get("Catch", ()):
        if error.matches(catcher["ErrorEquals"]):
            error_output = {"Error": error.error, "Cause": error.cause}
            output = paths.put(catcher.get("ResultPath", "$"), data, error_output)
            return as_json(output, "The output of a Catch"), str(catcher["Next"])
    raise error


def _task(visit: _Visit) -> Generator[TaskCall | Pause | Fork, Json, tuple[Json, str | None]]:
    result = yield TaskCall(
        state=visit.name,
        resource=visit.state["Resource"],
        parameters=visit.effective_input(),
        branch=visit.branch,
        retry_count=visit.retry_count,
        timeout_seconds=visit.state.get("TimeoutSeconds"),
    )
    return visit.output(as_json(result, f"The result of {visit.name}")), visit.state.get("Next")


def _parallel(visit: _Visit) -> Generator[TaskCall | Pause | Fork, Json, tuple[Json, str | None]]:
    data = visit.effective_input()
    prefix = f"{visit.branch}/" if visit.branch else ""
    results = yield Fork(
        tuple(
            run_states(machine, data, f"{prefix}{visit.name}[{index}]", visit.scope)
            for index, machine in enumerate(visit.state["Branches"])
        )
    )
    return visit.output(as_json(results, f"The result of {visit.name}")), visit.state.get("Next")


def _pass(visit: _Visit) -> Generator[TaskCall | Pause | Fork, Json, tuple[Json, str | None]]:
    data = visit.effective_input()
    return visit.output(visit.state.get("Result", data)), visit.state.get("Next")
    yield  # makes this a generator, as all handlers are


def _choice(visit: _Visit) -> Generator[TaskCall | Pause | Fork, Json, tuple[Json, str | None]]:
    data = visit.effective_input()
    following = choices.chosen(visit.state, data, visit.context)
    return filtered(visit.state.get("OutputPath", "$"), data, visit.context), following
    yield


def _wait(visit: _Visit) -> Generator[TaskCall | Pause | Fork, Json, tuple[Json, str | None]]:
    data = visit.effective_input()
    if "SecondsPath" in visit.state:
        yield Pause(float(paths.get(visit.state["SecondsPath"], data, visit.context)))
    else:
        yield Pause(float(visit.state["Seconds"]))
    return filtered(visit.state.get("OutputPath", "$"), data, visit.context), visit.state.get("Next")


def _succeed(visit: _Visit) -> Generator[TaskCall | Pause | Fork, Json, tuple[Json, str | None]]:
    data = visit.effective_input()
    return filtered(visit.state.get("OutputPath", "$"), data, visit.context), None
    yield


def _fail(visit: _Visit) -> Generator[TaskCall | Pause | Fork, Json, tuple[Json, str | None]]:
    raise StateError(_text(visit, "Error"), _text(visit, "Cause"))
    yield


def _text(visit: _Visit, field: str) -> str:
    if f"{field}Path" in visit.state:
        return str(paths.get(visit.state[f"{field}Path"], visit.data, visit.context))
    return str(visit.state.get(field, ""))


_HANDLERS: Final[Mapping[str, _Handler]] = {
    "Task": _task,
    "Parallel": _parallel,
    "Pass": _pass,
    "Choice": _choice,
    "Wait": _wait,
    "Succeed": _succeed,
    "Fail": _fail,
}
