"""A burst of uploads under a quota of five calls a second: all are decided, and hardly a call is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.riders import Rider
from local.stack import Stack
from tests.e2e.faults import FaceServiceProxy, Quota
from tests.e2e.support import ended, post_at_once, row_of

pytestmark = pytest.mark.usefixtures("whole_world")

CALLS_PER_SECOND = 5
PHOTOS = (
    "no_face",
    "group",
    "biden",
    "no_face",
    "obama",
    "no_face",
    "obama_standing",
    "group",
    "no_face",
    "biden",
)


@pytest.fixture
def small_burst(stack: Stack) -> Iterator[None]:
    """Five uploads may go ahead, and the others are started five a second."""
    lambda_, name = stack.client("lambda"), "rider-photos-local-start_processing"
    before = lambda_.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    pace = {"ADMISSIONS_PER_SECOND": str(CALLS_PER_SECOND), "ADMISSION_BURST": str(CALLS_PER_SECOND)}
    lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": before | pace})
    try:
        yield
    finally:
        lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": before})


@pytest.mark.usefixtures("small_burst")
def test_sixty_uploads_at_once_are_all_decided_at_the_pace_of_the_quota(
    stack: Stack, faces: FaceServiceProxy, new_rider: Callable[[], Rider], samples: dict[str, Path]
) -> None:
    riders = [new_rider() for _ in range(10)] * 6
    photos = [samples[name] for name in PHOTOS] * 6
    with faces.having(Quota(CALLS_PER_SECOND)) as quota:
        forms = post_at_once(riders, photos)
        outcomes = [ended(rider, form)[0] for rider, form in zip(riders, forms, strict=True)]
    assert len(outcomes) == 60
    assert set(outcomes) <= {"accepted", "rejected", "superseded"}
    assert outcomes.count("accepted") >= 2
    waited = [
        row
        for rider, form in zip(riders, forms, strict=True)
        if "startsAt" in (row := row_of(stack, rider, form))
    ]
    assert len(waited) >= 40
    # Without admission each photo's calls are refused several times over.
    assert quota.refused < 60
