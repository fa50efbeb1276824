"""Random schedules of one scenario; what happens next in a state that was seen before is remembered."""

from __future__ import annotations

import random

from tests.simulation.cells import World
from tests.simulation.explore import MOST_STEPS, check_end, violation
from tests.simulation.scenarios import Scenario
from tests.simulation.system import Action, State, actions, after, usual_actions


class _Node:
    """A state, what can happen in it, and the states which that leads to as far as they were seen."""

    __slots__ = ("_every", "following", "state", "usual")

    def __init__(self, state: State) -> None:
        self.state = state
        # What happens if nothing goes wrong; it comes first of all that can happen.
        self.usual = tuple(usual_actions(state))
        self._every: tuple[Action, ...] | None = None
        self.following: dict[int, _Node] = {}

    def every(self) -> tuple[Action, ...]:
        """All that can happen, faults too."""
        if self._every is None:
            self._every = tuple(actions(self.state))
        return self._every


class Walks:
    """Random walks through a scenario, from the beginning to an end, each by a seed.

    Parameters
    ----------
    fault_share
        How likely a step is a fault as long as there are any left.

    Attributes
    ----------
    states
        How many are remembered.
    """

    def __init__(self, scenario: Scenario, fault_count: int, fault_share: float = 0.02) -> None:
        self._scenario = scenario
        self._fault_count = fault_count
        self._fault_share = fault_share
        self._nodes: dict[State, _Node] = {}
        self._problems: dict[World, list[str]] = {}

    @property
    def states(self) -> int:
        return len(self._nodes)

    def walk(self, seed: int) -> int:
        """One random schedule to its end, and the check of it.

        Returns
        -------
        int
            A number that is the same for the same schedule.

        Raises
        ------
        ViolationError
            With the choices that lead there.
        """
        chance = random.Random(seed).random
        node, choices = self._node(self._scenario.start(self._fault_count)), list[int]()
        while True:
            possible = node.usual
            if not possible or (node.state.faults_left and chance() < self._fault_share):
                possible = node.every()
            if not possible:
                break
            choice = int(chance() * len(possible))
            choices.append(choice)
            following = node.following.get(choice)
            if following is None:
                following = self._node(after(node.state, possible[choice]))
                node.following[choice] = following
            node = following
            if len(choices) > MOST_STEPS:
                raise AssertionError(f"{self._scenario.name} runs in circles with seed {seed}")
        problems = self._problems.get(node.state.world)
        if problems is None:
            problems = check_end(self._scenario, node.state, self._fault_count)
            self._problems[node.state.world] = problems
        if problems:
            raise violation(self._scenario, choices, self._fault_count, problems)
        return hash(tuple(choices))

    def forget(self) -> None:
        """Forget all states, to free their memory; what was forgotten is computed again."""
        self._nodes.clear()
        self._problems.clear()

    def _node(self, state: State) -> _Node:
        node = self._nodes.get(state)
        if node is None:
            node = self._nodes[state] = _Node(state)
        return node
