"""The operator's commands on a running stage: `python -m deploy redrive | erase | allow-change | accept`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.riders import Rider
from local.stack import Stack
from tests.e2e.faults import FaceServiceProxy, Failing, short_waits
from tests.e2e.support import (
    deploy,
    ended,
    executions,
    faces_of,
    item_of,
    letters,
    object_created,
    post,
    recording,
    row_of,
)
from tests.roles.deployer import OPERATOR, assert_allowed

pytestmark = pytest.mark.usefixtures("whole_world")

type Operator = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def rider(new_rider: Callable[[], Rider]) -> Rider:
    return new_rider()


@pytest.fixture(scope="module")
def operator(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Runs commands on the stack, as an operator does; all they call is what the operator's policy allows."""
    calls = tmp_path_factory.mktemp("calls") / "calls.jsonl"
    environment = stack.environment | recording(calls)

    def run(command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return deploy(environment, command, "--stage", "local", *arguments)

    run("appeals")  # whichever test is run, something is recorded
    yield run
    assert_allowed(calls, OPERATOR)


def outcome(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What a command with `--json` printed; AssertionError if it failed."""
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@contextmanager
def undelivered(stack: Stack) -> Iterator[None]:
    """No event reaches start_processing while the block runs."""
    events, rule = stack.client("events"), "rider-photos-local-start_processing-event"
    events.disable_rule(Name=rule)
    try:
        yield
    finally:
        events.enable_rule(Name=rule)


def send_letter(stack: Stack, body: str) -> None:
    stack.client("sqs").send_message(
        QueueUrl=stack.deployment.outputs["DeadLetterQueueUrl"], MessageBody=body
    )


def test_redrive_starts_again_what_failed_and_what_was_never_delivered(
    stack: Stack,
    operator: Operator,
    faces: FaceServiceProxy,
    new_rider: Callable[[], Rider],
    samples: dict[str, Path],
) -> None:
    failed_rider, lost_rider = new_rider(), new_rider()
    with short_waits(stack, 0.01), faces.having(Failing("IndexFaces")):
        failed = post(failed_rider, samples["obama"])
        assert ended(failed_rider, failed) == ("failed", None)
    with undelivered(stack):
        lost = post(lost_rider, samples["biden"])
        row = row_of(stack, lost_rider, lost)
        s3, place = stack.client("s3"), {"Bucket": row["s3bucket"]["S"], "Key": row["s3key"]["S"]}
        version = s3.head_object(**place)["VersionId"]
        send_letter(stack, json.dumps(object_created(stack, place["Key"], version)))
    send_letter(stack, "<xml/>")

    shown = outcome(operator("redrive", "--dry-run", "--json"))
    assert (len(shown["started"]), len(shown["unusable"])) == (2, 1)
    assert lost_rider.view(lost.upload_id)["status"] == "waiting"

    done = outcome(operator("redrive", "--json"))
    assert (len(done["started"]), done["settled"], done["failed"]) == (2, [], {})
    assert list(done["unusable"].values()) == ["It is not JSON."]
    assert ended(failed_rider, failed) == ("accepted", None)
    assert ended(lost_rider, lost) == ("accepted", None)
    names = sorted(execution["name"] for execution in executions(stack, failed.upload_id))
    assert names[1] == f"{names[0]}-2"

    again = outcome(operator("redrive", "--json"))
    assert (again["started"], again["settled"]) == ([], [])
    assert again["unusable"] == done["unusable"]
    stack.client("sqs").purge_queue(QueueUrl=stack.deployment.outputs["DeadLetterQueueUrl"])
    assert letters(stack) == []


def test_an_operator_erases_a_rider(
    stack: Stack, operator: Operator, rider: Rider, samples: dict[str, Path]
) -> None:
    forms = [post(rider, samples[name]) for name in ("obama", "no_face")]
    for form in forms:
        ended(rider, form)
    refused = operator("erase", "--user", rider.user_id)
    assert refused.returncode == 1
    assert "There is nobody to ask here: give --yes" in refused.stderr
    assert faces_of(stack)

    done = outcome(operator("erase", "--user", rider.user_id, "--yes", "--json"))
    assert (done["faces"], done["rows"]) == (1, 2)
    assert done["objects"] == 4  # two photos, a thumbnail and an avatar
    assert done["records"] == 2  # the consent, and how many forms there were
    assert rider.call("POST", "/uploads", b'{"contentType": "image/png"}').status == 403
    assert faces_of(stack) == []
    assert set(item_of(stack, rider.user_id)) == {"Username", "uploadId", "erasedAt"}
    again = outcome(operator("erase", "--user", rider.user_id, "--yes", "--json"))
    assert (again["erased"], again["objects"]) == (True, 0)


def test_an_operator_allows_one_change_of_face(
    stack: Stack, operator: Operator, rider: Rider, samples: dict[str, Path]
) -> None:
    assert ended(rider, post(rider, samples["obama"])) == ("accepted", None)
    assert ended(rider, post(rider, samples["biden"])) == ("rejected", "FACE_CHANGED")
    outcome(operator("allow-change", "--user", rider.user_id, "--json"))
    assert ended(rider, post(rider, samples["biden"])) == ("accepted", None)
    assert ended(rider, post(rider, samples["obama"])) == ("rejected", "FACE_CHANGED")


def test_an_operator_accepts_a_twin_who_appeals_and_both_replace_their_photos_later(
    stack: Stack, operator: Operator, new_rider: Callable[[], Rider], samples: dict[str, Path]
) -> None:
    anna, beth = new_rider(), new_rider()
    assert ended(anna, post(anna, samples["obama"])) == ("accepted", None)
    form = post(beth, samples["obama_speaking"])
    path, note = f"/uploads/{form.upload_id}/appeal", b'{"message": "That is my twin."}'
    assert ended(beth, form) == ("rejected", "FACE_ALREADY_EXISTS")
    assert anna.call("POST", path, note).status == 404
    assert [beth.call("POST", path, note).status for _ in range(2)] == [204, 409]
    assert beth.view(form.upload_id)["appealed"] is True

    listed = operator("appeals", "--json")
    assert listed.returncode == 0, listed.stderr
    [appeal] = json.loads(listed.stdout)
    assert (appeal["user"], appeal["upload"]) == (beth.user_id, form.upload_id)
    assert (appeal["reason"], appeal["appeal"]) == ("FACE_ALREADY_EXISTS", "That is my twin.")

    arguments = ("accept", "--user", beth.user_id, "--upload", form.upload_id, "--yes", "--json")
    done = outcome(operator(*arguments))
    assert (done["started"], done["twins"]) == (True, [anna.user_id])
    assert ended(beth, form) == ("accepted", None)
    again = outcome(operator(*arguments))
    assert (again["started"], again["status"]) == (False, "accepted")
    assert ended(anna, post(anna, samples["obama_standing"])) == ("accepted", None)
    assert ended(beth, post(beth, samples["obama"])) == ("accepted", None)
    third = new_rider()
    assert ended(third, post(third, samples["obama"])) == ("rejected", "FACE_ALREADY_EXISTS")
    assert len(faces_of(stack)) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("accept", "--user", "nobody", "--upload", "nothing", "--yes"), "has no upload 'nothing'"),
        (("erase", "--user", "nobody", "--yes"), "Nothing is kept of a rider 'nobody'"),
        (("erase", "--user", "anna@example.com", "--yes"), "not the address"),
        (("allow-change", "--user", "nobody"), "has no accepted photo"),
        (("redrive", "--stage", "nope"), "no stage 'nope'"),
    ],
)
def test_what_is_not_there_is_named(operator: Operator, arguments: tuple[str, ...], said: str) -> None:
    refused = operator(*arguments)
    assert refused.returncode == 1
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
