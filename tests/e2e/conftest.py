"""One stack for all end-to-end tests: real face models, the embedded AWS, the app as it is deployed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy import NoProgress
from deploy.quotas import LEAST_CALLS
from local.places import CACHE
from local.riders import Rider, sign_up
from local.samples import ensure_samples
from local.stack import SENDER, Directories, Stack
from tests.e2e.authorization import assert_authorized, decisions
from tests.e2e.exercised import leave
from tests.e2e.faults import FaceServiceProxy, Quota
from tests.e2e.inbox import Inbox, serving
from tests.e2e.support import variables
from tests.e2e.world import assert_invariants, empty

# Locally nothing waits for a turn; with a quota, more than fifty at once have to.
PACE = {"ADMISSIONS_PER_SECOND": str(LEAST_CALLS), "ADMISSION_BURST": "50"}


@pytest.fixture(scope="session")
def samples() -> dict[str, Path]:
    """The sample photos by name."""
    return ensure_samples(CACHE)


@pytest.fixture(scope="session")
def faces() -> Iterator[FaceServiceProxy]:
    """What stands between the embedded AWS and the face service; it has the least of Rekognition's quotas."""
    with FaceServiceProxy(usual=Quota(LEAST_CALLS)) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def inbox() -> Iterator[Inbox]:
    """The mail server that the embedded AWS relays all mails to."""
    with serving() as inbox:
        yield inbox


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, faces: FaceServiceProxy, inbox: Inbox) -> Iterator[Stack]:
    """The running stack; tests share it, so each signs up riders of its own.

    Two workers a function, so that executions meet in the same step too. What IAM decides on each call of a
    function is recorded, from the first on, and judged in the end.
    """
    directory = tmp_path_factory.mktemp("stack")
    log = directory / "authorization.jsonl"
    stack = Stack(
        Directories(data=directory / "data", app=directory / "app"),
        NoProgress(),
        rekognition_url=faces.url,
        workers_per_function=2,
        smtp_server=inbox.address,
        authorization_log=log,
    )
    faces.target = stack.face_service.url
    with stack as running:
        sign_up(running.endpoints, "first@wildrydes.example")  # who calls a function, so that all is recorded
        decisions(log, running.deployment, SENDER)
        with variables(running, "start_processing", PACE):
            yield running
        running.check()
        leave(assert_authorized(log, running.deployment, SENDER))


@pytest.fixture
def empty_world(stack: Stack) -> None:
    """Nobody holds a face and no upload is known: what earlier tests left is removed."""
    empty(stack)


@pytest.fixture
def whole_world(stack: Stack, empty_world: None) -> Iterator[None]:
    """Begins with an empty world, and asserts after the test that the rules of truth hold in it."""
    yield
    assert_invariants(stack)


_numbers = itertools.count(1)


@pytest.fixture
def new_rider(stack: Stack) -> Callable[[], Rider]:
    """Returns a function that signs a rider up whom no other test knows."""
    return lambda: sign_up(stack.endpoints, f"test{next(_numbers)}@wildrydes.example")
