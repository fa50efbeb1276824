"""What a rider and an operator see when parts fail: the photo is decided all the same, or undone and told."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.riders import Rider, Upload
from local.stack import SENDER, Stack
from tests.e2e.faults import (
    FaceServiceProxy,
    Failing,
    Held,
    LostAnswer,
    Throttled,
    lambda_workers,
    short_waits,
)
from tests.e2e.support import ended, eventually, faces_of, letters, mails_to, pictures, post, row_of
from tests.e2e.world import assert_invariants

pytestmark = pytest.mark.usefixtures("whole_world", "shortly")

NEEDS_PROC = pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the worker by /proc")


@pytest.fixture
def shortly(stack: Stack) -> Iterator[None]:
    """State machines wait a twentieth of the time before they try again."""
    with short_waits(stack, 0.05):
        yield


@pytest.fixture
def rider(new_rider: Callable[[], Rider]) -> Rider:
    return new_rider()


def assert_told_of_failure(stack: Stack, rider: Rider, form: Upload, error: str) -> None:
    """The rider got one mail, the operator a letter with all that is needed to start again."""
    world = assert_invariants(stack)
    assert world.statuses() == {"failed": 1}
    assert world.faces == {}
    assert world.thumbnails == frozenset()
    (mail,) = mails_to(stack, rider.email)
    assert "could not" in mail.text
    row = row_of(stack, rider, form)
    (letter,) = letters(stack)
    assert letter == {
        "source": "execution",
        "executionArn": row["executionArn"]["S"],
        "error": error,
        "input": {
            "userId": rider.user_id,
            "s3Bucket": row["s3bucket"]["S"],
            "s3Key": row["s3key"]["S"],
            "s3VersionId": row["s3versionid"]["S"],
        },
    }


def test_uploads_are_decided_while_the_face_service_throttles_a_third_of_its_calls(
    stack: Stack, faces: FaceServiceProxy, new_rider: Callable[[], Rider], samples: dict[str, Path]
) -> None:
    names = ["obama", "obama_standing", "biden", "group", "no_face", "turned_by_exif"] * 2
    riders = [new_rider() for _ in names]
    with faces.having(Throttled(0.3, seed=3)) as throttled:
        forms = [post(rider, samples[name]) for rider, name in zip(riders, names, strict=True)]
        outcomes = [ended(rider, form) for rider, form in zip(riders, forms, strict=True)]
        assert_invariants(stack)
    # Twelve photos are looked at and eight faces searched for: by then this seed has refused eight calls.
    assert throttled.refused >= 8
    assert sorted(status for status, _ in outcomes) == ["accepted"] * 2 + ["rejected"] * 10
    assert {reason for _, reason in outcomes} == {None, "FACE_ALREADY_EXISTS", "MULTIPLE_FACES", "NO_FACE"}


@pytest.mark.parametrize("operation", ["DetectFaces", "SearchFacesByImage", "IndexFaces", "SearchFaces"])
def test_a_photo_is_accepted_though_a_call_fails_after_its_effect_more_often_than_the_sdk_repeats_it(
    faces: FaceServiceProxy, rider: Rider, samples: dict[str, Path], operation: str
) -> None:
    with faces.having(Failing(operation, 4, after_effect=True)) as failing:
        assert ended(rider, post(rider, samples["biden"])) == ("accepted", None)
    assert failing.failed == 4


def test_a_face_service_that_fails_for_good_fails_the_upload_and_rider_and_operator_hear_of_it(
    stack: Stack, faces: FaceServiceProxy, rider: Rider, samples: dict[str, Path]
) -> None:
    with faces.having(Failing("SearchFaces")):
        form = post(rider, samples["biden"])
        assert ended(rider, form, 100) == ("failed", None)
    assert_told_of_failure(stack, rider, form, "ServiceUnavailableError")


def test_an_index_answer_that_comes_too_late_leaves_one_face(
    stack: Stack, faces: FaceServiceProxy, rider: Rider, samples: dict[str, Path]
) -> None:
    with faces.having(LostAnswer("IndexFaces")) as lost:
        assert ended(rider, post(rider, samples["biden"])) == ("accepted", None)
    assert lost.calls == 2
    assert len(faces_of(stack)) == 1


def test_a_face_service_that_is_killed_and_comes_back_decides_what_was_under_way(
    stack: Stack, faces: FaceServiceProxy, new_rider: Callable[[], Rider], samples: dict[str, Path]
) -> None:
    riders = [new_rider() for _ in range(3)]
    names = ["obama", "biden", "obama_standing"]
    with faces.having(Held("SearchFaces")) as held:
        forms = [post(rider, samples[name]) for rider, name in zip(riders, names, strict=True)]
        held.wait_until_held()
        assert stack.face_service.pid is not None
        os.kill(stack.face_service.pid, signal.SIGKILL)
        eventually(stack.face_service.poll)
    stack.face_service.start()
    outcomes = [ended(rider, form) for rider, form in zip(riders, forms, strict=True)]
    assert outcomes == [("accepted", None), ("accepted", None), ("rejected", "FACE_ALREADY_EXISTS")]


def test_a_mail_that_ses_refuses_changes_no_outcome(
    stack: Stack, rider: Rider, samples: dict[str, Path]
) -> None:
    ses = stack.client("sesv2")
    ses.delete_email_identity(EmailIdentity=SENDER)
    try:
        form = post(rider, samples["no_face"])
        assert ended(rider, form) == ("rejected", "NO_FACE")
        assert_invariants(stack)
    finally:
        ses.create_email_identity(EmailIdentity=SENDER)
    assert row_of(stack, rider, form)["mail_rejected"] == {"S": "refused"}
    assert mails_to(stack, rider.email) == []


@NEEDS_PROC
@pytest.mark.parametrize("after_effect", [False, True])
def test_an_upload_whose_function_was_killed_while_it_indexed_is_decided_by_the_next_attempt(
    stack: Stack, faces: FaceServiceProxy, rider: Rider, samples: dict[str, Path], after_effect: bool
) -> None:
    with faces.having(Held("IndexFaces", after_effect=after_effect)) as held:
        form = post(rider, samples["biden"])
        held.wait_until_held()
        for pid in lambda_workers("rider-photos-local-index_face"):
            os.kill(pid, signal.SIGKILL)
    # The call of the killed attempt may still come through: the same photo is indexed once.
    assert ended(rider, form) == ("accepted", None)
    assert len(faces_of(stack)) == 1


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("operation", ["DetectFaces", "SearchFacesByImage", "IndexFaces", "SearchFaces"])
def test_an_execution_that_is_stopped_is_undone_from_outside(
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
        if operation == "IndexFaces":  # the branch beside it ends: what came after the undoing is the audit's
            eventually(lambda: len(pictures(stack)) == 2)
        execution = row_of(stack, rider, form)["executionArn"]["S"]
        stack.client("stepfunctions").stop_execution(executionArn=execution)
        assert ended(rider, form) == ("failed", None)
    assert_told_of_failure(stack, rider, form, "Execution.ABORTED")
