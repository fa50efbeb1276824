"""The embedded AWS with the app deployed, for one benchmark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from local.display import Display
from local.places import scratch_directory
from local.stack import Directories, Stack


@contextmanager
def bench_stack(before: Callable[[Stack], None] | None = None) -> Iterator[Stack]:
    """A stack of its own, gone afterwards.

    Parameters
    ----------
    before
        Called with the stack when it is stopped once, after a first start.
    """
    with scratch_directory() as scratch, Display() as display:
        directories = Directories(data=scratch / "data", app=scratch / "app")
        if before is not None:
            with Stack(directories, display, persist=True) as first:
                pass
            before(first)
        with Stack(directories, display, persist=before is not None) as stack:
            display.done()
            yield stack
