"""A rider who erases themself is gone, and nothing brings them back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from local.riders import Rider, Upload, post_photo
from local.stack import Stack
from tests.e2e.faults import FaceServiceProxy, Held
from tests.e2e.support import audit, ended, eventually, executions, faces_of, item_of, losing_events_for, post
from tests.e2e.world import World, assert_invariants, scan, settle

pytestmark = pytest.mark.usefixtures("whole_world")


@pytest.fixture
def rider(new_rider: Callable[[], Rider]) -> Rider:
    return new_rider()


def erase(rider: Rider) -> None:
    """`DELETE /photo`."""
    answer = rider.call("DELETE", "/photo")
    assert (answer.status, answer.body) == (204, b"")


def left_of(stack: Stack, rider: Rider) -> dict[str, list[str]]:
    """All that tells something of a rider, by where it is; that they were erased is nothing."""
    world = World.of(stack)
    item = set(item_of(stack, rider.user_id)) - {"Username", "uploadId", "erasedAt"}
    left = {
        "item": list(item),
        "rows": [upload_id for user_id, upload_id in world.rows if user_id == rider.user_id],
        "faces": [image_id for image_id in world.faces.values() if image_id.startswith(rider.user_id)],
        "photos": [key for key, _ in world.originals if rider.user_id in key],
        "thumbnails": [key for key in world.thumbnails if rider.user_id in key],
    }
    # Sets have no order of their own.
    return {where: sorted(found) for where, found in left.items() if found}


def test_all_that_is_kept_of_a_rider_is_erased_and_of_nobody_else(
    stack: Stack, rider: Rider, new_rider: Callable[[], Rider], samples: dict[str, Path]
) -> None:
    other = new_rider()
    assert ended(other, post(other, samples["biden"])) == ("accepted", None)
    forms = [post(rider, samples[name]) for name in ("obama", "no_face", "obama_standing")]
    for form in forms:
        ended(rider, form)
    kept = left_of(stack, other)
    erase(rider)
    assert left_of(stack, rider) == {}
    assert left_of(stack, other) == kept
    assert all(rider.call("GET", f"/uploads/{form.upload_id}").status == 404 for form in forms)

    records = [
        row
        for row in scan(stack, stack.deployment.outputs["UploadsTable"])
        if row["userId"]["S"] == "#erasures"
    ]
    assert any(record["rows"] == {"N": "3"} and record["faces"] == {"N": "1"} for record in records)
    assert rider.user_id not in str(records)


def test_erasing_twice_and_without_a_photo_changes_nothing(
    stack: Stack, rider: Rider, samples: dict[str, Path]
) -> None:
    erase(rider)
    post(rider, samples["no_face"])
    settle(stack)
    erase(rider)
    erase(rider)
    assert left_of(stack, rider) == {}


def test_a_form_from_before_does_not_bring_an_erased_rider_back(
    stack: Stack, rider: Rider, samples: dict[str, Path]
) -> None:
    unused, used = rider.create_upload("image/jpeg"), rider.create_upload("image/jpeg")
    post_photo(used, samples["biden"].read_bytes())
    ended(rider, used)
    erase(rider)
    for form in (unused, used):
        post_photo(form, samples["biden"].read_bytes())
    assert_gone(stack, rider, [unused, used])


def assert_gone(stack: Stack, rider: Rider, forms: list[Upload]) -> None:
    """Nothing is left of the rider, nor comes back when all that is under way has ended."""
    eventually(lambda: not left_of(stack, rider))
    settle(stack)
    # The handlers of the events have come and gone, so has the sweep.
    audit(stack)
    assert left_of(stack, rider) == {}
    assert not [form for form in forms if rider.call("GET", f"/uploads/{form.upload_id}").status != 404]


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("operation", ["DetectFaces", "SearchFacesByImage", "IndexFaces", "SearchFaces"])
def test_an_execution_in_flight_does_not_bring_an_erased_rider_back(
    stack: Stack,
    faces: FaceServiceProxy,
    rider: Rider,
    samples: dict[str, Path],
    operation: str,
    after_effect: bool,
) -> None:
    with faces.having(Held(operation, after_effect=after_effect)) as held:
        form = post(rider, samples["biden"])
        held.wait_until_held()
        erase(rider)
    assert_gone(stack, rider, [form])
    assert [found["status"] for found in executions(stack, form.upload_id)] == ["ABORTED"]


def test_an_erased_rider_may_come_back_by_a_new_form_and_their_face_is_free(
    stack: Stack, rider: Rider, new_rider: Callable[[], Rider], samples: dict[str, Path]
) -> None:
    assert ended(rider, post(rider, samples["obama"])) == ("accepted", None)
    erase(rider)
    other = new_rider()
    assert ended(other, post(other, samples["obama_standing"])) == ("accepted", None)
    assert ended(rider, post(rider, samples["biden"])) == ("accepted", None)
    assert len(faces_of(stack)) == 2
    assert_invariants(stack)
    # The sweep after the erasure leaves what came later alone.
    audit(stack)
    assert len(faces_of(stack)) == 2


def test_a_rider_whose_execution_was_stopped_and_not_closed_can_be_erased(
    stack: Stack, faces: FaceServiceProxy, rider: Rider, samples: dict[str, Path]
) -> None:
    with losing_events_for(stack, "close_execution"), faces.having(Held("SearchFaces")) as held:
        form = post(rider, samples["biden"])
        held.wait_until_held()
        (execution,) = executions(stack, form.upload_id)
        stack.client("stepfunctions").stop_execution(executionArn=execution["executionArn"])
        erase(rider)
    assert_gone(stack, rider, [form])
