"""The start of everything, as `make demo` does it when all is downloaded and built: seconds of each step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from benchmarks.costs.figures import Figure
from local.demo import run
from local.demo_photos import story
from local.places import CACHE, scratch_directory
from local.stack import Directories, Stack

COMMAND: Final = "python -m benchmarks.costs demo"


class _Steps:
    """Takes the time of each step."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, float]] = []

    def step(self, text: str) -> None:
        """A step begins."""
        self.begun.append((text, time.perf_counter()))

    def detail(self, text: str) -> None:
        """Not shown."""

    def warn(self, text: str) -> None:
        """Not shown."""

    def seconds(self) -> dict[str, float]:
        """Of each step, up to the next one."""
        following = [moment for _, moment in self.begun[1:]] + [time.perf_counter()]
        return {text: end - begin for (text, begin), end in zip(self.begun, following, strict=True)}


def missing() -> list[str]:
    """Nothing but what the project installs is needed."""
    return []


def measure(runs: int) -> Iterator[Figure]:
    """Once, by the clock, since that is what a person waits."""
    steps = _Steps()
    steps.step("Preparing the sample photos")
    photos = story(CACHE, steps.detail)
    with (
        scratch_directory() as scratch,
        Stack(Directories(data=scratch / "data", app=scratch / "app"), steps) as stack,
    ):
        steps.step("Ten photos")
        for _ in run(stack, photos, lambda photo: None):
            pass
        steps.step("Stopping")
    took = steps.seconds()
    yield Figure(
        "demo_seconds",
        sum(took.values()),
        "; ".join(f"{text} {seconds:.1f} s" for text, seconds in took.items()),
        COMMAND,
        took,
    )
