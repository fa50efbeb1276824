"""The console of the real stack: what became of a photo, its picture, and the letters by its button."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local import web
from local.console import Console, Places
from local.riders import Rider
from local.stack import Stack
from tests.e2e.support import letters, send

JPEG = b"\xff\xd8\xff"


@pytest.fixture
def console(stack: Stack) -> Iterator[Console]:
    with Console(Places.of(stack)) as running:
        yield running


def ask(console: Console, path: str) -> Any:
    answer = web.request("GET", f"{console.url}api/{path}")
    assert answer.status == 200, answer.body
    return answer.json()


def test_an_accepted_photo_is_found_with_its_way_its_face_and_its_picture(
    stack: Stack,
    whole_world: None,
    console: Console,
    new_rider: Callable[[], Rider],
    samples: dict[str, Path],
) -> None:
    rider = new_rider()
    outcome = send(stack, rider, samples["obama"])
    assert outcome.outcome == "accepted"
    [execution] = ask(console, f"executions?search={rider.user_id}")["executions"]
    assert (execution["status"], execution["outcome"]) == ("SUCCEEDED", "accepted")
    course = ask(console, f"execution?name={execution['name']}")
    statuses = {visit["state"]: visit["status"] for visit in course["visits"]}
    assert set(statuses.values()) == {"succeeded"}
    assert {"FaceDetection", "AddFaceToIndex", "Thumbnail", "RetireReplacedPhoto"} <= set(statuses)
    assert ["FaceDetection", "CheckFaceDuplicate"] in course["taken"]
    [face] = ask(console, "faces")["faces"]
    assert (face["userId"], face["state"]) == (rider.user_id, "live")
    [shown] = ask(console, f"riders?search={rider.user_id}")["riders"]
    assert shown["item"]["faceId"] == outcome.faceId
    asked = f"user={rider.user_id}&upload={outcome.uploadId}"
    for kind in ("original", "thumbnail"):
        picture = web.request("GET", f"{console.url}photo?{asked}&kind={kind}")
        assert picture.status == 200
        assert picture.body.startswith(JPEG)


def test_the_button_redrives_as_the_command_does(stack: Stack, empty_world: None, console: Console) -> None:
    letters(stack)
    queue = stack.deployment.outputs["DeadLetterQueueUrl"]
    audit = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
    for body in (json.dumps(audit), "no JSON"):
        stack.client("sqs").send_message(QueueUrl=queue, MessageBody=body)
    assert sorted(letter["kind"] for letter in ask(console, "letters")["letters"]) == ["event", "unusable"]
    token = ask(console, "session")["token"]
    answer = web.request("POST", f"{console.url}api/redrive", body=b"{}", headers={"X-Console-Token": token})
    assert answer.status == 200, answer.body
    result = answer.json()["result"]
    assert (len(result["settled"]), len(result["unusable"])) == (1, 1)
    assert [letter["kind"] for letter in ask(console, "letters")["letters"]] == ["unusable"]
    stack.client("sqs").purge_queue(QueueUrl=queue)
