"""What a burst of uploads comes to, with turns and without: `python -m benchmarks.bursts`.

All photos of a burst are good, arrive within ten seconds, and have a rider each. A model, not a measurement:
each function takes the time that the plan allows it (`deploy/quotas.py`). It begins with its call of
Rekognition, each operation of which has a quota; a call that is refused is repeated by the SDK while the
function runs, and then by the state machine, whose Retry is read from its definition. A function beyond the
executions that Lambda allows at once is refused, and repeated by the state machine too; those that events
invoke, by Lambda itself. The audit takes its share; one face in ten can't be found when it is searched for
first. Turns, their pace and their burst are what `deploy up` computes of the same quotas.
"""

from __future__ import annotations

import heapq
import itertools
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deploy.pace import DEFAULT_AUDIT_CALLS, Admission, admission_of
from deploy.progress import NoProgress
from deploy.quotas import AUDITED, FUNCTION_SECONDS, REKOGNITION_CALLS, quotas_of_steps

DEFINITION: Final = Path(__file__).parents[1] / "statemachine" / "rider_photo_processing.asl.json"
# Seconds of the function of an event, as of each of the two requests: they look at no photo.
EVENT_SECONDS: Final = 0.2
# The functions of a photo one after the other; those in one group run at the same time.
STEPS: Final[tuple[tuple[str | None, ...], ...]] = (
    ("DetectFaces",),
    ("SearchFacesByImage",),
    ("IndexFaces", None),
    ("SearchFaces",),
    (None,),
)
# Of each function in them: what is left of the allowance.
STEP_SECONDS: Final = (FUNCTION_SECONDS - 3 * EVENT_SECONDS) / sum(map(len, STEPS))
LATE_FACES: Final = 0.1
_ARRIVAL_SECONDS: Final = 10.0
# botocore's standard mode: a random share of 1 s, 2 s … before each repetition; three attempts (clients.py).
_SDK_ATTEMPTS: Final = 3
# How long Lambda waits before it invokes a function again that an event is for and that was refused.
_FIRST_EVENT_DELAY, _LONGEST_EVENT_DELAY = 1.0, 300.0


@dataclass(frozen=True)
class Retry:
    """A retrier of the state machine."""

    interval: float
    rate: float
    longest: float
    attempts: int

    def delay(self, attempt: int, chance: random.Random) -> float:
        """How long it waits before that attempt, from 1, with full jitter."""
        return chance.uniform(0.0, min(self.interval * self.rate ** (attempt - 1), self.longest))


@dataclass
class Bucket:
    """A token bucket with room for one second."""

    per_second: float
    tokens: float
    filled_at: float = 0.0

    def take(self, now: float) -> bool:
        """Whether a call at this moment is let through."""
        self.tokens = min(self.per_second, self.tokens + (now - self.filled_at) * self.per_second)
        self.filled_at = now
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


