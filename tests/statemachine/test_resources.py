"""What the template says about safety, and that it, the app and the state machine name the same things."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.functions import ENVIRONMENT, EVENT_HANDLERS, FUNCTIONS, Names, role_output
from deploy.template import DEFINITION, RESOURCES, template_body
from tests.statemachine.template import PARTS, PROJECT, TEMPLATE, logical_name, named_in, of_type

DATA = {
    "AWS::S3::Bucket",
    "AWS::DynamoDB::Table",
    "AWS::Rekognition::Collection",
    "AWS::SQS::Queue",
    "AWS::Cognito::UserPool",
    "AWS::Logs::LogGroup",
}
OUTPUTS_OF_THE_WORKSHOP = {
    "FaceDetectionFunctionArn": "detect_faces",
    "FaceSearchFunctionArn": "search_face",
    "IndexFaceFunctionArn": "index_face",
    "ThumbnailFunctionArn": "make_thumbnail",
    "PersistMetadataFunctionArn": "persist_metadata",
    "NotificationPlaceholderFunctionArn": "notify_rider",
}


def test_a_task_waits_longer_than_its_function_may_run() -> None:
    functions = json.loads((PROJECT / ".chalice/config.json").read_text())["lambda_functions"]
    substitutions = PARTS["StateMachine"]["Properties"]["DefinitionSubstitutions"]
    waits = dict(_tasks(json.loads((PROJECT / DEFINITION).read_text(encoding="utf-8"))["States"]))
    assert waits
    for reference, seconds in waits.items():
        function = named_in(substitutions[reference])
        assert seconds > functions[function]["lambda_timeout"], function


def _tasks(states: dict[str, Any]) -> Iterator[tuple[str, int]]:
    for state in states.values():
        if state.get("Resource") == "arn:aws:states:::lambda:invoke":
            yield state["Parameters"]["FunctionName"].strip("${}"), state["TimeoutSeconds"]
        for branch in state.get("Branches", []):
            yield from _tasks(branch["States"])


@pytest.mark.parametrize("name", of_type("AWS::S3::Bucket"))
def test_a_bucket_is_private_encrypted_and_refuses_plain_http(name: str) -> None:
    bucket = PARTS[name]["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    rules = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rules == [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    policy = PARTS[f"{name}Policy"]["Properties"]
    assert policy["Bucket"] == {"Ref": name}
    [statement] = policy["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [{"Fn::GetAtt": [name, "Arn"]}, {"Fn::Sub": f"${{{name}.Arn}}/*"}]


def test_photos_are_versioned_announced_and_uploaded_from_the_page_alone() -> None:
    bucket = PARTS["PhotoBucket"]["Properties"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    condition, rule, without = bucket["CorsConfiguration"]["Fn::If"]
    assert condition == "HasPageOrigin"
    assert rule["CorsRules"][0]["AllowedOrigins"] == [{"Ref": "PageOrigin"}]
    assert rule["CorsRules"][0]["AllowedMethods"] == ["POST"]
    assert without == {"Ref": "AWS::NoValue"}
    assert "CorsConfiguration" not in PARTS["ThumbnailBucket"]["Properties"]


@pytest.mark.parametrize(
    ("name", "keys"),
    [("RiderPhotoTable", {"Username": "HASH"}), ("UploadsTable", {"userId": "HASH", "uploadId": "RANGE"})],
)
def test_a_table_is_encrypted_recoverable_and_forgets(name: str, keys: dict[str, str]) -> None:
    table = PARTS[name]["Properties"]
    assert {key["AttributeName"]: key["KeyType"] for key in table["KeySchema"]} == keys
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expiresAt", "Enabled": True}


def test_the_dead_letter_queue_takes_messages_of_the_rules_that_must_lose_nothing() -> None:
    queue = PARTS["DeadLetterQueue"]["Properties"]
    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
    allowed, denied = PARTS["DeadLetterQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert allowed["Principal"] == {"Service": "events.amazonaws.com"}
    sources = [source["Fn::Sub"] for source in allowed["Condition"]["ArnEquals"]["aws:SourceArn"]]
    rules = [source.partition(":rule/")[2] for source in sources]
    assert rules == [Names("${Stage}").rule(name) for name in EVENT_HANDLERS]
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_the_state_machine_logs_errors_without_data_and_is_traced() -> None:
    machine = PARTS["StateMachine"]["Properties"]
    assert machine["StateMachineType"] == "STANDARD"
    assert machine["TracingConfiguration"] == {"Enabled": True}
    logging = machine["LoggingConfiguration"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ERROR", False)


ALARMS = of_type("AWS::CloudWatch::Alarm")


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_is_of_this_stage_and_rings_at_the_first_occurrence(name: str) -> None:
    alarm = ALARMS[name]
    assert alarm["AlarmName"]["Fn::Sub"].startswith("rider-photos-${Stage}-")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)
    assert (alarm["EvaluationPeriods"], alarm["TreatMissingData"]) == (1, "notBreaching")
    of_stage = [dimension["Value"] for dimension in alarm.get("Dimensions", [])] or [alarm["Namespace"]]
    assert of_stage in (
        [{"Ref": "StateMachine"}],
        [{"Fn::GetAtt": ["DeadLetterQueue", "QueueName"]}],
        [{"Fn::Sub": "rider-photos-${Stage}"}],
    )
    assert len(of_stage) == 1


def test_every_way_an_execution_ends_badly_has_an_alarm() -> None:
    watched = {alarm["MetricName"] for alarm in ALARMS.values() if alarm["Namespace"] == "AWS/States"}
    app = (PROJECT / "app.py").read_text(encoding="utf-8")
    [closed] = re.findall(r'"status": (\[[^]]+\])', app)
    assert watched == {f"Executions{status.title().replace('_', '')}" for status in json.loads(closed)}


def test_every_alarm_is_in_the_operators_guide() -> None:
    guide = (PROJECT / "docs/operate.md").read_text(encoding="utf-8")
    for alarm in ALARMS.values():
        assert f"`{alarm['AlarmName']['Fn::Sub'].removeprefix('rider-photos-${Stage}-')}`" in guide


def test_what_the_audit_finds_is_counted_from_its_log_as_it_writes_it() -> None:
    filters = PARTS["AuditFindings"]["Properties"]
    assert filters["LogGroupName"] == {"Ref": "AuditLogGroup"}
    [message] = re.findall(r'"(.+)"', filters["FilterPattern"])
    source = (PROJECT / "chalicelib/audit.py").read_text(encoding="utf-8")
    [call] = re.findall(r"logger\.warning\((.+)\)\n", source)
    assert call.startswith(f'"{message}", extra=')
    [counted] = filters["MetricTransformations"]
    assert counted["MetricValue"] == "$.number"
    assert '"number": len(found)' in call
    alarm = ALARMS["AuditFoundAlarm"]
    assert (alarm["Namespace"], alarm["MetricName"]) == (counted["MetricNamespace"], counted["MetricName"])


def test_riders_sign_in_without_a_secret_in_the_page() -> None:
    client = PARTS["UserPoolClient"]["Properties"]
    assert client["GenerateSecret"] is False
    assert set(client["ExplicitAuthFlows"]) == {
        "ALLOW_USER_PASSWORD_AUTH",
        "ALLOW_USER_SRP_AUTH",
        "ALLOW_REFRESH_TOKEN_AUTH",
    }
    assert PARTS["UserPool"]["Properties"]["UsernameAttributes"] == ["email"]


def test_data_outlives_a_replacement_but_not_its_stage() -> None:
    for name, part in PARTS.items():
        if part["Type"] in DATA:
            assert (part["DeletionPolicy"], part["UpdateReplacePolicy"]) == ("Delete", "Retain"), name


def test_the_outputs_have_the_workshops_names_and_what_deploy_needs() -> None:
    outputs = TEMPLATE["Outputs"]
    for output, function in OUTPUTS_OF_THE_WORKSHOP.items():
        assert named_in(outputs[output]["Value"]) == function
    others = {
        "RiderPhotoS3Bucket",
        "ThumbnailS3Bucket",
        "RiderPhotoDDBTable",
        "DeadLetterQueueArn",
        "AdmissionQueueArn",
    }
    others |= {"UserPoolClientId", "StateMachineRoleArn", *ENVIRONMENT.values()}
    assert set(outputs) == {*OUTPUTS_OF_THE_WORKSHOP, *others, *map(role_output, FUNCTIONS)}
    for function in FUNCTIONS:
        role = {"Fn::GetAtt": [f"{logical_name(function)}Role", "Arn"]}
        assert outputs[role_output(function)]["Value"] == role


def test_cfn_lint_has_nothing_to_say(tmp_path: Path) -> None:
    sent = tmp_path / "sent.json"
    sent.write_text(template_body(PROJECT), encoding="utf-8")
    lint = [
        Path(sys.executable).with_name("cfn-lint"),
        "--regions",
        "us-east-1",
        "--",
        PROJECT / RESOURCES,
        sent,
    ]
    result = subprocess.run(lint, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, ""), result.stdout + result.stderr
