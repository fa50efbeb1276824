"""What end-to-end tests do to a stack, and how they wait for it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chalicelib.rows import iso
from local.demo import Outcome, upload
from local.demo_photos import DemoPhoto
from local.places import PROJECT
from local.riders import Rider, Upload, content_type_of, post_photo
from local.stack import Mail, Stack


def eventually[Value](look: Callable[[], Value | None], seconds: float = 60.0) -> Value:
    """What `look` gives as soon as it is neither None, False nor empty; AssertionError after that time."""
    deadline = time.monotonic() + seconds
    while True:
        value = look()
        if value:
            return value
        assert time.monotonic() < deadline, f"nothing after {seconds:g} s, last: {value!r}"
        time.sleep(0.05)


def recording(log: Path) -> dict[str, str]:
    """What a program's environment has in addition, so that it writes each AWS call of its own down."""
    return {"PYTHONPATH": str(PROJECT / "tests" / "e2e" / "recorder"), "CALLS_LOG": str(log)}


def deploy(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of `python -m deploy`, with nobody there to ask."""
    return subprocess.run(
        [sys.executable, "-m", "deploy", *arguments],
        cwd=PROJECT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def send(stack: Stack, rider: Rider, photo: Path) -> Outcome:
    """Upload a photo as that rider, and wait until its execution has ended."""
    return upload(stack, rider, DemoPhoto(photo, photo.name, 1))


def post(rider: Rider, photo: Path) -> Upload:
    """Upload a photo as that rider by a new form, and wait for nothing."""
    content = photo.read_bytes()
    form = rider.create_upload(content_type_of(content))
    post_photo(form, content)
    return form


def post_at_once(riders: list[Rider], photos: list[Path]) -> list[Upload]:
    """Upload a photo as each rider, all at the same moment."""
    with ThreadPoolExecutor(20) as pool:
        return list(pool.map(post, riders, photos))


def row_of(stack: Stack, rider: Rider, form: Upload) -> dict[str, Any]:
    """The upload's row of the uploads table, {} if there is none."""
    row: dict[str, Any] = (
        stack.client("dynamodb")
        .get_item(
            TableName=stack.deployment.outputs["UploadsTable"],
            Key={"userId": {"S": rider.user_id}, "uploadId": {"S": form.upload_id}},
            ConsistentRead=True,
        )
        .get("Item", {})
    )
    return row


def ended(rider: Rider, form: Upload, seconds: float = 60.0) -> tuple[str, str | None]:
    """Wait until an upload has ended; its status and its reason."""
    view = rider.wait_for_outcome(form.upload_id, seconds)
    assert view is not None, f"{rider.view(form.upload_id)['status']} after {seconds:g} s"
    return view["status"], view["reason"]


def invoke(stack: Stack, function: str, event: dict[str, Any]) -> Any:
    """Invoke a function of the app with an event, and return its answer; AssertionError if it fails."""
    answer = stack.client("lambda").invoke(
        FunctionName=f"rider-photos-local-{function}", Payload=json.dumps(event).encode()
    )
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


def audit(stack: Stack) -> None:
    """One pass of the audit, which comes to the end of everything."""
    event = {
        "version": "0",
        "id": "00000000-0000-0000-0000-000000000000",
        "source": "aws.events",
        "detail-type": "Scheduled Event",
        "account": stack.deployment.account_id,
        "region": stack.deployment.region,
        "time": "2026-01-01T00:00:00Z",
        "resources": ["arn:aws:events:us-east-1:000000000000:rule/rider-photos-local-audit-event"],
        "detail": {},
    }
    assert invoke(stack, "audit", event) == {"complete": True}


@contextmanager
def losing_events_for(stack: Stack, function: str) -> Iterator[None]:
    """No event reaches the function while the block runs."""
    events, rule = stack.client("events"), f"rider-photos-local-{function}-event"
    events.disable_rule(Name=rule)
    try:
        yield
    finally:
        events.enable_rule(Name=rule)


def age(stack: Stack, rider: Rider, form: Upload) -> None:
    """Make an upload's row look as if nothing had changed it for an hour."""
    an_hour_ago = iso(datetime.now(UTC) - timedelta(hours=1))
    stack.client("dynamodb").update_item(
        TableName=stack.deployment.outputs["UploadsTable"],
        Key={"userId": {"S": rider.user_id}, "uploadId": {"S": form.upload_id}},
        UpdateExpression="SET updatedAt = :then",
        ConditionExpression="attribute_exists(userId)",
        ExpressionAttributeValues={":then": {"S": an_hour_ago}},
    )


def object_created(stack: Stack, key: str, version: str) -> dict[str, Any]:
    """The event that S3 sends for an object's version."""
    return {
        "version": "0",
        "id": "00000000-0000-0000-0000-000000000000",
        "source": "aws.s3",
        "detail-type": "Object Created",
        "account": stack.deployment.account_id,
        "region": stack.deployment.region,
        "time": "2026-01-01T00:00:00Z",
        "resources": [f"arn:aws:s3:::{stack.endpoints.photo_bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": stack.endpoints.photo_bucket},
            "object": {"key": key, "version-id": version, "size": 1, "etag": "x", "sequencer": "0"},
            "reason": "PutObject",
        },
    }


