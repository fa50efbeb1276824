"""The whole pipeline on one machine: bursts of uploads, beside their face calls in the models alone.

Photos are those of PHOTOS=DIR, or the samples of the demo. BURSTS=1,10,100 says how many at once. A burst of
one is the first upload of a stack that has just started.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from benchmarks.costs.burst import photos_to_upload, run_burst, warm_up, with_photos
from benchmarks.costs.figures import Figure
from benchmarks.costs.stacks import bench_stack

_BURSTS: Final = os.environ.get("BURSTS", "1,10,100")


def missing() -> list[str]:
    """Nothing but what the project installs is needed."""
    return []


def measure(runs: int) -> Iterator[Figure]:
    """Each burst once, on a stack of its own, and its face calls in the models right after."""
    photos = photos_to_upload()
    command = with_photos(f"BURSTS={_BURSTS} python -m benchmarks.costs pipeline")
    for size in map(int, _BURSTS.split(",")):
        with bench_stack() as stack:
            if size > 1:
                warm_up(stack)
            burst = run_burst(stack, [photos[number % len(photos)] for number in range(size)])
        yield burst.figure(f"burst{size}_vs_model", command)
