"""The whole pipeline on one machine: bursts of uploads, beside their face calls in the models alone.

Photos are those of PHOTOS=DIR, or the samples of the demo. BURSTS=1,10,100 says how many at once. A burst of
one is the first upload of a stack that has just started. The burst that is judged, of 100, is run three
times, and its median counts: one run is as lucky as the next.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.costs.burst import photos_to_upload, run_burst, warm_up, with_photos
from benchmarks.costs.figures import Figure
from benchmarks.costs.stacks import bench_stack

_JUDGED: Final = 100
_TIMES: Final = 3
_BURSTS: Final = os.environ.get("BURSTS", "1,10,100")


def missing() -> list[str]:
    """Nothing but what the project installs is needed."""
    return []


def measure(runs: int) -> Iterator[Figure]:
    """Each burst on a stack of its own, and its face calls in the models right after."""
    photos = photos_to_upload()
    command = with_photos(f"BURSTS={_BURSTS} python -m benchmarks.costs pipeline")
    for size in map(int, _BURSTS.split(",")):
        figures = [_burst(size, photos, command) for _ in range(_TIMES if size == _JUDGED else 1)]
        figures.sort(key=lambda figure: figure.value)
        middle = figures[len(figures) // 2]
        each = ", ".join(f"{figure.value:.2f}" for figure in figures)
        yield replace(middle, absolute=f"{len(photos)} photos; runs {each}; {middle.absolute}")


def _burst(size: int, photos: list[Path], command: str) -> Figure:
    with bench_stack() as stack:
        if size > 1:
            warm_up(stack)
        burst = run_burst(stack, [photos[number % len(photos)] for number in range(size)])
    return burst.figure(f"burst{size}_vs_model", command)
