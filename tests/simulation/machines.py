"""Executions of the real definition, taken up again after any of their tasks.

An execution is known by what its tasks came to, branch by branch: in which order branches went on, and
how often a task was tried before it came to something, makes no difference to what follows. Waits take no
time; the one thing that counts attempts is what is left of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.asl import LAMBDA_INVOKE, Execution, Status, TaskCall
from tests.simulation.dynamodb import ITEMS
from tests.simulation.invocations import Outcome
from tests.statemachine.definitions import rider_photo_processing

type Branches = tuple[tuple[str, tuple[Outcome, ...]], ...]

# Waiting for others takes as many attempts as it takes here: faults.GIVE_UP ends it.
PATIENT = frozenset({"UndecidedRivalError", "FaceNotVisibleYetError"})


@dataclass(frozen=True, slots=True)
class Task:
    """A task that an execution waits for."""

    state: str
    branch: str
    function: str
    event: Any


class Machine:
    """An execution after some of its tasks.

    Attributes
    ----------
    status
        As DescribeExecution has it.
    tasks
        By branch, those that it waits for.
    data
        Its input.
    """

    __slots__ = (
        "_attempts",
        "_history",
        "_next",
        "arn",
        "data",
        "number",
        "output",
        "status",
        "tasks",
    )
    definition: ClassVar[Mapping[str, Any]] = {}
    _known: ClassVar[dict[Any, Machine]] = {}

    def __init__(self, arn: str, data: str, history: Branches, attempts: Branches) -> None:
        self.arn = arn
        self.data = data
        self._history = history
        self._attempts = attempts
        self._next: dict[Any, Machine] = {}
        self.number = len(self._known)
        execution, _ = _replayed(self)
        self.status = execution.status
        self.output = execution.output
        self.tasks = {call.branch: _task(call) for call in execution.calls}

    @classmethod
    def first(cls, arn: str, data: str) -> Machine:
        """An execution that was just started."""
        return cls._of(arn, data, (), ())

    @classmethod
    def _of(cls, arn: str, data: str, history: Branches, attempts: Branches) -> Machine:
        key = (arn, data, history, attempts)
        machine = cls._known.get(key)
        if machine is None:
            machine = cls._known[key] = cls(*key)
        return machine

    @classmethod
    def use(cls, definition: Mapping[str, Any] | None = None) -> None:
        """Use a definition, the project's by default, and forget all executions."""
        cls.definition = definition or rider_photo_processing()
        cls._known.clear()

    def after(self, branch: str, outcome: Outcome, *, for_good: bool = False) -> Machine:
        """The execution after a task of it came to something.

        Parameters
        ----------
        for_good
            Whether all attempts that the machine makes come to the same error.
        """
        key = (branch, outcome, for_good)
        machine = self._next.get(key)
        if machine is None:
            machine = self._next[key] = self._after(branch, outcome, for_good)
        return machine

    def _after(self, branch: str, outcome: Outcome, for_good: bool) -> Machine:
        if outcome.error and not for_good and (outcome.error in PATIENT or self._is_retried(branch, outcome)):
            if outcome.error in PATIENT:
                return self
            return self._of(self.arn, self.data, self._history, _added(self._attempts, branch, outcome))
        attempts = tuple(entry for entry in self._attempts if entry[0] != branch)
        return self._of(self.arn, self.data, _added(self._history, branch, outcome), attempts)

    def _is_retried(self, branch: str, outcome: Outcome) -> bool:
        execution, calls = _replayed(self)
        return _fail(execution, calls[branch], outcome) is not None


def _task(call: TaskCall) -> Task:
    if call.resource == LAMBDA_INVOKE:
        function = call.parameters["FunctionName"].rpartition("rider-photos-test-")[2]
        return Task(call.state, call.branch, function, call.parameters["Payload"])
    assert call.parameters["TableName"] == ITEMS
    return Task(call.state, call.branch, "put_item", call.parameters)


def _added(branches: Branches, branch: str, outcome: Outcome) -> Branches:
    known = dict(branches)
    known[branch] = (*known.get(branch, ()), outcome)
    return tuple(sorted(known.items(), key=lambda entry: entry[0]))


def _replayed(machine: Machine) -> tuple[Execution, dict[str, TaskCall]]:
    """The interpreter's execution, brought to where the machine is, and the calls it waits for."""
    prefix, _, name = machine.arn.rpartition(":")
    execution = Execution(
        Machine.definition,
        json.loads(machine.data),
        name=name,
        machine_arn=prefix.replace(":execution:", ":stateMachine:"),
        jitter=lambda limit: 0.0,
    )
    left = {branch: list(outcomes) for branch, outcomes in machine._history}
    while True:
        ready = [call for call in execution.calls if left.get(call.branch)]
        if not ready:
            break
        _settle(execution, ready[0], left[ready[0].branch].pop(0))
    for branch, outcomes in machine._attempts:
        for outcome in outcomes:
            [call] = [call for call in execution.calls if call.branch == branch]
            _fail(execution, call, outcome)
    assert not any(left.values()), "the history of an execution fits its definition"
    assert execution.calls or execution.status is not Status.RUNNING
    return execution, {call.branch: call for call in execution.calls}


def _settle(execution: Execution, call: TaskCall, outcome: Outcome) -> None:
    """Answer a task; an error, as often as it takes until the machine does not try again."""
    if outcome.error is None:
        payload = json.loads(outcome.result or "null")
        execution.succeed(call, {"Payload": payload} if call.resource == LAMBDA_INVOKE else payload)
        return
    again: TaskCall | None = call
    while again is not None:
        again = _fail(execution, again, outcome)


def _fail(execution: Execution, call: TaskCall, outcome: Outcome) -> TaskCall | None:
    """Fail a task, and give the next attempt at it, if there is one."""
    others = set(execution.calls) - {call}
    execution.fail(call, str(outcome.error), outcome.cause)
    due = execution.due
    if due is not None and due <= execution.now:
        execution.advance_to(due)
    after = [new for new in execution.calls if new not in others]
    retried = [new for new in after if new.state == call.state and new.retry_count == call.retry_count + 1]
    return retried[0] if retried else None
