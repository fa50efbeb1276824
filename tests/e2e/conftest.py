"""One stack for all end-to-end tests: real face models, the embedded AWS, the app as it is deployed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy import NoProgress
from local.places import CACHE
from local.riders import Rider, sign_up
from local.samples import ensure_samples
from local.stack import Directories, Stack
from tests.e2e.support import forget_faces


@pytest.fixture(scope="session")
def samples() -> dict[str, Path]:
    """The sample photos by name."""
    return ensure_samples(CACHE)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The running stack; tests share it, so each signs up riders of its own."""
    directory = tmp_path_factory.mktemp("stack")
    with Stack(Directories(data=directory / "data", app=directory / "app"), NoProgress()) as running:
        yield running
        running.check()


@pytest.fixture
def no_faces(stack: Stack) -> None:
    """Nobody holds a face: executions have ended, the collection and the rider photo table are empty."""
    forget_faces(stack)


_numbers = itertools.count(1)


@pytest.fixture
def new_rider(stack: Stack) -> Callable[[], Rider]:
    """Returns a function that signs a rider up whom no other test knows."""
    return lambda: sign_up(stack.endpoints, f"test{next(_numbers)}@wildrydes.example")
