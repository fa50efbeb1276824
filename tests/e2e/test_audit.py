"""What the audit finds and mends when events were lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from local.riders import Rider
from local.stack import Stack
from tests.e2e.faults import FaceServiceProxy, Held
from tests.e2e.support import (
    age,
    audit,
    ended,
    eventually,
    executions,
    faces_of,
    item_of,
    losing_events_for,
    post,
    row_of,
)
from tests.e2e.world import assert_invariants, settle

pytestmark = pytest.mark.usefixtures("whole_world")


@pytest.fixture
def rider(new_rider: Callable[[], Rider]) -> Rider:
    return new_rider()


def test_an_upload_whose_event_was_lost_is_started(
    stack: Stack, rider: Rider, samples: dict[str, Path]
) -> None:
    with losing_events_for(stack, "start_processing"):
        form = post(rider, samples["biden"])
    assert rider.view(form.upload_id)["status"] == "waiting"
    audit(stack)
    # Its event may be on its way yet.
    assert executions(stack, form.upload_id) == []
    age(stack, rider, form)
    audit(stack)
    assert ended(rider, form) == ("accepted", None)
    audit(stack)
    assert len(executions(stack, form.upload_id)) == 1


def test_a_form_that_was_never_used_is_left_alone(stack: Stack, rider: Rider) -> None:
    form = rider.create_upload("image/jpeg")
    age(stack, rider, form)
    audit(stack)
    assert rider.view(form.upload_id)["status"] == "waiting"
    assert executions(stack, form.upload_id) == []


def test_an_execution_whose_end_nobody_heard_of_is_closed(
    stack: Stack, faces: FaceServiceProxy, rider: Rider, samples: dict[str, Path]
) -> None:
    with (
        losing_events_for(stack, "close_execution"),
        faces.having(Held("SearchFaces", after_effect=True)) as held,
    ):
        form = post(rider, samples["biden"])
        held.wait_until_held()
        age(stack, rider, form)
        # It runs, so it is left alone, however long nothing has changed.
        audit(stack)
        assert rider.view(form.upload_id)["status"] == "processing"
        execution = row_of(stack, rider, form)["executionArn"]["S"]
        stack.client("stepfunctions").stop_execution(executionArn=execution)
        held.let_go()

        def closed() -> bool:
            # The function that was held goes on to its end, and may change the row once more.
            age(stack, rider, form)
            audit(stack)
            return bool(rider.view(form.upload_id)["status"] == "failed")

        eventually(closed)
    world = assert_invariants(stack)
    assert world.faces == {}


def test_a_face_that_nobody_deleted_is_deleted(stack: Stack, rider: Rider, samples: dict[str, Path]) -> None:
    form = post(rider, samples["no_face"])
    assert ended(rider, form) == ("rejected", "NO_FACE")
    settle(stack)
    stack.client("rekognition").index_faces(
        CollectionId=stack.endpoints.collection_id,
        Image={"Bytes": samples["obama"].read_bytes()},
        ExternalImageId=f"{rider.user_id}:{form.upload_id}",
    )
    age(stack, rider, form)
    audit(stack)
    assert faces_of(stack) == []


def test_an_accepted_photo_is_left_alone(stack: Stack, rider: Rider, samples: dict[str, Path]) -> None:
    form = post(rider, samples["biden"])
    assert ended(rider, form) == ("accepted", None)
    before = settle(stack)
    audit(stack)
    age(stack, rider, form)
    audit(stack)
    after = assert_invariants(stack)
    assert after.faces == before.faces
    assert item_of(stack, rider.user_id)["uploadId"]["S"] == form.upload_id
