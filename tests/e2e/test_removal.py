"""After `deploy.down` nothing of a stage is left, though riders have used it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from deploy import NoProgress
from local.places import PROJECT
from local.riders import sign_up
from local.stack import SENDER, Directories, Stack
from tests.e2e.support import send


def test_after_down_nothing_is_left_but_the_sender(tmp_path: Path, samples: dict[str, Path]) -> None:
    with Stack(Directories(data=tmp_path / "data", app=tmp_path / "app"), NoProgress()) as stack:
        rider = sign_up(stack.endpoints, "rider@wildrydes.example")
        assert send(stack, rider, samples["biden"]).outcome == "accepted"
        assert send(stack, rider, samples["group"]).outcome == "rejected"
        assert all(len(found) > 0 for found in _everything(stack).values())

        command = [sys.executable, "-m", "deploy", "down", "--stage", "local", "--yes", "--project-dir"]
        removal = subprocess.run(
            [*command, str(stack.app_directory)],
            cwd=PROJECT,
            env=stack.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert removal.returncode == 0, removal.stderr
        assert f"the SES identity of {SENDER}" in removal.stderr
        assert {name: found for name, found in _everything(stack).items() if found} == {}
        assert stack.client("sesv2").get_email_identity(EmailIdentity=SENDER)["VerifiedForSendingStatus"]


def _everything(stack: Stack) -> dict[str, list[str]]:
    """Names of all that a stage consists of, by service."""
    calls: list[tuple[str, str, dict[str, int], str, str]] = [
        ("apigateway", "get_rest_apis", {}, "items", "name"),
        ("cognito-idp", "list_user_pools", {"MaxResults": 10}, "UserPools", "Name"),
        ("dynamodb", "list_tables", {}, "TableNames", ""),
        ("events", "list_rules", {}, "Rules", "Name"),
        ("iam", "list_roles", {}, "Roles", "RoleName"),
        ("lambda", "list_functions", {}, "Functions", "FunctionName"),
        ("logs", "describe_log_groups", {}, "logGroups", "logGroupName"),
        ("rekognition", "list_collections", {}, "CollectionIds", ""),
        ("s3", "list_buckets", {}, "Buckets", "Name"),
        ("sqs", "list_queues", {}, "QueueUrls", ""),
        ("stepfunctions", "list_state_machines", {}, "stateMachines", "name"),
    ]
    found = {}
    for service, operation, parameters, key, name in calls:
        answer = getattr(stack.client(service), operation)(**parameters)
        found[service] = [entry[name] if name else entry for entry in answer.get(key, [])]
    return found
