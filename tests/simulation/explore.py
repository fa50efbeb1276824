"""All that can happen from a state on, each state once; or one given schedule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.simulation import invariants
from tests.simulation.cells import World
from tests.simulation.invocations import Run
from tests.simulation.scenarios import AUDIT, Scenario
from tests.simulation.system import (
    SETTLED,
    START,
    Action,
    Happened,
    Job,
    State,
    actions,
    after,
    begun,
    closing,
)
from tests.simulation.traces import Names

MOST_STEPS = 2_000
_AUDITS = 8


class ViolationError(AssertionError):
    """A schedule after which an invariant does not hold; the message is its trace."""

    def __init__(
        self,
        scenario: Scenario,
        choices: Sequence[int],
        fault_count: int,
        problems: Sequence[str],
        trace: str,
    ) -> None:
        listed = "; ".join(Names(scenario).short(problem) for problem in problems)
        again = f"replay(<{scenario.name}>, {list(choices)}, {fault_count})"
        super().__init__(f"{scenario.name}: {listed}\n{trace}\nReplay it: {again}")
        self.choices = tuple(choices)
        self.problems = tuple(problems)


@dataclass
class Explored:
    """What an exhaustive search saw.

    Attributes
    ----------
    states, steps
        Different states, and what can happen in them, all told.
    schedules
        Different orders in which all of it can happen, from the beginning to an end; those that go in a
        circle (a mail that is marked, throttled and unmarked) not counted.
    ends
        Different worlds in the end.
    audited
        In how many of them only the audit made the invariants hold.
    """

    states: int = 0
    steps: int = 0
    schedules: int = 0
    ends: int = 0
    audited: int = 0
    statuses: dict[tuple[str | None, ...], int] = field(default_factory=dict)


def explore(scenario: Scenario, fault_count: int = 0, most_states: int = 2_000_000) -> Explored:
    """Visit every state that a scenario can come to, and check every end.

    Raises
    ------
    ViolationError
        At the first end in which an invariant does not hold, with the schedule that leads there.
    """
    explored = Explored()
    start = scenario.start(fault_count)
    counts: dict[State, int] = {}
    checked: dict[World, bool] = {}
    path: list[tuple[State, list[Action], int]] = [(start, list(actions(start)), 0)]
    totals = [0]
    on_path = {start}
    while path:
        state, possible, position = path[-1]
        if position == 0:
            explored.states += 1
            explored.steps += len(possible)
            if explored.states > most_states:
                raise AssertionError(f"{scenario.name} has more than {most_states} states")
            problems = list(invariants.always_broken(state.world))
            if problems and scenario.late_index != "halves":
                raise _violation(scenario, path, fault_count, problems)
        if position < len(possible):
            path[-1] = (state, possible, position + 1)
            following = after(state, possible[position])
            if following in counts:
                totals[-1] += counts[following]
            elif following not in on_path:
                path.append((following, list(actions(following)), 0))
                totals.append(0)
                on_path.add(following)
            continue
        if not possible:
            totals[-1] = 1
            if state.world not in checked:
                problems = check_end(scenario, state, fault_count, explored)
                checked[state.world] = True
                explored.ends += 1
                if problems:
                    raise _violation(scenario, path, fault_count, problems)
        counts[state] = totals.pop()
        on_path.remove(state)
        path.pop()
        if path:
            totals[-1] += counts[state]
    explored.schedules = counts[start]
    return explored


def check_end(
    scenario: Scenario, state: State, fault_count: int, explored: Explored | None = None
) -> list[str]:
    """What does not hold in an end, after all that mends it has been at work.

    Without faults nothing has to be mended. With them, audits run until they change nothing more, and an
    operator redrives what lies in the dead-letter queue. The events that say that an execution has ended
    are then delivered once more: without faults that changes nothing, but that a letter may come twice.
    """
    world = state.world
    problems = list(invariants.broken(world, scenario))
    endings = tuple(invariants.status_of(world, upload) for upload in scenario.uploads)
    if explored is not None:
        explored.statuses[endings] = explored.statuses.get(endings, 0) + 1
        explored.audited += bool(problems)
    if not fault_count and not scenario.audit_mends and problems:
        return problems
    if not fault_count and scenario.endings is not None and endings not in scenario.endings:
        return [f"the uploads ended as {endings}"]
    mended = audited(world)
    problems = list(invariants.broken(mended, scenario, audited=True))
    if problems and fault_count:
        mended = audited(run_to_end(_redriven(mended, scenario)))
        problems = list(invariants.broken(mended, scenario, audited=True))
    again = run_to_end(_redelivered(mended))
    if fault_count:  # what was killed the first time may be done the second time
        problems += invariants.broken(again, scenario)
    elif _changed(mended, again):
        problems.append(f"an event delivered again changed {_changed(mended, again)}")
    return [f"after the audit: {problem}" for problem in problems]


def _changed(before: World, later: World) -> list[str]:
    names = before.cells.keys() | later.cells.keys()
    return sorted(
        name
        for name in names
        if before.cells.get(name) != later.cells.get(name) and not name.startswith("letters/")
    )


def _redriven(world: World, scenario: Scenario) -> State:
    """What an operator's redrive starts again: events whose function failed for good."""
    jobs = [
        Job(name, "event", Run.first(function, event, START, name))
        for name, function, event in scenario.events
        if function == "start_processing"
    ]
    return begun(world, jobs)


def _redelivered(world: World) -> State:
    jobs = []
    for cell in world.under("executions/"):
        arn, (status, data) = cell.removeprefix("executions/"), world.cells[cell]
        if status in {"FAILED", "ABORTED", "TIMED_OUT"}:
            jobs.append(Job(f"again: end of {arn}", "event", closing(arn, status, data)))
    return begun(world, jobs)


def audited(world: World) -> World:
    """The world after audits, with what they start, until two in turn change nothing.

    What one audit changes is too young for the next one, if no time passes in between.
    """
    unchanged = 0
    for number in range(1, _AUDITS):
        now = START + SETTLED * number
        run = Run.first("audit", AUDIT[2], now, "audit")
        later = run_to_end(begun(world, [Job("audit", "event", run)]))
        unchanged = unchanged + 1 if later is world else 0
        if unchanged == 2:
            return world
        world = later
    return world


def run_to_end(
    state: State, choose: Callable[[list[Action]], Action] = lambda possible: possible[0]
) -> World:
    """One schedule, by default always the first that can happen."""
    for _ in range(MOST_STEPS):
        possible = list(actions(state))
        if not possible:
            return state.world
        state = after(state, choose(possible))
    raise AssertionError("the schedule runs in circles")


def replay(scenario: Scenario, choices: Sequence[int], fault_count: int = 0) -> tuple[State, list[Happened]]:
    """The state that a schedule leads to, and what happened on the way."""
    state, trace = scenario.start(fault_count), list[Happened]()
    for choice in choices:
        state = after(state, list(actions(state))[choice], trace)
    return state, trace


def _violation(
    scenario: Scenario, path: list[tuple[State, list[Action], int]], fault_count: int, problems: list[str]
) -> ViolationError:
    return violation(scenario, [position - 1 for _, _, position in path[:-1]], fault_count, problems)


def violation(
    scenario: Scenario, choices: Sequence[int], fault_count: int, problems: list[str]
) -> ViolationError:
    """The error that tells of a schedule, by its trace."""
    state, trace = replay(scenario, choices, fault_count)
    names = Names(scenario)
    lines = [*names.lines(trace), "     The world in the end:", *names.world(state.world)]
    return ViolationError(scenario, choices, fault_count, problems, "\n".join(lines))
