"""The end-to-end tests' recording fails if it is none, or shows what no role grants or no test knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from deploy import Deployment
from tests.e2e.authorization import assert_authorized

SENDER: Final = "rides@wildrydes.example"
POOL: Final = "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_abc"
DEPLOYMENT: Final = Deployment(
    stage="local",
    region="us-east-1",
    account_id="000000000000",
    outputs={"UserPoolArn": POOL},
    rest_api_id="a",
    api_url="https://a.example/api",
    page_origin="https://a.example",
)
BUCKET: Final = "arn:aws:s3:::rider-photos-local-photos-000000000000-us-east-1"
LOGS: Final = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/rider-photos-local-{}:*"


def decided(role: str, action: str, resource: str, **keys: str) -> dict[str, Any]:
    name = f"rider-photos-local-{role}-0A1B2C3D"
    return {"role": name, "action": action, "resource": resource, "keys": keys, "allowed": True}


READ: Final = decided("DetectFacesRole", "s3:GetObjectVersion", f"{BUCKET}/uploads/anna/a.jpg")
ASKED: Final = decided("NotifyRiderRole", "cognito-idp:AdminGetUser", POOL)
MAIL: Final = ("NotifyRiderRole", "ses:SendEmail", f"arn:aws:ses:us-east-1:000000000000:identity/{SENDER}")
MAILED: Final = decided(*MAIL, **{"ses:FromAddress": SENDER})
STARTED: Final = decided(
    "StartProcessingRole",
    "states:StartExecution",
    "arn:aws:states:us-east-1:000000000000:stateMachine:RiderPhotoProcessing-local",
)


def judge(path: Path, *made: dict[str, Any]) -> None:
    log = path / "authorization.jsonl"
    log.write_text("".join(json.dumps(entry) + "\n" for entry in made))
    assert_authorized(log, DEPLOYMENT, SENDER)


def test_calls_that_the_roles_grant_pass(tmp_path: Path) -> None:
    judge(tmp_path, READ, ASKED, MAILED, STARTED)


def test_a_recording_that_is_missing_or_empty_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="is missing"):
        assert_authorized(tmp_path / "nothing.jsonl", DEPLOYMENT, SENDER)
    with pytest.raises(AssertionError, match="is empty"):
        judge(tmp_path)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (READ | {"allowed": False}, "refused: "),
        (decided("DetectFacesRole", "s3:DeleteObject", f"{BUCKET}/uploads/anna/a.jpg"), "no grant covers"),
        (decided("DetectFacesRole", "s3:GetObjectVersion", "arn:aws:s3:::others/a.jpg"), "no grant covers"),
        (decided(*MAIL, **{"ses:FromAddress": "somebody@example.com"}), "no grant covers"),
        (decided("UndoRole", "logs:PutLogEvents", LOGS.format("undo")), "tests/roles doesn't record"),
        (decided("SomeRole", "s3:GetObject", f"{BUCKET}/a.jpg"), "no function's role"),
    ],
)
def test_what_is_refused_not_granted_or_not_recorded_elsewhere_fails(
    tmp_path: Path, made: dict[str, Any], said: str
) -> None:
    with pytest.raises(AssertionError, match=said):
        judge(tmp_path, READ, made)
