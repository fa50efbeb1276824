"""A burst of uploads under a quota of five calls a second: all are decided, and hardly a call is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.bursts import admission
from local.riders import Rider
from local.stack import Stack
from tests.e2e.faults import FaceServiceProxy, Quota
from tests.e2e.support import ended, faces_of, post_at_once, row_of, variables

pytestmark = pytest.mark.usefixtures("whole_world")

CALLS_PER_SECOND = 5
# What `deploy up` sets for that quota.
TURNS = admission(CALLS_PER_SECOND, 1_000)
ROUNDS = 3


@pytest.fixture
def turns(stack: Stack) -> Iterator[None]:
    """Uploads are started as `deploy up` sets it."""
    with variables(stack, "start_processing", TURNS.computed):
        yield


@pytest.fixture
def looking_anywhere(stack: Stack) -> Iterator[None]:
    """A face may look aside, and smile with its eyes nearly shut."""
    with variables(stack, "detect_faces", {"MAX_YAW": "60", "MIN_CLOSED_EYES_CONFIDENCE": "100"}):
        yield


@pytest.fixture
def portraits(stack: Stack, samples: dict[str, Path], tmp_path: Path) -> list[Path]:
    """A photo each of eight persons, six of them cut out of the group."""
    group = Image.open(samples["group"])
    found = stack.client("rekognition").detect_faces(Image={"Bytes": samples["group"].read_bytes()})
    photos = [samples["obama"], samples["biden"]]
    for number, face in enumerate(found["FaceDetails"]):
        box = face["BoundingBox"]
        width, height = box["Width"] * group.width, box["Height"] * group.height
        left, top = box["Left"] * group.width, box["Top"] * group.height
        cut = group.crop((left - width / 3, top - height / 3, left + width * 4 / 3, top + height * 4 / 3))
        photos.append(tmp_path / f"person{number}.jpg")
        cut.convert("RGB").resize((cut.width * 3, cut.height * 3)).save(photos[-1], quality=95)
    return photos


@pytest.mark.usefixtures("turns", "looking_anywhere")
def test_a_burst_of_faces_is_decided_at_the_pace_of_the_quota(
    stack: Stack, faces: FaceServiceProxy, new_rider: Callable[[], Rider], portraits: list[Path]
) -> None:
    """Eight riders upload again and again; each photo is looked at, searched for, indexed and confirmed."""
    riders = [new_rider() for _ in portraits]
    before = Counter(faces.calls)
    with faces.having(Quota(CALLS_PER_SECOND)) as quota:
        forms = post_at_once(riders * ROUNDS, portraits * ROUNDS)
        found = [ended(rider, form) for rider, form in zip(riders * ROUNDS, forms, strict=True)]
        outcomes = [status for status, _ in found]
    number = len(portraits) * ROUNDS
    assert number == len(outcomes) == 24
    # A photo may be overtaken by the same rider's next one.
    assert set(outcomes) <= {"accepted", "superseded"}, found
    calls = Counter(faces.calls) - before
    assert min(calls[name] for name in ("DetectFaces", "SearchFacesByImage", "IndexFaces")) >= number / 2
    assert calls["SearchFaces"] >= number / 2
    owners = {face["ExternalImageId"].partition(":")[0] for face in faces_of(stack)}
    assert owners == {rider.user_id for rider in riders}
    rows = [row_of(stack, rider, form) for rider, form in zip(riders * ROUNDS, forms, strict=True)]
    assert sum("startsAt" in row for row in rows) >= number / 2
    # Without turns each photo's calls are refused several times over.
    assert quota.refused < number
