"""`python -m deploy` against the embedded AWS: the real commands, the real Chalice, the real template."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest

from deploy.record import RECORD_KEY
from local.emulator import REGION, Emulator
from local.processes import base_environment
from local.staging import keep_packages, stage_app
from tests.e2e.face_collections import Collections
from tests.e2e.support import deploy, recording
from tests.roles.deployer import DEPLOYER, assert_allowed

PROJECT = Path(__file__).parents[2]
SENDER = "rides@example.com"
ORIGIN = "http://127.0.0.1:8000"
READER = "arn:aws:iam::000000000000:role/appeals"


class Aws:
    """The embedded AWS, and the command line that deploys to it."""

    def __init__(self, endpoint: str, environment: Mapping[str, str]) -> None:
        self.endpoint = endpoint
        self.environment = dict(environment)
        self._session = boto3.Session("test", "test", region_name=REGION)

    def client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self.endpoint)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "deploy", *arguments]

    def deploy(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return deploy(self.environment, *arguments)

    def up(self, stage: str, clone: Path, *more: str) -> dict[str, Any]:
        done = self.deploy("up", "--stage", stage, "--project-dir", str(clone), "--json", *more)
        assert done.returncode == 0, done.stderr
        deployment: dict[str, Any] = json.loads(done.stdout)
        return deployment

    def down(self, stage: str, clone: Path, *more: str) -> subprocess.CompletedProcess[str]:
        return self.deploy("down", "--stage", stage, "--project-dir", str(clone), "--json", *more)

    def rest_apis(self, stage: str) -> list[str]:
        """Ids of all REST APIs whose handler is this stage's function."""
        apigateway, found = self.client("apigateway"), []
        for api in apigateway.get_rest_apis()["items"]:
            resources = apigateway.get_resources(restApiId=api["id"], embed=["methods"])["items"]
            if f":rider-photos-{stage}/invocations" in json.dumps(resources, default=str):
                found.append(api["id"])
        return found

    def left(self, stage: str) -> list[str]:
        """Names of all there is of a stage."""
        listed: list[str] = self.rest_apis(stage)
        listed += [f["FunctionName"] for f in self.client("lambda").list_functions()["Functions"]]
        listed += [layer["LayerName"] for layer in self.client("lambda").list_layers()["Layers"]]
        listed += [bucket["Name"] for bucket in self.client("s3").list_buckets()["Buckets"]]
        listed += self.client("dynamodb").list_tables()["TableNames"]
        listed += self.client("sqs").list_queues().get("QueueUrls", [])
        listed += [rule["Name"] for rule in self.client("events").list_rules()["Rules"]]
        listed += [role["RoleName"] for role in self.client("iam").list_roles()["Roles"]]
        listed += [p["PolicyName"] for p in self.client("iam").list_policies(Scope="Local")["Policies"]]
        listed += [a["AlarmName"] for a in self.client("cloudwatch").describe_alarms()["MetricAlarms"]]
        listed += [group["logGroupName"] for group in self.client("logs").describe_log_groups()["logGroups"]]
        machines = self.client("stepfunctions").list_state_machines()["stateMachines"]
        listed += [machine["name"].replace("RiderPhotoProcessing", "rider-photos") for machine in machines]
        pools = self.client("cognito-idp").list_user_pools(MaxResults=60)["UserPools"]
        listed += [pool["Name"] for pool in pools]
        listed += Collections.ids
        return [name for name in listed if f"rider-photos-{stage}" in name or name in self.rest_apis(stage)]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    faces = ThreadingHTTPServer(("127.0.0.1", 0), Collections)
    thread = threading.Thread(target=faces.serve_forever)
    thread.start()
    try:
        with Emulator(
            tmp_path_factory.mktemp("aws"), f"http://127.0.0.1:{faces.server_address[1]}"
        ) as emulator:
            calls = tmp_path_factory.mktemp("calls") / "calls.jsonl"
            environment = base_environment() | emulator.client_environment() | recording(calls)
            aws = Aws(emulator.endpoint, environment)
            aws.client("sesv2").create_email_identity(EmailIdentity=SENDER)
            yield aws
            assert_allowed(calls, *DEPLOYER)
    finally:
        faces.shutdown()
        thread.join()
        faces.server_close()


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dependencies, built by the first test that needs them."""
    return tmp_path_factory.mktemp("packages")


@pytest.fixture
def clone(tmp_path: Path, packages: Path) -> Iterator[Path]:
    """A clone of the project: nothing in it of what another clone did."""
    stage_app(tmp_path / "clone", packages)
    yield tmp_path / "clone"
    keep_packages(tmp_path / "clone", packages)


@dataclass(frozen=True)
class Deployed:
    """A stage: the clone that deployed it first, what that up printed, and what it told meanwhile."""

    clone: Path
    deployment: dict[str, Any]
    log: str


@pytest.fixture(scope="module")
def two(aws: Aws, tmp_path_factory: pytest.TempPathFactory, packages: Path) -> Iterator[Deployed]:
    """The stage `two`, for all tests that a stage suffices to which others have worked on."""
    clone = tmp_path_factory.mktemp("two") / "clone"
    stage_app(clone, packages)
    arguments = ("--project-dir", str(clone), "--json", "--sender", SENDER, "--page-origin", ORIGIN)
    made = aws.deploy("up", "--stage", "two", *arguments, "--photo-readers", READER)
    assert made.returncode == 0, made.stderr
    keep_packages(clone, packages)
    yield Deployed(clone, json.loads(made.stdout), made.stderr)
    done = aws.down("two", clone, "--yes")
    assert done.returncode == 0, done.stderr


def another_clone(clone: Path) -> Path:
    other = clone.with_name("other")
    stage_app(other, clone / ".chalice" / "deployments")
    return other


def test_two_clones_deploy_the_same_app(aws: Aws, two: Deployed) -> None:
    first, clone = two.deployment, two.clone
    other = another_clone(clone)
    # The sender is kept, the readers too, and the origin as long as it is given.
    second = aws.up("two", other, "--page-origin", ORIGIN)
    assert second == first
    for bucket in ("RiderPhotoS3Bucket", "ThumbnailS3Bucket"):
        policy = json.loads(aws.client("s3").get_bucket_policy(Bucket=first["outputs"][bucket])["Policy"])
        functions = "arn:aws:iam::000000000000:role/rider-photos-two-*"
        assert policy["Statement"][2]["Condition"]["ArnNotLike"]["aws:PrincipalArn"] == [functions, READER]
    # Nor does it matter that the note of the API is lost: it is found by what it calls.
    aws.client("s3").delete_object(Bucket=first["outputs"]["RiderPhotoS3Bucket"], Key=RECORD_KEY)
    assert aws.up("two", another_clone(clone), "--page-origin", ORIGIN) == first
    assert aws.rest_apis("two") == [first["rest_api_id"]]
    config = json.loads((other / ".chalice/config.json").read_text())
    assert config == json.loads((clone / ".chalice/config.json").read_text())
    assert config["stages"]["two"]["environment_variables"]["SENDER"] == SENDER


def test_an_up_deploys_functions_only_if_something_has_changed(aws: Aws, two: Deployed) -> None:
    arguments = ("up", "--stage", "two", "--page-origin", ORIGIN, "--project-dir")
    assert "Creating lambda function" in two.log
    for directory in (two.clone, another_clone(two.clone)):
        again = aws.deploy(*arguments, str(directory)).stderr
        assert "nothing to change: code, settings and functions are those of the last up" in again
        assert "lambda function" not in again
    aws.client("lambda").update_function_configuration(FunctionName="rider-photos-two-undo", Timeout=3)
    mended = aws.deploy(*arguments, str(two.clone)).stderr
    assert "Updating lambda function: rider-photos-two-undo" in mended
    configuration = aws.client("lambda").get_function_configuration(FunctionName="rider-photos-two-undo")
    assert configuration["Timeout"] == 30
    apis = aws.client("apigateway").get_rest_apis()["items"]
    assert "rider-photos-two" in [api["name"] for api in apis]


def test_functions_have_their_own_roles_and_what_chalice_cannot_set_is_set_after_every_up(
    aws: Aws, two: Deployed
) -> None:
    # Another than the first, and without the origin that was given then.
    deployment = aws.up("two", two.clone)
    queue, events = deployment["outputs"]["DeadLetterQueueArn"], aws.client("events")
    details = {}
    for function in ("start_processing", "close_execution"):
        rule = f"rider-photos-two-{function}-event"
        [target] = events.list_targets_by_rule(Rule=rule)["Targets"]
        assert target["Arn"].endswith(f":function:rider-photos-two-{function}")
        assert target["DeadLetterConfig"] == {"Arn": queue}
        assert target["RetryPolicy"] == {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86400}
        details[function] = json.loads(events.describe_rule(Name=rule)["EventPattern"])["detail"]
    assert details["start_processing"]["bucket"]["name"] == [deployment["outputs"]["RiderPhotoS3Bucket"]]
    assert details["close_execution"]["stateMachineArn"] == [deployment["outputs"]["StateMachineArn"]]
    schedule = events.describe_rule(Name="rider-photos-two-audit-event")["ScheduleExpression"]
    assert schedule == "rate(5 minutes)"
    for function, retries in (("start_processing", 2), ("close_execution", 2), ("audit", 0)):
        invocation = aws.client("lambda").get_function_event_invoke_config(
            FunctionName=f"rider-photos-two-{function}"
        )
        assert invocation["DestinationConfig"]["OnFailure"] == {"Destination": queue}
        assert invocation["MaximumRetryAttempts"] == retries
    cors = aws.client("s3").get_bucket_cors(Bucket=deployment["outputs"]["RiderPhotoS3Bucket"])
    assert cors["CORSRules"][0]["AllowedOrigins"] == [deployment["page_origin"]]
    assert deployment["page_origin"] == deployment["api_url"].removesuffix("/api")
    thumbnail = aws.client("lambda").get_function_configuration(
        FunctionName="rider-photos-two-make_thumbnail"
    )
    assert thumbnail["Role"] == deployment["outputs"]["MakeThumbnailRoleArn"]
    assert (thumbnail["MemorySize"], thumbnail["Timeout"]) == (1024, 30)
    assert thumbnail["TracingConfig"] == {"Mode": "Active"}
    for function in ("notify_rider", "retire_replaced", "close_execution", "audit"):
        mailing = aws.client("lambda").get_function_configuration(FunctionName=f"rider-photos-two-{function}")
        assert mailing["Environment"]["Variables"]["PAGE_URL"] == f"{deployment['api_url']}/"
        assert mailing["Environment"]["Variables"]["SENDER"] == SENDER
    variables = thumbnail["Environment"]["Variables"]
    assert variables["PHOTO_BUCKET"] == deployment["outputs"]["RiderPhotoS3Bucket"]
    assert variables["POWERTOOLS_SERVICE_NAME"] == "rider-photos"
    url = f"{aws.endpoint}/_aws/execute-api/{deployment['rest_api_id']}/api/uploads/x"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with pytest.raises(urllib.error.HTTPError) as refused:
        opener.open(url, timeout=60)
    with refused.value as answer:
        assert answer.code == 401


@pytest.mark.parametrize(("stage", "seen"), [("killa", "create complete"), ("killb", "Creating Rest API")])
def test_an_up_that_was_killed_is_finished_by_the_next(aws: Aws, clone: Path, stage: str, seen: str) -> None:
    command = aws.command("up", "--stage", stage, "--project-dir", str(clone), "--sender", SENDER)
    with subprocess.Popen(
        command, cwd=PROJECT, env=aws.environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stderr is not None
        assert any(seen in line for line in process.stderr)
        os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    deployment = aws.up(stage, another_clone(clone), "--sender", SENDER)
    assert aws.rest_apis(stage) == [deployment["rest_api_id"]]
    done = aws.down(stage, clone, "--yes")
    assert done.returncode == 0, done.stderr
    assert aws.left(stage) == []


def test_down_asks_leaves_nothing_but_the_sender_and_can_be_repeated(aws: Aws, clone: Path) -> None:
    before = (clone / ".chalice/config.json").read_bytes()
    outputs = aws.up("gone", clone, "--sender", SENDER)["outputs"]
    s3 = aws.client("s3")
    for body in (b"one", b"two"):
        s3.put_object(Bucket=outputs["RiderPhotoS3Bucket"], Key="riders/a.jpg", Body=body)
    s3.delete_object(Bucket=outputs["RiderPhotoS3Bucket"], Key="riders/a.jpg")
    s3.put_object(Bucket=outputs["ThumbnailS3Bucket"], Key="thumbnails/a.jpg", Body=b"small")
    everything = aws.left("gone")
    refused = aws.down("gone", clone)
    assert refused.returncode == 1
    assert "There is nobody to ask here: give --yes" in refused.stderr
    assert aws.left("gone") == everything
    assert len(everything) > 50
    assert "rider-photos-gone-dead-letters" in everything
    done = aws.down("gone", clone, "--yes")
    assert done.returncode == 0, done.stderr
    removal = json.loads(done.stdout)
    # Two versions, a delete marker, a thumbnail, and the note of what was deployed.
    assert removal["objects"] == 5
    assert removal["kept"][0] == f"the SES identity of {SENDER}"
    assert not any("DeletedTableBackup" in kept for kept in removal["kept"])
    assert aws.left("gone") == []
    assert aws.client("sesv2").get_email_identity(EmailIdentity=SENDER)["VerifiedForSendingStatus"]
    assert (clone / ".chalice/config.json").read_bytes() == before
    again = aws.down("gone", clone, "--yes")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["objects"] == 0


def test_a_down_that_was_killed_is_finished_by_the_next(aws: Aws, clone: Path) -> None:
    deployment = aws.up("half", clone, "--sender", SENDER)
    # What a killed down leaves: a note of an API and a function that are gone.
    aws.client("apigateway").delete_rest_api(restApiId=deployment["rest_api_id"])
    aws.client("lambda").delete_function(FunctionName="rider-photos-half-undo")
    done = aws.down("half", clone, "--yes")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert aws.left("half") == []


def test_a_sender_that_is_not_verified_stops_before_anything_is_made(aws: Aws, clone: Path) -> None:
    arguments = ("up", "--stage", "nomail", "--project-dir", str(clone))
    refused = aws.deploy(*arguments, "--sender", "nobody@example.org")
    assert refused.returncode == 1
    assert "SES doesn't send from nobody@example.org" in refused.stderr
    missing = aws.deploy(*arguments)
    assert missing.returncode == 1
    assert "give --sender" in missing.stderr
    assert aws.left("nomail") == []


def test_a_resource_that_fails_is_named_and_nothing_stays_though_production_is_protected(
    aws: Aws, clone: Path
) -> None:
    Collections.full = True
    try:
        refused = aws.deploy("up", "--stage", "prodfull", "--project-dir", str(clone), "--sender", SENDER)
    finally:
        Collections.full = False
    assert refused.returncode == 1
    error = refused.stderr.splitlines()[-1]
    assert "Collection (AWS::Rekognition::Collection) failed" in error
    assert "ServiceQuotaExceededException" in error
    assert error.endswith("Nothing is left of it.")
    assert aws.left("prodfull") == []
    table = aws.up("prodfull", clone, "--sender", SENDER)["outputs"]["UploadsTable"]
    assert aws.client("dynamodb").describe_table(TableName=table)["Table"]["DeletionProtectionEnabled"]
    gone = aws.down("prodfull", clone, "--yes", "--yes-delete-production")
    assert gone.returncode == 0, gone.stderr
    assert any("DeletedTableBackup" in kept for kept in json.loads(gone.stdout)["kept"])
    assert aws.left("prodfull") == []


def test_check_tells_parts_and_price_and_changes_nothing(aws: Aws, clone: Path) -> None:
    checked = aws.deploy("check", "--stage", "looked", "--project-dir", str(clone), "--sender", SENDER)
    assert checked.returncode == 0, checked.stderr
    assert "DynamoDB::Table: RiderPhotoTable, UploadsTable" in checked.stderr
    assert "at rest at most $" in checked.stderr
    # The embedded AWS knows no Service Quotas.
    assert "quotas unknown, this account doesn't tell: Rekognition DetectFaces" in checked.stderr
    assert aws.left("looked") == []


def test_a_production_stage_goes_only_when_it_is_said_and_photos_can_be_kept(aws: Aws, clone: Path) -> None:
    outputs = aws.up("prod", clone, "--sender", SENDER)["outputs"]
    bucket = outputs["RiderPhotoS3Bucket"]
    aws.client("s3").put_object(Bucket=bucket, Key="uploads/anna/a.jpg", Body=b"photo")
    table = aws.client("dynamodb").describe_table(TableName=outputs["UploadsTable"])["Table"]
    assert table["DeletionProtectionEnabled"] is True
    refused = aws.down("prod", clone, "--yes")
    assert refused.returncode == 1
    assert "--yes-delete-production" in refused.stderr
    kept = aws.down("prod", clone, "--yes", "--yes-delete-production", "--keep-photos")
    assert kept.returncode == 0, kept.stderr
    buckets = [bucket, outputs["ThumbnailS3Bucket"]]
    assert json.loads(kept.stdout)["kept"][:2] == [f"the bucket {name}" for name in buckets]
    assert sorted(aws.left("prod")) == sorted(buckets)
    listed = aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert [entry["Key"] for entry in listed] == ["uploads/anna/a.jpg"]
    blocked = aws.deploy("up", "--stage", "prod", "--project-dir", str(clone), "--sender", SENDER)
    assert blocked.returncode == 1
    assert f"The bucket {bucket} is there without its stack" in blocked.stderr
    gone = aws.down("prod", clone, "--yes", "--yes-delete-production")
    assert gone.returncode == 0, gone.stderr
    assert aws.left("prod") == []
