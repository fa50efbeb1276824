"""Requests, state transitions and bytes of each outcome: see `counts`."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Final

import pytest

from benchmarks.costs.counts import CASES, WORKSHOP, Count, count
from benchmarks.costs.figures import Figure
from chalicelib.settings import settings
from tests.fakes import ENVIRONMENT, FakeAws
from tests.fakes.app import app_on
from tests.statemachine.pipeline import Pipeline

COMMAND: Final = "python -m benchmarks.costs calls"


def missing() -> list[str]:
    """Nothing but what the project installs is needed."""
    return []


def measure(runs: int) -> Iterator[Figure]:
    """Exact counts, so one run is enough."""
    found: dict[str, Count] = {}
    logging.disable()
    for case, upload in CASES.items():
        # What functions count, they print.
        with _pipeline() as pipeline, redirect_stdout(io.StringIO()):
            found[case] = count(pipeline, upload)
    logging.disable(logging.NOTSET)
    raw = {
        case: {
            "requests": dict(counted.requests),
            "transitions": counted.transitions,
            "bytesRead": counted.bytes_read,
            "bytes": counted.size,
        }
        for case, counted in found.items()
    } | {"workshop": WORKSHOP}
    calls = "; ".join(f"{case} {counted.total}" for case, counted in found.items())
    transitions = "; ".join(f"{case} {counted.transitions}" for case, counted in found.items())
    yield Figure(
        "calls_accepted",
        found["accepted"].total,
        f"workshop {_workshop('requests')}; {calls}",
        COMMAND,
        raw,
    )
    yield Figure(
        "transitions_accepted",
        found["accepted"].transitions,
        f"workshop {_workshop('transitions')}; {transitions}",
        COMMAND,
        raw,
    )


def _workshop(what: str) -> str:
    return ", ".join(f"{case} {counted[what]}" for case, counted in WORKSHOP.items())


@contextmanager
def _pipeline() -> Iterator[Pipeline]:
    """The app with fake services in place of its clients."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        settings.cache_clear()
        aws = FakeAws()
        yield Pipeline(aws, app_on(aws, patch))
    settings.cache_clear()
