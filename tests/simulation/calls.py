"""AWS calls that are made: the world after each, and its answer."""

from __future__ import annotations

from tests.simulation.cells import Edit, RefusedError, World, frozen
from tests.simulation.invocations import Outcome, Run
from tests.simulation.machines import PATIENT
from tests.simulation.services import OPERATIONS
from tests.simulation.stand_ins import Answer, Request

_performed: dict[tuple[int, Request, str], tuple[World, Answer]] = {}


def perform(world: World, request: Request, tag: str) -> tuple[World, Answer]:
    """Make a call: the world after it, and its answer."""
    key = (world.number, request, tag)
    known = _performed.get(key)
    if known is None:
        edit = Edit(world)
        try:
            result = OPERATIONS[request.service, request.operation](edit, request.parameters, tag)
            known = world.changed(edit.changes), Answer(result=frozen(result))
        except RefusedError as refused:
            known = world, Answer(error=refused.answer)
        _performed[key] = known
    return known


def forget() -> None:
    """Forget all that is known of calls and worlds, to free memory."""
    _performed.clear()
    World.forget()


def would_wait_on(run: Run, world: World) -> bool:
    """Whether a patient function, run now without a break, would find nothing new and do nothing."""
    now, outcome = _alone(run, world)
    return now is world and outcome.error in PATIENT


def outcome_alone(run: Run, world: World) -> Outcome:
    """How a run ends if nothing else happens in between."""
    return _alone(run, world)[1]


def _alone(run: Run, world: World) -> tuple[World, Outcome]:
    while run.request is not None:
        world, answer = perform(world, run.request, run.tag)
        run = run.after(answer)
    assert run.outcome is not None
    return world, run.outcome
