"""A state of the whole system, and what can happen next: one AWS call, or one fault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from tests.asl import Status
from tests.simulation import faults
from tests.simulation.calls import outcome_alone, perform, would_wait_on
from tests.simulation.cells import World
from tests.simulation.events import closing_event, turn_event
from tests.simulation.faults import Fault
from tests.simulation.invocations import Outcome, Run
from tests.simulation.machines import PATIENT, Machine
from tests.simulation.services import FOUND
from tests.simulation.stand_ins import Answer, Request

START: Final = 1_767_225_600.0  # 2026-01-01: when uploads happen
SETTLED: Final = 100_000.0  # seconds after which everything is settled, tombstones too
LATER: Final = START + SETTLED
TURN_COMES: Final = START + 120.0  # when messages of the admission queue are delivered, or later
_TURNS: Final = "turns/"
_EXECUTIONS: Final = "executions/"
_FAILURES: Final = (Status.FAILED, Status.ABORTED, Status.TIMED_OUT)
# Lambda invokes a function that an event called twice more.
_EVENT_ATTEMPTS: Final = 3


class Job(NamedTuple):
    """A function that runs.

    Attributes
    ----------
    owner, branch
        Whom it answers: an execution's ARN and its branch, or the name of an event with branch "event".
        A function whose execution was ended answers nobody: owner "".
    idle
        Whether it waits for something to change: so far it would do again what it did.
    attempt
        Of an event's function, from 1.
    """

    owner: str
    branch: str
    run: Run
    idle: bool = False
    attempt: int = 1

    @property
    def name(self) -> str:
        """What a schedule calls it."""
        return f"{self.owner.rpartition(':')[2] or 'nobody'} {self.run.function}"


class State(NamedTuple):
    """A state of the system; equal states have equal futures."""

    world: World
    machines: tuple[Machine, ...]
    jobs: tuple[Job, ...]
    faults_left: int


class Action(NamedTuple):
    """Something that can happen: to a job, or to an execution or a face by name.

    Attributes
    ----------
    kind
        "call", a Fault, or "found" of a face.
    """

    kind: str
    name: str
    job: Job | None = None

    def __str__(self) -> str:
        what = self.job.name if self.job else self.name
        return what if self.kind == "call" else f"{what}: {self.kind}"


@dataclass(frozen=True, slots=True)
class Happened:
    """A line of a trace."""

    action: Action
    request: Request | None
    answer: str


def initial(cells: Mapping[str, Any], events: Iterable[tuple[str, str, Any]], fault_count: int = 0) -> State:
    """The state in which these events have just been sent.

    Parameters
    ----------
    events
        (name, function, event); a function named "audit" runs later than all others.
    """
    jobs = [
        Job(name, "event", Run.first(function, event, LATER if function == "audit" else START, name))
        for name, function, event in events
    ]
    return begun(World.of(cells), jobs, fault_count)


def begun(world: World, jobs: Iterable[Job], fault_count: int = 0) -> State:
    """A state in which nothing but these functions runs."""
    return _reconciled(State(world, (), _sorted(jobs), fault_count))


def actions(state: State) -> Iterator[Action]:
    """All that can happen next, faults last; nothing, in the end."""
    moving = False
    for action in usual_actions(state):
        moving = True
        yield action
    if state.faults_left:
        yield from _faults(state)
    for job in state.jobs:
        if job.idle and (not moving or state.faults_left) and would_wait_on(job.run, state.world):
            yield Action(Fault.GIVE_UP, "", job)


def usual_actions(state: State) -> Iterator[Action]:
    """All that can happen next if nothing goes wrong."""
    for job in state.jobs:
        if not (job.idle and would_wait_on(job.run, state.world)):
            yield Action("call", "", job)
    if "late index" in state.world.cells:
        for name in state.world.under("faces/"):
            if state.world.cells[name][1] < FOUND:
                yield Action("found", name)


def _faults(state: State) -> Iterator[Action]:
    for job in state.jobs:
        if job.run.request is not None and not (job.idle and would_wait_on(job.run, state.world)):
            native = job.run.function == "put_item"
            for fault in faults.faults_at(job.run.request, native=native):
                yield Action(fault, "", job)
    for machine in state.machines:
        if machine.status is Status.RUNNING:
            yield Action(Fault.ABORT, machine.arn)


def after(state: State, action: Action, trace: list[Happened] | None = None) -> State:
    """The state after something happened."""
    if action.kind == "found":
        person, seen, content = state.world.cells[action.name]
        # With "halves" a face is known to its own search before others find it.
        step = seen + 1 if state.world.cells["late index"] == "halves" else FOUND
        _tell(trace, action, None, f"{action.name} can be found")
        return state._replace(world=state.world.changed({action.name: (person, step, content)}))
    if action.kind == Fault.ABORT:
        _tell(trace, action, None, "the execution is aborted")
        status_and_input = ("ABORTED", state.world.cells[_EXECUTIONS + action.name][1])
        world = state.world.changed({_EXECUTIONS + action.name: status_and_input})
        return _reconciled(state._replace(world=world, faults_left=state.faults_left - 1))
    assert action.job is not None
    return _after_job(state, action.job, action, trace)


def _after_job(state: State, job: Job, action: Action, trace: list[Happened] | None) -> State:
    request = job.run.request
    assert request is not None
    if action.kind == Fault.GIVE_UP:
        _tell(trace, action, None, "waits no longer")
        error = outcome_alone(job.run, state.world)
        spent = state._replace(faults_left=max(0, state.faults_left - 1))
        return _ended(spent, job, error, for_good=True)
    if action.kind == "call":
        world, answer = perform(state.world, request, job.run.tag)
        _tell(trace, action, request, str(answer))
        return _answered(state._replace(world=world), job, answer)
    fault = Fault(action.kind)
    state = state._replace(faults_left=state.faults_left - 1)
    answer = faults.answer_of(fault, request)
    if fault in faults.AFTER_EFFECT:
        world, first = perform(state.world, request, job.run.tag)
        if fault is Fault.REPEATED:
            world, answer = perform(world, request, job.run.tag)
        state = state._replace(world=world)
        _tell(trace, action, request, f"{fault}; it did answer {first}")
    else:
        _tell(trace, action, request, fault)
    if fault in faults.KILLS:
        return _ended(state, job, faults.CRASHED, for_good=fault in faults.FOR_GOOD)
    return _answered(state, job, answer)


def _answered(state: State, job: Job, answer: Answer) -> State:
    run = job.run.after(answer)
    if run.outcome is not None:
        return _ended(state, job, run.outcome)
    return _reconciled(_with(state, job, [job._replace(run=run, idle=False)]))


def _ended(state: State, job: Job, outcome: Outcome, *, for_good: bool = False) -> State:
    """The state after a function ended, which its execution hears of."""
    if not job.owner:
        return _reconciled(_with(state, job, []))
    if job.branch == "event":
        again = bool(outcome.error) and not for_good and job.attempt < _EVENT_ATTEMPTS
        again |= bool(outcome.error) and job.run.function == "erase"  # the rider asks again
        retry = [job._replace(run=job.run.again(), attempt=min(job.attempt + 1, _EVENT_ATTEMPTS))]
        return _reconciled(_with(state, job, retry if again else []))
    if outcome.error in PATIENT and not for_good:
        return _reconciled(_with(state, job, [job._replace(run=job.run.again(), idle=True)]))
    machine = next(machine for machine in state.machines if machine.arn == job.owner)
    moved = machine.after(job.branch, outcome, for_good=for_good)
    state = _with(state, job, [])
    busy = {other.branch for other in state.jobs if other.owner == job.owner}
    new = [
        Job(job.owner, branch, Run.first(task.function, task.event, START, job.owner))
        for branch, task in moved.tasks.items()
        if branch not in busy
    ]
    machines = tuple(moved if other is machine else other for other in state.machines)
    state = state._replace(machines=machines, jobs=_sorted([*state.jobs, *new]))
    if moved.status is not Status.RUNNING:
        cell = _EXECUTIONS + moved.arn
        state = state._replace(world=state.world.changed({cell: (str(moved.status), moved.data)}))
    return _reconciled(state)


def _reconciled(state: State) -> State:
    """Let executions begin that were started, end that were stopped, and be closed that failed."""
    known = {machine.arn: machine for machine in state.machines}
    machines, jobs = list(state.machines), list(state.jobs)
    for cell in state.world.under(_TURNS):
        starts_at, _, body = cell.removeprefix(_TURNS).partition("/")
        # Where the audit has taken a turn meanwhile, the next one is later.
        then = max(TURN_COMES, datetime.fromisoformat(starts_at).timestamp())
        run = Run.first("start_waiting", turn_event(starts_at, body), then, cell)
        jobs.append(Job(f"turn {starts_at}", "event", run))
        state = state._replace(world=state.world.changed({cell: None}))
    for cell in state.world.under(_EXECUTIONS):
        arn, (status, data) = cell.removeprefix(_EXECUTIONS), state.world.cells[cell]
        if arn not in known and status == "RUNNING":
            machine = Machine.first(arn, data)
            machines.append(machine)
            jobs += [
                Job(arn, branch, Run.first(task.function, task.event, START, arn))
                for branch, task in machine.tasks.items()
            ]
        elif arn in known and status in _FAILURES:
            machines.remove(known[arn])
            jobs = [_unheard(job) if job.owner == arn else job for job in jobs]
            jobs = [job for job in jobs if not (job.owner == "" and job.idle)]
            jobs.append(Job(f"end of {arn}", "event", closing(arn, status, data)))
        elif arn in known and status == Status.SUCCEEDED:
            machines.remove(known[arn])
    machines.sort(key=lambda machine: machine.arn)
    state = state._replace(machines=tuple(machines), jobs=_sorted(jobs))
    for job in state.jobs:
        if job.run.outcome is not None:  # a function that calls nothing ends where it began
            return _ended(state, job, job.run.outcome)
    return state


def closing(arn: str, status: str, data: str) -> Run:
    """The function that an execution's end calls."""
    return Run.first("close_execution", closing_event(arn, status, data), START, arn)


def _unheard(job: Job) -> Job:
    return job._replace(owner="", branch="")


def _with(state: State, job: Job, replacement: list[Job]) -> State:
    jobs = list(state.jobs)
    jobs.remove(job)
    return state._replace(jobs=_sorted([*jobs, *replacement]))


def _sorted(jobs: Iterable[Job]) -> tuple[Job, ...]:
    return tuple(sorted(jobs, key=lambda job: (job.owner, job.branch, job.run.number, job.attempt, job.idle)))


def _tell(trace: list[Happened] | None, action: Action, request: Request | None, answer: str) -> None:
    if trace is not None:
        trace.append(Happened(action, request, answer))
