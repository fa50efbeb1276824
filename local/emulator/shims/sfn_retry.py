"""Retry honours MaxDelaySeconds and JitterStrategy, which upstream ignores.

Upstream computes the delay as IntervalSeconds × BackoffRate^attempt, from the retrier that
this shim hands it: one whose interval is the delay wanted and whose rate is 1.
"""

import functools
import random
from typing import Any

from local.emulator import upstream

_NAME = "sfn_retry"

Found = tuple[dict[str, Any] | None, int]


def install() -> None:
    """Wrap the search for the retrier of an error."""
    states = upstream.module(_NAME, "services.stepfunctions")
    find = upstream.function(_NAME, states, "_find_matching_retrier", "retriers", "error", "retry_counts")

    @functools.wraps(find)
    def with_delay(retriers: list[dict[str, Any]], error: str, retry_counts: dict[int, int]) -> Found:
        found: Found = find(retriers, error, retry_counts)
        retrier, index = found
        if retrier is None:
            return found
        delay = delay_of(retrier, retry_counts.get(index, 0))
        return {**retrier, "IntervalSeconds": delay, "BackoffRate": 1.0}, index

    states._find_matching_retrier = with_delay


def delay_of(retrier: dict[str, Any], attempt: int) -> float:
    """Return the seconds to wait before retry number `attempt` (from 0), with jitter if asked for."""
    delay = float(retrier.get("IntervalSeconds", 1)) * float(retrier.get("BackoffRate", 2.0)) ** attempt
    delay = min(delay, float(retrier.get("MaxDelaySeconds", delay)))
    # Jitter spreads load; nothing here is a secret.
    return random.uniform(0, delay) if retrier.get("JitterStrategy") == "FULL" else delay
