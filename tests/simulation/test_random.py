"""Random schedules of more executions, with pairs of faults. A failing one prints its trace and choices."""

from __future__ import annotations

import random

import pytest

from tests.simulation import scenarios
from tests.simulation.explore import explore, replay
from tests.simulation.scenarios import Scenario
from tests.simulation.system import Happened, actions, after
from tests.simulation.walks import Walks

SCENARIOS = [
    *(scenarios.THREE_RIDERS, scenarios.CHAIN, scenarios.AUDITED_RIVALS, scenarios.ERASED),
    *(scenarios.TWO_RIDERS_LATE, scenarios.TWO_PHOTOS, scenarios.TWO_PEOPLE),
]
WALKS = 150


@pytest.mark.parametrize("fault_count", [0, 2])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_random_schedules_with_pairs_of_faults(scenario: Scenario, fault_count: int) -> None:
    walks = Walks(scenario, fault_count)
    seen = {walks.walk(seed) for seed in range(WALKS)}
    assert len(seen) > WALKS * 0.9


def test_a_seed_gives_the_same_schedule_each_time() -> None:
    walks = Walks(scenarios.THREE_RIDERS, 2)
    schedule = walks.walk(7)
    assert walks.walk(8) != schedule
    assert walks.walk(7) == schedule
    assert Walks(scenarios.THREE_RIDERS, 2).walk(7) == schedule


def test_a_schedule_can_be_replayed_from_its_choices_with_its_trace() -> None:
    chance, state, choices = random.Random(1), scenarios.TWO_RIDERS.start(), list[int]()
    trace: list[Happened] = []
    while possible := list(actions(state)):
        choices.append(chance.randrange(len(possible)))
        state = after(state, possible[choices[-1]], trace)
    again, same_trace = replay(scenarios.TWO_RIDERS, choices)
    assert again == state
    assert same_trace == trace


def test_the_exhaustive_search_sees_every_world_that_a_random_schedule_ends_in() -> None:
    ends = set()
    for seed in range(200):
        chance, state = random.Random(seed), scenarios.TWO_RIDERS.start()
        while possible := list(actions(state)):
            state = after(state, chance.choice(possible))
        ends.add(state.world)
    assert 1 < len(ends) <= explore(scenarios.TWO_RIDERS).ends
