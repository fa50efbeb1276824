"""From the object in the bucket to its outcome, whatever comes twice, by hand, at once or malformed."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest

from local.riders import Rider
from local.stack import Stack
from tests.e2e.support import (
    eventually,
    execute,
    executions,
    faces_of,
    invoke,
    item_of,
    letters,
    mails_to,
    object_created,
    object_exists,
    send,
)
from tests.workshop_definitions import Names, workshop_machine, workshop_machine_by_invoke


@pytest.fixture
def photo_at_root(stack: Stack, samples: dict[str, Path]) -> dict[str, str]:
    """The workshop's input: a photo at the bucket's root, of a user that no pool knows."""
    state = {"userId": "user_a", "s3Bucket": stack.endpoints.photo_bucket, "s3Key": "1_happy_face.jpg"}
    stack.client("s3").put_object(
        Bucket=state["s3Bucket"], Key=state["s3Key"], Body=samples["biden"].read_bytes()
    )
    return state


@pytest.mark.usefixtures("empty_world")
def test_an_execution_by_hand_needs_the_workshops_three_fields_only(
    stack: Stack, photo_at_root: dict[str, str]
) -> None:
    execution = execute(stack, photo_at_root)
    assert execution["status"] == "SUCCEEDED"
    item = item_of(stack, "user_a")
    assert item["s3bucket"] == {"S": photo_at_root["s3Bucket"]}
    assert item["s3key"] == {"S": "1_happy_face.jpg"}
    assert [face["FaceId"] for face in faces_of(stack)] == [item["faceId"]["S"]]
    place = item["thumbnail"]["M"]
    assert object_exists(stack, place["s3bucket"]["S"], place["s3key"]["S"])


def test_a_photo_at_the_buckets_root_starts_nothing_by_itself(
    stack: Stack, photo_at_root: dict[str, str], new_rider: Callable[[], Rider], samples: dict[str, Path]
) -> None:
    before = len(executions(stack))
    stack.client("s3").put_object(Bucket=photo_at_root["s3Bucket"], Key="another.jpg", Body=b"x")
    # An event that came later has been handled, so the one for the root would have been.
    send(stack, new_rider(), samples["no_face"])
    assert len(executions(stack)) == before + 1


@pytest.mark.usefixtures("empty_world")
@pytest.mark.parametrize("variant", ["1", "2", "3", "4", "by-invoke"])
def test_the_workshops_own_definitions_run_on_the_functions(
    stack: Stack, photo_at_root: dict[str, str], variant: str
) -> None:
    names = Names.from_outputs(stack.deployment.outputs)
    definition = (
        workshop_machine_by_invoke(names) if variant == "by-invoke" else workshop_machine(int(variant), names)
    )
    step_functions = stack.client("stepfunctions")
    machine = step_functions.create_state_machine(
        name=f"RiderPhotoProcessing-workshop-{variant}",
        definition=json.dumps(definition),
        roleArn=stack.deployment.outputs["StateMachineRoleArn"],
    )["stateMachineArn"]
    try:
        execution = execute(stack, photo_at_root, machine)
    finally:
        step_functions.delete_state_machine(stateMachineArn=machine)
    assert execution["status"] == "SUCCEEDED", execution
    output = json.loads(execution["output"])
    assert output["userId"] == "user_a"
    if variant in ("4", "by-invoke"):
        assert item_of(stack, "user_a")["faceId"]["S"] in {face["FaceId"] for face in faces_of(stack)}


def test_what_is_executed_is_what_was_deployed(stack: Stack) -> None:
    functions = stack.client("lambda")
    function = stack.deployment.outputs["FaceDetectionFunctionArn"]
    digest = functions.get_function(FunctionName=function)["Configuration"]["CodeSha256"]
    packages = (stack.app_directory / ".chalice/deployments").glob("*.zip")
    (deployed,) = [package for package in packages if _digest(package.read_bytes()) == digest]

    answer = functions.invoke(FunctionName=function, Payload=b'{"userId": "no such field"}')
    error = json.loads(answer["Payload"].read())
    assert error["errorType"] == "InvalidInputError"
    (executed,) = set(re.findall(r'File "([^"]*/chalicelib/models\.py)"', "".join(error["stackTrace"])))
    with zipfile.ZipFile(BytesIO(deployed.read_bytes())) as package:
        assert package.read("chalicelib/models.py") == Path(executed).read_bytes()
    assert not Path(executed).is_relative_to(stack.app_directory)


def test_an_event_that_comes_five_times_starts_one_execution_and_one_mail(
    stack: Stack, new_rider: Callable[[], Rider], samples: dict[str, Path]
) -> None:
    rider = new_rider()
    outcome = send(stack, rider, samples["group"])
    assert outcome.reason == "MULTIPLE_FACES"
    key = f"uploads/{rider.user_id}/{outcome.uploadId}.jpg"
    (version,) = stack.client("s3").list_object_versions(Bucket=stack.endpoints.photo_bucket, Prefix=key)[
        "Versions"
    ]
    event = object_created(stack, key, version["VersionId"])
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: invoke(stack, "start_processing", event), range(4)))
    assert answers == [{"outcome": "already-started"}] * 4
    assert len(executions(stack, outcome.uploadId)) == 1
    assert len(mails_to(stack, rider.email)) == 1


@pytest.mark.parametrize("key", ["uploads/not a user!/photo.jpg", "uploads/photo.jpg", "uploads/a/b/c.jpg"])
def test_a_key_without_a_valid_rider_ends_in_the_dead_letter_queue(stack: Stack, key: str) -> None:
    before = len(executions(stack))
    stack.client("s3").put_object(Bucket=stack.endpoints.photo_bucket, Key=key, Body=b"x")

    def letter() -> str | None:
        whys = [
            letter["why"]
            for letter in letters(stack)
            if letter.get("detail", {}).get("object", {}).get("key") == key
        ]
        return whys[0] if whys else None

    assert "userId" in eventually(letter)
    assert len(executions(stack)) == before


def _digest(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()
