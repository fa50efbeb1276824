"""An execution of a state machine that a scheduler drives, step by step, in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from tests.asl.definition import check_definition
from tests.asl.errors import StateError
from tests.asl.payloads import as_json
from tests.asl.states import Fork, Pause, Scope, Steps, TaskCall, run_states

type Json = Any


class Status(StrEnum):
    """Status of an execution, as DescribeExecution names it."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    ABORTED = "ABORTED"


class _Thread:
    """The execution's own line of control, or that of a branch."""

    def __init__(self, steps: Steps, parent: _Thread | None = None, index: int = 0) -> None:
        self.steps = steps
        self.parent = parent
        self.index = index
        self.children: list[_Thread] = []
        self.results: dict[int, Json] = {}


class Execution:
    """One execution. It never calls anything itself: it lists the tasks it waits for in `calls`.

    A scheduler answers them, in any order, with `succeed` or `fail`, and moves the time on with
    `advance_to` when it likes; `due` says when the execution would do something by itself. A call that
    the execution gave up (its branch's sibling failed, it timed out, the execution was stopped) goes to
    `abandoned`: the function behind it may still run, and its answer changes nothing.

    Parameters
    ----------
    definition
        The state machine, with its substitutions made.
    data
        The execution's input.
    name, machine_arn
        Give `$$.Execution` its `Id` and `Name`.
    now
        Seconds, on any clock.
    jitter
        Makes of the upper limit of a random wait the wait, in seconds; by default the upper limit.

    Attributes
    ----------
    status, output, error, cause
        As DescribeExecution has them.
    entered
        (branch, state name) of each state that was entered, in order.
    """

    def __init__(
        self,
        definition: Mapping[str, Any],
        data: Json,
        *,
        name: str = "execution",
        machine_arn: str = "arn:aws:states:us-east-1:000000000000:stateMachine:machine",
        now: float = 0.0,
        jitter: Callable[[float], float] = lambda limit: limit,
    ) -> None:
        check_definition(definition)
        self.arn = f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
        self.status = Status.RUNNING
        self.output: Json = None
        self.error: str | None = None
        self.cause: str | None = None
        self.entered: list[tuple[str, str]] = []
        self.abandoned: list[TaskCall] = []
        self.now = now
        self._calls: dict[TaskCall, _Thread] = {}
        self._pauses: list[tuple[float, _Thread]] = []
        timeout = definition.get("TimeoutSeconds")
        self._deadline = None if timeout is None else now + timeout
        data = as_json(data, "The execution's input")
        context = {
            "Execution": {"Id": self.arn, "Name": name, "Input": data},
            "StateMachine": {"Id": machine_arn, "Name": machine_arn.rpartition(":")[2]},
        }
        scope = Scope(context, lambda branch, state: self.entered.append((branch, state)), jitter)
        self._resume(_Thread(run_states(definition, data, "", scope)))

    @property
    def is_running(self) -> bool:
        """Whether the execution has not ended."""
        return self.status is Status.RUNNING

    @property
    def calls(self) -> tuple[TaskCall, ...]:
        """The tasks that the execution waits for, oldest first."""
        return tuple(self._calls)

    @property
    def states(self) -> list[str]:
        """Names of the states that were entered, in order."""
        return [state for _, state in self.entered]

    @property
    def due(self) -> float | None:
        """When the execution does something by itself: a wait ends, or its own timeout comes."""
        moments = [moment for moment, _ in self._pauses]
        if self.is_running and self._deadline is not None:
            moments.append(self._deadline)
        return min(moments, default=None)

    def succeed(self, call: TaskCall, result: Json) -> None:
        """Answer a task with its result."""
        thread = self._answered(call)
        if thread:
            self._resume(thread, result)

    def fail(self, call: TaskCall, error: str, cause: str = "") -> None:
        """Answer a task with an error."""
        thread = self._answered(call)
        if thread:
            self._resume(thread, error=StateError(error, cause))

    def time_out(self, call: TaskCall) -> None:
        """Give a task up with States.Timeout, while its function may still run."""
        self.abandoned.append(call)
        self._resume(self._calls.pop(call), error=StateError("States.Timeout"))

    def advance_to(self, moment: float) -> None:
        """Move the time on, and end the waits that are over, in their order."""
        while self._pauses and min(self._pauses, key=_moment)[0] <= moment and not self._is_over(self.due):
            pause = min(self._pauses, key=_moment)
            self._pauses.remove(pause)
            self.now = max(self.now, pause[0])
            self._resume(pause[1])
        self.now = max(self.now, moment)
        if self.is_running and self._is_over(self.now):
            self._end(Status.TIMED_OUT, error="States.Timeout")

    def abort(self) -> None:
        """End the execution as StopExecution does: nothing is caught, nothing undone."""
        if self.is_running:
            self._end(Status.ABORTED)

    def _is_over(self, moment: float | None) -> bool:
        return self._deadline is not None and moment is not None and moment >= self._deadline

    def _answered(self, call: TaskCall) -> _Thread | None:
        """The thread that waits for the call, or None if nobody does any more."""
        if call in self.abandoned:
            self.abandoned.remove(call)
            return None
        if call not in self._calls:
            raise ValueError(f"{call.state} is not waited for: it was answered already.")
        return self._calls.pop(call)

    def _resume(self, thread: _Thread, value: Json = None, error: StateError | None = None) -> None:
        try:
            request = thread.steps.send(value) if error is None else thread.steps.throw(error)
        except StopIteration as stop:
            self._finished(thread, stop.value)
        except StateError as raised:
            self._failed(thread, raised)
        else:
            self._take(thread, request)

    def _take(self, thread: _Thread, request: TaskCall | Pause | Fork) -> None:
        if isinstance(request, TaskCall):
            self._calls[request] = thread
        elif isinstance(request, Pause):
            self._pauses.append((self.now + request.seconds, thread))
        else:
            thread.results = {}
            thread.children = [_Thread(steps, thread, i) for i, steps in enumerate(request.branches)]
            for child in list(thread.children):
                if child in thread.children:  # else a sibling failed at once
                    self._resume(child)

    def _finished(self, thread: _Thread, output: Json) -> None:
        parent = thread.parent
        if parent is None:
            self._end(Status.SUCCEEDED, output=output)
            return
        parent.results[thread.index] = output
        if len(parent.results) == len(parent.children):
            parent.children = []
            self._resume(parent, [parent.results[index] for index in sorted(parent.results)])

    def _failed(self, thread: _Thread, error: StateError) -> None:
        parent = thread.parent
        if parent is None:
            self._end(Status.FAILED, error=error.error, cause=error.cause)
            return
        # "If any branch fails, the entire Parallel state is considered to have failed and all its branches
        # are stopped": what they call goes on by itself.
        children, parent.children = parent.children, []
        for child in children:
            self._stop(child)
        self._resume(parent, error=error)

    def _stop(self, thread: _Thread) -> None:
        for child in thread.children:
            self._stop(child)
        thread.children = []
        self._abandon(lambda waiting: waiting is thread)
        thread.steps.close()

    def _abandon(self, concerns: Callable[[_Thread], bool]) -> None:
        given_up = [call for call, waiting in self._calls.items() if concerns(waiting)]
        self.abandoned += given_up
        for call in given_up:
            del self._calls[call]
        self._pauses = [pause for pause in self._pauses if not concerns(pause[1])]

    def _end(
        self, status: Status, *, output: Json = None, error: str | None = None, cause: str | None = None
    ) -> None:
        self.status, self.output, self.error, self.cause = status, output, error, cause
        self._abandon(lambda waiting: True)


def _moment(pause: tuple[float, _Thread]) -> float:
    return pause[0]


def run(execution: Execution, perform: Callable[[TaskCall], Json], *, most_calls: int = 1000) -> Execution:
    """Drive one execution to its end: each call is answered before the next, waits take no time.

    Parameters
    ----------
    perform
        Returns a call's result, or raises StateError.
    most_calls
        A machine that calls more is taken to run in circles.
    """
    for _ in range(most_calls):
        if execution.calls:
            call = execution.calls[0]
            try:
                result = perform(call)
            except StateError as error:
                execution.fail(call, error.error, error.cause)
            else:
                execution.succeed(call, result)
        elif execution.is_running:
            moment = execution.due
            assert moment is not None, "a running execution waits for a task or for a moment"
            execution.advance_to(moment)
        else:
            return execution
    raise AssertionError(f"The execution runs in circles: {execution.states[-12:]}")
