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

from deploy.functions import API_HANDLER, APP_NAME, ENVIRONMENT, FUNCTIONS, role_output
from deploy.template import DEFINITION, RESOURCES, load_resources, template_body

PROJECT = Path(__file__).parents[2]
TEMPLATE = load_resources(PROJECT)
PARTS: dict[str, Any] = TEMPLATE["Resources"]
DATA = {
    "AWS::S3::Bucket",
    "AWS::DynamoDB::Table",
    "AWS::Rekognition::Collection",
    "AWS::SQS::Queue",
    "AWS::Cognito::UserPool",
    "AWS::Logs::LogGroup",
}

# The only actions that may be granted on every resource: none of them knows a resource type.
ON_EVERYTHING = {
    "rekognition:DetectFaces",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
}
OUTPUTS_OF_THE_WORKSHOP = {
    "FaceDetectionFunctionArn": "detect_faces",
    "FaceSearchFunctionArn": "search_face",
    "IndexFaceFunctionArn": "index_face",
    "ThumbnailFunctionArn": "make_thumbnail",
    "PersistMetadataFunctionArn": "persist_metadata",
    "NotificationPlaceholderFunctionArn": "notify_rider",
}


def of_type(kind: str) -> dict[str, Any]:
    return {name: part["Properties"] for name, part in PARTS.items() if part["Type"] == kind}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def policies_of(role: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every statement of a role, those of the managed policies it has included."""
    for policy in role.get("Policies", []):
        yield from policy["PolicyDocument"]["Statement"]
    for managed in role.get("ManagedPolicyArns", []):
        yield from PARTS[managed["Ref"]]["Properties"]["PolicyDocument"]["Statement"]


def logical_name(function: str) -> str:
    return role_output(function).removesuffix("RoleArn")


def named_in(function_arn: dict[str, str]) -> str:
    """The function behind a foretold ARN."""
    found = re.fullmatch(
        rf"arn:\$\{{AWS::Partition\}}:lambda:\$\{{AWS::Region\}}:\$\{{AWS::AccountId\}}:function:"
        rf"{APP_NAME}-\$\{{Stage\}}-(\w+)",
        function_arn["Fn::Sub"],
    )
    assert found, function_arn
    return found[1]


ROLES = of_type("AWS::IAM::Role")
STATEMENTS = [(name, statement) for name, role in ROLES.items() for statement in policies_of(role)]


def test_every_function_has_a_role_and_a_log_group_of_its_own() -> None:
    assert set(ROLES) == {f"{logical_name(name)}Role" for name in FUNCTIONS} | {"StateMachineRole"}
    for function in FUNCTIONS:
        name = logical_name(function)
        assumed = ROLES[f"{name}Role"]["AssumeRolePolicyDocument"]["Statement"]
        assert [entry["Principal"] for entry in assumed] == [{"Service": "lambda.amazonaws.com"}]
        suffix = "" if function == API_HANDLER else f"-{function}"
        group = PARTS[f"{name}LogGroup"]["Properties"]
        assert group["LogGroupName"] == {"Fn::Sub": f"/aws/lambda/{APP_NAME}-${{Stage}}{suffix}"}
        assert group["RetentionInDays"] == 30


@pytest.mark.parametrize(("name", "statement"), STATEMENTS)
def test_a_statement_grants_single_actions_on_named_resources(name: str, statement: dict[str, Any]) -> None:
    assert statement["Effect"] == "Allow"
    actions = set(as_list(statement["Action"]))
    assert not any("*" in action for action in actions), name
    for resource in as_list(statement["Resource"]):
        if resource == "*":
            assert actions <= ON_EVERYTHING, name
        elif "Fn::Sub" in resource:
            text = resource["Fn::Sub"] if isinstance(resource["Fn::Sub"], str) else resource["Fn::Sub"][0]
            assert re.fullmatch(
                r"\$\{(Photo|Thumbnail)Bucket\.Arn\}/(uploads/)?\*|arn:[^*]*\$\{(Stage|Sender|Domain)\}[^*]*",
                text,
            )
        else:
            assert resource["Fn::GetAtt"][1] == "Arn"


@pytest.mark.parametrize(("name", "statement"), STATEMENTS)
def test_a_function_writes_to_its_own_log_alone(name: str, statement: dict[str, Any]) -> None:
    if "logs:PutLogEvents" in as_list(statement["Action"]):
        assert statement["Resource"] == {"Fn::GetAtt": [f"{name.removesuffix('Role')}LogGroup", "Arn"]}


def test_only_the_steps_that_look_at_faces_may_ask_rekognition() -> None:
    asking = {
        name.removesuffix("Role")
        for name, statement in STATEMENTS
        if any(action.startswith("rekognition:") for action in as_list(statement["Action"]))
    }
    assert asking == {"DetectFaces", "SearchFace", "IndexFace", "RetireReplaced", "Undo"}


def test_the_state_machine_may_invoke_the_functions_it_names_and_no_other() -> None:
    definition = (PROJECT / DEFINITION).read_text(encoding="utf-8")
    used = set(re.findall(r"\$\{(\w+)\}", definition))
    substitutions = PARTS["StateMachine"]["Properties"]["DefinitionSubstitutions"]
    assert set(substitutions) == used
    functions = {name: value for name, value in substitutions.items() if name.endswith("FunctionArn")}
    for name, arn in functions.items():
        assert logical_name(named_in(arn)) == name.removesuffix("FunctionArn")
    [invoked] = [
        statement["Resource"]
        for statement in policies_of(ROLES["StateMachineRole"])
        if statement["Action"] == "lambda:InvokeFunction"
    ]
    assert sorted(map(named_in, invoked)) == sorted(map(named_in, functions.values()))
    assert {named_in(arn) for arn in invoked} <= set(FUNCTIONS)


def test_the_role_of_the_state_machine_is_for_this_state_machine_alone() -> None:
    [statement] = ROLES["StateMachineRole"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "states.amazonaws.com"}
    source = statement["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"]
    assert source.endswith(":stateMachine:RiderPhotoProcessing-${Stage}")
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


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


def test_the_dead_letter_queue_takes_messages_of_the_rule_alone() -> None:
    queue = PARTS["DeadLetterQueue"]["Properties"]
    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
    allowed, denied = PARTS["DeadLetterQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert allowed["Principal"] == {"Service": "events.amazonaws.com"}
    source = allowed["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::Sub"]
    assert source.endswith(":rule/rider-photos-${Stage}-start_processing-event")
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_the_state_machine_logs_errors_without_data_and_is_traced() -> None:
    machine = PARTS["StateMachine"]["Properties"]
    assert machine["StateMachineType"] == "STANDARD"
    assert machine["TracingConfiguration"] == {"Enabled": True}
    logging = machine["LoggingConfiguration"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ERROR", False)


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
    others = {"RiderPhotoS3Bucket", "ThumbnailS3Bucket", "RiderPhotoDDBTable", "DeadLetterQueueArn"}
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