@dataclass
class Photo:
    """A photo on its way.

    Attributes
    ----------
    left
        Functions of its group that have not ended.
    """

    arrived: float
    group: int = -1
    left: int = 0
    failed: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a burst: photos, refused calls a photo, seconds until half and all are decided."""

    decided: int
    failed: int
    refused: float
    median: float
    last: float


def retry_of(state: str, error: str) -> Retry:
    """How a state is retried after an error."""
    retriers = json.loads(DEFINITION.read_text())["States"][state]["Retry"]
    retry = next(retrier for retrier in retriers if error in retrier["ErrorEquals"])
    return Retry(
        retry["IntervalSeconds"], retry["BackoffRate"], retry["MaxDelaySeconds"], retry["MaxAttempts"]
    )


def admission(per_second: float, executions: int) -> Admission:
    """What `deploy up` would set for these quotas."""
    calls = dict.fromkeys(REKOGNITION_CALLS, per_second)
    return admission_of(quotas_of_steps(calls, executions, DEFAULT_AUDIT_CALLS), {}, NoProgress())


class Burst:
    """A burst of photos on their way through the functions.

    Parameters
    ----------
    per_second
        Rekognition's quota, of each operation.
    executions
        How many functions Lambda lets run at once.
    turns
        How uploads are started; None starts each at once.
    """

    def __init__(self, per_second: float, executions: int, turns: Admission | None, seed: int = 1) -> None:
        self._chance = random.Random(seed)
        self._buckets = {
            operation: Bucket(rate := per_second - (operation == AUDITED) * DEFAULT_AUDIT_CALLS, rate)
            for operation in REKOGNITION_CALLS
        }
        self._executions = executions
        self._turns = turns
        self._busy_retry = retry_of("FaceDetection", "ServiceUnavailableError")
        self._late_retry = retry_of("ConfirmFaceUnique", "FaceNotVisibleYetError")
        self._order = itertools.count()
        self._queue: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._now = self._next_turn = 0.0
        self._running = self._refused = 0
        self._took: list[float] = []
        self._failed = 0

    def run(self, photos: int) -> Outcome:
        """Let so many photos go through, and count."""
        for _ in range(photos):
            arrived = self._chance.uniform(0.0, _ARRIVAL_SECONDS)
            self._at(arrived, self._event, Photo(arrived), _FIRST_EVENT_DELAY)
        while self._queue:
            self._now, _, what, about = heapq.heappop(self._queue)
            what(*about)
        took = sorted(self._took) or [0.0]
        return Outcome(len(self._took), self._failed, self._refused / photos, took[len(took) // 2], took[-1])

    def _at(self, when: float, what: Callable[..., None], *about: Any) -> None:
        heapq.heappush(self._queue, (when, next(self._order), what, about))

    def _later(self, seconds: float, what: Callable[..., None], *about: Any) -> None:
        self._at(self._now + seconds, what, *about)

    def _let_run(self) -> bool:
        """Whether Lambda runs one more function."""
        if self._running >= self._executions:
            self._refused += 1
            return False
        self._running += 1
        return True

    def _event(self, photo: Photo, delay: float) -> None:
        if self._let_run():
            self._later(EVENT_SECONDS, self._admit, photo)
            return
        again = min(2 * delay, _LONGEST_EVENT_DELAY)
        self._later(self._chance.uniform(delay / 2, delay), self._event, photo, again)

    def _admit(self, photo: Photo) -> None:
        self._running -= 1
        if self._turns is None:
            self._next_group(photo)
            return
        step = 1.0 / self._turns.per_second
        turn = max(self._next_turn, self._now)
        self._next_turn = turn + step
        ahead = turn - self._now <= self._turns.burst * step
        # A delay is in whole seconds.
        self._later(0.0 if ahead else turn - self._now + self._chance.random(), self._next_group, photo)

    def _next_group(self, photo: Photo) -> None:
        photo.group += 1
        if photo.group == len(STEPS):
            self._took.append(self._now - photo.arrived)
            return
        photo.left = len(STEPS[photo.group])
        for operation in STEPS[photo.group]:
            self._invoke(photo, operation, 0, 0)

    def _invoke(self, photo: Photo, operation: str | None, busy: int, late: int) -> None:
        """Begin a function, after so many retries because of a service that was busy, and of a late face."""
        if self._let_run():
            self._call(photo, operation, busy, late, 1)
        else:
            self._retry(photo, operation, busy, late)

    def _call(self, photo: Photo, operation: str | None, busy: int, late: int, attempt: int) -> None:
        if operation is None or self._buckets[operation].take(self._now):
            is_late = operation == "SearchFaces" and late == 0 and self._chance.random() < LATE_FACES
            self._later(STEP_SECONDS, self._late if is_late else self._end, photo, operation, busy, late)
            return
        self._refused += 1
        if attempt < _SDK_ATTEMPTS:
            wait = self._chance.uniform(0.0, 2.0 ** (attempt - 1))
            self._later(wait, self._call, photo, operation, busy, late, attempt + 1)
            return
        self._running -= 1
        self._retry(photo, operation, busy, late)

    def _late(self, photo: Photo, operation: str, busy: int, late: int) -> None:
        self._running -= 1
        wait = self._late_retry.delay(late + 1, self._chance)
        self._later(wait, self._invoke, photo, operation, busy, late + 1)

    def _retry(self, photo: Photo, operation: str | None, busy: int, late: int) -> None:
        if busy < self._busy_retry.attempts:
            wait = self._busy_retry.delay(busy + 1, self._chance)
            self._later(wait, self._invoke, photo, operation, busy + 1, late)
        elif not photo.failed:
            photo.failed = True
            self._failed += 1

    def _end(self, photo: Photo, *_: object) -> None:
        self._running -= 1
        photo.left -= 1
        if photo.left == 0 and not photo.failed:
            self._next_group(photo)


def rows(photos: tuple[int, ...], quotas: tuple[tuple[float, int], ...]) -> list[str]:
    """A table in Markdown, line by line."""
    lines = [
        "| Rekognition, calls a second | Lambda, at once | started a second, at once | photos "
        "| failed without turns | failed | refused calls a photo | half decided after | all after |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for per_second, executions in quotas:
        turns = admission(per_second, executions)
        for number in photos:
            without = Burst(per_second, executions, None).run(number)
            found = Burst(per_second, executions, turns).run(number)
            lines.append(
                f"| {per_second:g} | {executions:,} | {turns.per_second}, {turns.burst} | {number:,} "
                f"| {without.failed / number:.0%} | {found.failed:,} | {found.refused:.1f} "
                f"| {found.median:,.0f} s | {found.last:,.0f} s |"
            )
    return lines


def main() -> None:
    """Print the table of docs/scale.md."""
    print("\n".join(rows((60, 1_000, 10_000), ((5, 10), (5, 1_000), (50, 1_000), (250, 1_000)))))


if __name__ == "__main__":
    main()
