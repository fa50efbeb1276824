"""How many schedules differ by more than the order of calls that commute."""

from __future__ import annotations

from tests.simulation.scenarios import Scenario
from tests.simulation.system import Action, State, actions, after


def classes(scenario: Scenario, fault_count: int = 0) -> int:
    """How many schedules there are, of all that differ by more than the order of calls that commute.

    Two calls commute in a state if either order leads to the same state. Counted with sleep sets
    (Godefroid 1996), which leave one schedule of each class.
    """
    known: dict[tuple[State, frozenset[Action]], int] = {}

    def commute(state: State, one: Action, other: Action) -> bool:
        after_one, after_other = after(state, one), after(state, other)
        if other not in actions(after_one) or one not in actions(after_other):
            return False
        return after(after_one, other) == after(after_other, one)

    def count(state: State, asleep: frozenset[Action]) -> int:
        key = (state, asleep)
        if key not in known:
            possible = list(actions(state))
            total, taken = int(not possible), list[Action]()
            for action in possible:
                if action not in asleep:
                    kept = frozenset(other for other in {*asleep, *taken} if commute(state, action, other))
                    total += count(after(state, action), kept)
                    taken.append(action)
            known[key] = total
        return known[key]

    return count(scenario.start(fault_count), frozenset())
