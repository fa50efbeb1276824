"""What end-to-end tests do to a stack, and how they wait for it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.demo import Outcome, upload
from local.demo_photos import DemoPhoto
from local.riders import Rider
from local.stack import Mail, Stack


def eventually[Value](look: Callable[[], Value | None], seconds: float = 30.0) -> Value:
    """What `look` gives as soon as it is neither None, False nor empty; AssertionError after that time."""
    deadline = time.monotonic() + seconds
    while True:
        value = look()
        if value:
            return value
        assert time.monotonic() < deadline, f"nothing after {seconds:g} s, last: {value!r}"
        time.sleep(0.05)


def send(stack: Stack, rider: Rider, photo: Path) -> Outcome:
    """Upload a photo as that rider, and wait until its execution has ended."""
    return upload(stack, rider, DemoPhoto(photo, photo.name, 1))


def executions(stack: Stack, containing: str = "") -> list[dict[str, Any]]:
    """The state machine's executions whose name contains that."""
    pages = stack.client("stepfunctions").get_paginator("list_executions")
    found = pages.paginate(stateMachineArn=stack.endpoints.state_machine_arn)
    return [
        execution for page in found for execution in page["executions"] if containing in execution["name"]
    ]


def run_to_end(stack: Stack) -> None:
    """Wait until no execution runs."""
    eventually(lambda: all(execution["status"] != "RUNNING" for execution in executions(stack)), 120)


def execute(stack: Stack, state: dict[str, Any], machine: str | None = None) -> dict[str, Any]:
    """Start an execution by hand and return its description when it has ended."""
    step_functions = stack.client("stepfunctions")
    started = step_functions.start_execution(
        stateMachineArn=machine or stack.endpoints.state_machine_arn, input=json.dumps(state)
    )

    def ended() -> dict[str, Any] | None:
        execution: dict[str, Any] = step_functions.describe_execution(executionArn=started["executionArn"])
        return execution if execution["status"] != "RUNNING" else None

    return eventually(ended, 60)


def item_of(stack: Stack, user_id: str) -> dict[str, Any]:
    """A rider's item of the rider photo table, {} if there is none."""
    item: dict[str, Any] = (
        stack.client("dynamodb")
        .get_item(TableName=stack.endpoints.rider_photo_table, Key={"Username": {"S": user_id}})
        .get("Item", {})
    )
    return item


def faces_of(stack: Stack) -> list[dict[str, Any]]:
    """All faces of the collection."""
    pages = stack.client("rekognition").get_paginator("list_faces")
    found = pages.paginate(CollectionId=stack.endpoints.collection_id)
    return [face for page in found for face in page["Faces"]]


def forget_faces(stack: Stack) -> None:
    """Wait until no execution runs, then empty the collection and the rider photo table."""
    run_to_end(stack)
    faces = [face["FaceId"] for face in faces_of(stack)]
    if faces:
        stack.client("rekognition").delete_faces(CollectionId=stack.endpoints.collection_id, FaceIds=faces)
    dynamodb, table = stack.client("dynamodb"), stack.endpoints.rider_photo_table
    for item in dynamodb.scan(TableName=table)["Items"]:
        dynamodb.delete_item(TableName=table, Key={"Username": item["Username"]})


def mails_to(stack: Stack, address: str) -> list[Mail]:
    """What the app mailed to an address."""
    return [mail for mail in stack.mails() if mail.to == (address,) and "verification" not in mail.subject]


def object_exists(stack: Stack, bucket: str, key: str) -> bool:
    """Whether the bucket's newest version of that key is an object."""
    listed = stack.client("s3").list_objects_v2(Bucket=bucket, Prefix=key)
    return any(entry["Key"] == key for entry in listed.get("Contents", []))
