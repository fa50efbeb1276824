"""The embedded AWS with the app deployed, for one benchmark."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from local.display import Display
from local.places import scratch_directory
from local.stack import Directories, Stack


@contextmanager
def bench_stack() -> Iterator[Stack]:
    """A stack of its own, gone afterwards."""
    with scratch_directory() as scratch, Display() as display:
        directories = Directories(data=scratch / "data", app=scratch / "app")
        with Stack(directories, display) as stack:
            display.done()
            yield stack
