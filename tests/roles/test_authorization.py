"""The end-to-end tests' recording fails if it is none, or shows what no role grants or no test knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from deploy import Deployment
from tests.e2e.authorization import assert_authorized
from tests.e2e.exercised import FOLDER_VARIABLE, NOT_EXERCISED, disagreements, leave, left_in, main
from tests.roles.grants import grants
from tests.roles.test_least_privilege import CALLERS, fits
from tests.statemachine.template import logical_name

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


ALL: Final = {(caller, grant) for caller in CALLERS for grant in grants()[f"{logical_name(caller)}Role"]}
EXCEPTED: Final = {one for one in ALL if any(fits(entry, *one) for entry in NOT_EXERCISED)}


def test_a_grant_that_no_test_used_and_a_reason_for_none_are_named() -> None:
    assert disagreements(ALL - EXCEPTED) == []
    unused = next(one for one in sorted(ALL - EXCEPTED) if one[1].action == "rekognition:IndexFaces")
    [said] = disagreements(ALL - EXCEPTED - {unused})
    assert said.startswith("index_face may rekognition:IndexFaces on ")
    assert len(disagreements(ALL)) == len(NOT_EXERCISED)


def test_what_is_used_on_several_stacks_is_put_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    used = sorted(ALL - EXCEPTED)
    leave(used[1:])
    assert main(tmp_path) == 1
    leave(used[:1])
    assert left_in(tmp_path) == set(used)
    assert main(tmp_path) == 0
    assert main(tmp_path / "nothing") == 1
