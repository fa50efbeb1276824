"""What a burst of uploads comes to under a quota of calls a second: `python -m benchmarks.bursts`.

All photos of a burst are good and arrive within ten seconds. Each goes through four calls of Rekognition,
each of which has the quota for itself. A call that is refused is repeated by the SDK and then by the state
machine, whose Retry is read from its definition. Without admission. It is a model, not a measurement: what
is not refused takes a fixed time.
"""

from __future__ import annotations

import heapq
import itertools
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DEFINITION: Final = Path(__file__).parents[1] / "statemachine" / "rider_photo_processing.asl.json"
CALLS: Final = 4
_ARRIVAL_SECONDS: Final = 10.0
_CALL_SECONDS: Final = 0.3
# botocore's standard mode: a random share of 1 s, 2 s … before each repetition; three attempts (clients.py).
_SDK_ATTEMPTS: Final = 3


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
class Quota:
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


@dataclass(frozen=True)
class Outcome:
    """What became of a burst: photos, refused calls a photo, seconds until half and all are decided."""

    decided: int
    failed: int
    refused: float
    median: float
    last: float


def retry_of_definition() -> Retry:
    """How FaceDetection is retried when a service is busy."""
    retry = json.loads(DEFINITION.read_text())["States"]["FaceDetection"]["Retry"][0]
    assert "ServiceUnavailableError" in retry["ErrorEquals"]
    return Retry(
        retry["IntervalSeconds"], retry["BackoffRate"], retry["MaxDelaySeconds"], retry["MaxAttempts"]
    )


def burst(photos: int, per_second: float, retry: Retry, seed: int = 1) -> Outcome:
    """Let a burst go through the calls, and count."""
    chance = random.Random(seed)
    quotas = [Quota(per_second, per_second) for _ in range(CALLS)]
    order = itertools.count()
    # (when, tie, the photo's arrival, its call, attempt of the state, attempt of the SDK)
    queue = [
        (arrival, next(order), arrival, 0, 0, 1)
        for arrival in (chance.uniform(0.0, _ARRIVAL_SECONDS) for _ in range(photos))
    ]
    heapq.heapify(queue)
    took: list[float] = []
    refused = failed = 0
    while queue:
        now, _, arrival, call, retries, attempt = heapq.heappop(queue)
        if quotas[call].take(now):
            if call + 1 == CALLS:
                took.append(now + _CALL_SECONDS - arrival)
            else:
                heapq.heappush(queue, (now + _CALL_SECONDS, next(order), arrival, call + 1, 0, 1))
            continue
        refused += 1
        if attempt < _SDK_ATTEMPTS:
            again = now + chance.uniform(0.0, 2.0 ** (attempt - 1))
            heapq.heappush(queue, (again, next(order), arrival, call, retries, attempt + 1))
        elif retries < retry.attempts:
            again = now + retry.delay(retries + 1, chance)
            heapq.heappush(queue, (again, next(order), arrival, call, retries + 1, 1))
        else:
            failed += 1
    took.sort()
    nothing = [0.0]
    return Outcome(
        len(took), failed, refused / photos, (took or nothing)[len(took) // 2], (took or nothing)[-1]
    )


def main() -> None:
    """Print a table in Markdown."""
    retry = retry_of_definition()
    print(
        "| quota, calls a second | photos | failed | refused calls a photo | half decided after | all after |"
    )
    print("|---|---|---|---|---|---|")
    for per_second in (5, 50, 250):
        for photos in (60, 250, 500, 1_000, 2_500, 10_000, 25_000):
            found = burst(photos, per_second, retry)
            print(
                f"| {per_second} | {photos:,} | {found.failed / photos:.1%} | {found.refused:.1f} "
                f"| {found.median:.0f} s | {found.last:.0f} s |"
            )


if __name__ == "__main__":
    main()
