"""Many uploads at once, and uploads that overtake each other: one outcome each, and one rider a face."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.riders import Rider, post_photo
from local.stack import Stack
from tests.e2e.faults import FaceServiceProxy, Held, short_waits
from tests.e2e.support import (
    ended,
    eventually,
    executions,
    faces_of,
    invoke,
    item_of,
    object_created,
    post,
    post_at_once,
    row_of,
)
from tests.e2e.world import assert_invariants, versions

pytestmark = pytest.mark.usefixtures("whole_world")


def test_of_thirty_riders_with_one_face_exactly_one_is_accepted(
    stack: Stack, new_rider: Callable[[], Rider], samples: dict[str, Path]
) -> None:
    portraits = [samples[name] for name in ("obama", "obama_standing", "turned_by_exif")]
    riders = [new_rider() for _ in range(30)]
    with short_waits(stack, 0.3):
        forms = post_at_once(riders, portraits * 10)
        world = assert_invariants(stack)
    outcomes = Counter(ended(rider, form) for rider, form in zip(riders, forms, strict=True))
    assert outcomes == {("accepted", None): 1, ("rejected", "FACE_ALREADY_EXISTS"): 29}
    assert len(world.faces) == len(world.items) == 1


def test_of_a_hundred_uploads_at_once_each_ends_in_one_outcome(
    stack: Stack, new_rider: Callable[[], Rider], samples: dict[str, Path]
) -> None:
    """Two uploads of each rider, so that a rider's own photos overtake each other too."""
    rejections = {
        "no_face": "NO_FACE",
        "group": "MULTIPLE_FACES",
        "sunglasses": "SUNGLASSES",
        "not_an_image": "UNSUPPORTED_FORMAT",
    }
    portraits = ["obama", "biden", "obama_standing", "turned_by_exif", "obama_speaking", "biden"]
    names = ([*rejections, *portraits] * 10)[:100]
    riders = [new_rider() for _ in range(50)] * 2
    forms = post_at_once(riders, [samples[name] for name in names])
    world = assert_invariants(stack)
    assert len(world.rows) == 100
    for name, rider, form in zip(names, riders, forms, strict=True):
        outcome = ended(rider, form)
        if name in rejections:
            assert outcome == ("rejected", rejections[name])
        else:
            assert outcome in {
                ("accepted", None),
                ("superseded", None),
                ("rejected", "FACE_ALREADY_EXISTS"),
                ("rejected", "FACE_CHANGED"),
            }
    # Two people are in the portraits, and each face is somebody's.
    assert len(world.items) == 2


def test_an_event_that_comes_five_times_at_once_starts_one_execution(
    stack: Stack, new_rider: Callable[[], Rider], samples: dict[str, Path]
) -> None:
    rider = new_rider()
    form = post(rider, samples["biden"])
    ((key, version),) = versions(stack, stack.endpoints.photo_bucket)
    event = object_created(stack, key, version)
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: invoke(stack, "start_processing", event)["outcome"], range(5)))
    # The real event came as well, before them or among them.
    assert set(answers) <= {"started", "already-started"}
    assert ended(rider, form) == ("accepted", None)
    assert len(executions(stack, form.upload_id)) == 1


def test_a_photo_replaced_between_check_and_index_is_decided_as_it_was_checked(
    stack: Stack, faces: FaceServiceProxy, new_rider: Callable[[], Rider], samples: dict[str, Path]
) -> None:
    rider = new_rider()
    with faces.having(Held("IndexFaces")) as held:
        form = post(rider, samples["biden"])
        held.wait_until_held()
        ((key, checked),) = versions(stack, stack.endpoints.photo_bucket)
        post_photo(form, samples["obama"].read_bytes())
        # The second version is superseded and removed, while the first is under way.
        eventually(lambda: versions(stack, stack.endpoints.photo_bucket) == [(key, checked)])
    assert ended(rider, form) == ("accepted", None)
    assert item_of(stack, rider.user_id)["s3versionid"] == {"S": checked}
    assert_invariants(stack)
    # The face of the second file is nobody's.
    other = new_rider()
    assert ended(other, post(other, samples["obama"])) == ("accepted", None)


@pytest.mark.parametrize("held_at", ["DetectFaces", "IndexFaces", "SearchFaces"])
def test_an_older_photo_that_comes_in_later_does_not_replace_the_newer(
    stack: Stack,
    faces: FaceServiceProxy,
    new_rider: Callable[[], Rider],
    samples: dict[str, Path],
    held_at: str,
) -> None:
    rider = new_rider()
    with faces.having(Held(held_at)) as held:
        older = post(rider, samples["obama"])
        held.wait_until_held()
        newer = post(rider, samples["obama_standing"])
        assert ended(rider, newer) == ("accepted", None)
    assert ended(rider, older) == ("superseded", None)
    assert_invariants(stack)
    assert item_of(stack, rider.user_id)["uploadId"]["S"] == newer.upload_id


def test_another_persons_photo_does_not_replace_a_riders_own_unless_an_operator_allows_it(
    stack: Stack, new_rider: Callable[[], Rider], samples: dict[str, Path]
) -> None:
    rider = new_rider()
    first = post(rider, samples["obama"])
    assert ended(rider, first) == ("accepted", None)
    assert ended(rider, post(rider, samples["biden"])) == ("rejected", "FACE_CHANGED")
    assert_invariants(stack)
    assert item_of(stack, rider.user_id)["uploadId"]["S"] == first.upload_id

    stack.client("dynamodb").update_item(
        TableName=stack.endpoints.rider_photo_table,
        Key={"Username": {"S": rider.user_id}},
        UpdateExpression="SET faceChangeAllowed = :yes",
        ExpressionAttributeValues={":yes": {"BOOL": True}},
    )
    assert ended(rider, post(rider, samples["biden"])) == ("accepted", None)
    # Once: the next photo shows the person of this one again.
    assert ended(rider, post(rider, samples["obama"])) == ("rejected", "FACE_CHANGED")


def test_the_younger_of_two_uploads_of_a_face_waits_for_the_older(
    stack: Stack, faces: FaceServiceProxy, new_rider: Callable[[], Rider], samples: dict[str, Path]
) -> None:
    older, younger = new_rider(), new_rider()
    with faces.having(Held("SearchFaces")) as held:
        first = post(older, samples["obama"])
        held.wait_until_held()
        second = post(younger, samples["obama_standing"])
        eventually(lambda: held.others)
        assert row_of(stack, younger, second)["claim"] == {"S": "open"}
    assert ended(older, first) == ("accepted", None)
    assert ended(younger, second) == ("rejected", "FACE_ALREADY_EXISTS")
    assert_invariants(stack)
    assert [face["FaceId"] for face in faces_of(stack)] == [item_of(stack, older.user_id)["faceId"]["S"]]
