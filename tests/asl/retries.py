"""Retry: whether, and after how long, a failed state is tried again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.asl.errors import StateError

type Retrier = Mapping[str, Any]


class Retries:
    """The retriers of a state, each with its own count of attempts."""

    def __init__(self, retriers: Sequence[Retrier]) -> None:
        self._retriers = retriers
        self._used = [0] * len(retriers)

    @property
    def count(self) -> int:
        """How often the state was tried again."""
        return sum(self._used)

    def use(self, error: StateError) -> tuple[float, bool] | None:
        """Take one attempt of the first retrier meant for the error.

        Returns
        -------
        tuple or None
            Seconds to wait, and whether they are the upper limit of a random wait; None if the
            retrier has no attempts left or there is none.
        """
        for index, retrier in enumerate(self._retriers):
            if error.matches(retrier["ErrorEquals"]):
                used = self._used[index]
                if used >= retrier.get("MaxAttempts", 3):
                    return None
                self._used[index] += 1
                return interval(retrier, used), retrier.get("JitterStrategy", "NONE") == "FULL"
        return None


def interval(retrier: Retrier, used: int) -> float:
    """Seconds before the next attempt, after `used` attempts of this retrier."""
    seconds = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** used
    return float(min(seconds, retrier.get("MaxDelaySeconds", seconds)))


def longest_wait(retriers: Sequence[Retrier]) -> float:
    """Seconds that a state waits at most if all attempts of all its retriers are used."""
    return sum(
        interval(retrier, used) for retrier in retriers for used in range(retrier.get("MaxAttempts", 3))
    )