def letters(stack: Stack) -> list[dict[str, Any]]:
    """Take all letters out of the dead-letter queue: their bodies, with the attribute `why` if there is."""
    sqs, queue = stack.client("sqs"), stack.deployment.outputs["DeadLetterQueueUrl"]
    found: list[dict[str, Any]] = []
    while True:
        answer = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"], MaxNumberOfMessages=10)
        if "Messages" not in answer:
            return found
        for message in answer["Messages"]:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            why = message.get("MessageAttributes", {}).get("why", {}).get("StringValue")
            found.append(json.loads(message["Body"]) | ({"why": why} if why else {}))


def executions(stack: Stack, containing: str = "") -> list[dict[str, Any]]:
    """The state machine's executions whose name contains that."""
    pages = stack.client("stepfunctions").get_paginator("list_executions")
    found = pages.paginate(stateMachineArn=stack.endpoints.state_machine_arn)
    return [
        execution for page in found for execution in page["executions"] if containing in execution["name"]
    ]


def execute(stack: Stack, state: dict[str, Any], machine: str | None = None) -> dict[str, Any]:
    """Start an execution by hand and return its description when it has ended."""
    step_functions = stack.client("stepfunctions")
    started = step_functions.start_execution(
        stateMachineArn=machine or stack.endpoints.state_machine_arn, input=json.dumps(state)
    )

    def description() -> dict[str, Any] | None:
        execution: dict[str, Any] = step_functions.describe_execution(executionArn=started["executionArn"])
        return execution if execution["status"] != "RUNNING" else None

    return eventually(description, 60)


def item_of(stack: Stack, user_id: str) -> dict[str, Any]:
    """A rider's item of the rider photo table, {} if there is none."""
    item: dict[str, Any] = (
        stack.client("dynamodb")
        .get_item(TableName=stack.endpoints.rider_photo_table, Key={"Username": {"S": user_id}})
        .get("Item", {})
    )
    return item


def pictures(stack: Stack) -> list[str]:
    """Keys of all thumbnails and avatars."""
    listed = stack.client("s3").list_objects_v2(Bucket=stack.endpoints.thumbnail_bucket)
    return [entry["Key"] for entry in listed.get("Contents", [])]


def faces_of(stack: Stack) -> list[dict[str, Any]]:
    """All faces of the collection."""
    pages = stack.client("rekognition").get_paginator("list_faces")
    found = pages.paginate(CollectionId=stack.endpoints.collection_id)
    return [face for page in found for face in page["Faces"]]


def mails_to(stack: Stack, address: str) -> list[Mail]:
    """What the app mailed to an address."""
    return [mail for mail in stack.mails() if mail.to == (address,) and "verification" not in mail.subject]


def object_exists(stack: Stack, bucket: str, key: str) -> bool:
    """Whether the bucket's newest version of that key is an object."""
    listed = stack.client("s3").list_objects_v2(Bucket=bucket, Prefix=key)
    return any(entry["Key"] == key for entry in listed.get("Contents", []))


@contextmanager
def variables(stack: Stack, function: str, changed: Mapping[str, str]) -> Iterator[None]:
    """Let a function have other settings while the block runs."""
    lambda_, name = stack.client("lambda"), f"rider-photos-local-{function}"
    before = lambda_.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": {**before, **changed}})
    try:
        yield
    finally:
        lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": before})
