"""A stack of its own: what twenty uploads at once take of the machine, and that `down` leaves nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import NoProgress
from deploy.functions import FUNCTIONS
from local.memory import PeakMemory, processes_of
from local.places import PROJECT
from local.riders import sign_up
from local.stack import SENDER, Directories, Stack
from tests.e2e.support import audit, post_at_once
from tests.e2e.world import assert_invariants

MEMORY_LIMIT = 1.5 * 1024**3


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack as people start it, with riders on it who uploaded."""
    directory = tmp_path_factory.mktemp("removed")
    with Stack(Directories(data=directory / "data", app=directory / "app"), NoProgress()) as stack:
        yield stack


def test_twenty_uploads_at_once_fit_into_a_small_machine(stack: Stack, samples: dict[str, Path]) -> None:
    names = ["no_face", "group", "sunglasses", "not_an_image"]
    names += ["obama", "biden", "obama_standing", "group"] * 4
    riders = [sign_up(stack.endpoints, f"rider{number}@wildrydes.example") for number in range(20)]
    with PeakMemory(*stack.pids) as memory:
        forms = post_at_once(riders, [samples[name] for name in names])
        world = assert_invariants(stack)
        answer = riders[0].call("DELETE", "/photo")
        audit(stack)
    assert answer.status == 204
    assert world.statuses() == {"accepted": 2, "rejected": 18}
    assert len({form.upload_id for form in forms}) == 20
    # What bounds it: a worker of each function, and one more of the two that may have two.
    (emulator,) = set(stack.pids) - {stack.face_service.pid}
    assert len(processes_of(emulator)) - 1 <= len(FUNCTIONS) + 2
    assert memory.peak < MEMORY_LIMIT


def test_after_down_nothing_is_left_but_the_sender(stack: Stack) -> None:
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
