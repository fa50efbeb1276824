"""What the template says about safety, and that it, the app and the state machine name the same things."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy

from chalicelib.retention import TAG, Kept
from chalicelib.settings import Settings
from deploy.functions import ENVIRONMENT, EVENT_HANDLERS, FUNCTIONS, Names, role_output
from deploy.record import RECORD_KEY
from deploy.template import (
    DATA,
    DEFINITION,
    OPERATIONS,
    RESOURCES,
    load_resources,
    operations_body,
    template_body,
)
from tests.statemachine.template import PARTS, PROJECT, TEMPLATE, logical_name, named_in, of_type

ACCOUNT = "123456789012"
HOLDS_DATA = {
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
    [rule] = rules
    own = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Ref": "KmsKeyArn"}}
    assert rule["ServerSideEncryptionByDefault"] == {"Fn::If": ["HasKey", own, {"SSEAlgorithm": "AES256"}]}
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    policy = PARTS[f"{name}Policy"]["Properties"]
    assert policy["Bucket"] == {"Ref": name}
    plain_http, others, readers = policy["PolicyDocument"]["Statement"]
    for statement in (plain_http, others):
        assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
        assert statement["Resource"] == [{"Fn::GetAtt": [name, "Arn"]}, {"Fn::Sub": f"${{{name}.Arn}}/*"}]
    assert plain_http["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert (readers["Effect"], readers["Principal"]) == ("Deny", "*")
    assert readers["Action"] == ["s3:GetObject", "s3:GetObjectVersion"]


GUARDED = ("PhotoBucketPolicy", "ThumbnailBucketPolicy", "DeadLetterQueuePolicy", "AdmissionQueuePolicy")


@pytest.mark.parametrize("name", GUARDED)
@pytest.mark.parametrize(
    ("account", "by_service", "secure", "refused"),
    [
        (ACCOUNT, "false", True, False),  # functions, operators, whoever uses what they signed, Rekognition
        (ACCOUNT, "false", False, True),
        ("210987654321", "false", True, True),
        ("anonymous", None, True, True),  # nobody: IAM knows no service there
        ("", "true", True, False),  # a service for itself, which needs an Allow all the same
    ],
)
def test_only_this_account_and_services_come_past_a_policy(
    name: str, account: str, by_service: str | None, secure: bool, refused: bool
) -> None:
    caller = {"secure_transport": secure, "service_context": {"aws:principalisawsservice": by_service}}
    assert is_refused(name, FUNCTION, account=account, **caller) == refused


FUNCTION = f"arn:aws:iam::{ACCOUNT}:role/rider-photos-test-DetectFacesRole-0A1B2C3D"
READERS = f"arn:aws:iam::{ACCOUNT}:role/ops/appeals,arn:aws:iam::{ACCOUNT}:user/anna"
BUCKET = "arn:aws:s3:::bucket"


def is_refused(
    policy: str,
    principal: str,
    key: str = "uploads/anna/a.jpg",
    readers: str = "",
    action: str = "s3:GetObject",
    account: str = ACCOUNT,
    **caller: Any,
) -> bool:
    """Whether a policy of the template denies a call; AssertionError if it allows it."""
    known = {
        "AWS::Partition": "aws",
        "AWS::AccountId": ACCOUNT,
        "Stage": "test",
        "PhotoReaders": readers,
        "PhotoBucket.Arn": BUCKET,
        "ThumbnailBucket.Arn": BUCKET,
        "DeadLetterQueue.Arn": "arn:aws:sqs:us-east-1:123456789012:queue",
        "AdmissionQueue.Arn": "arn:aws:sqs:us-east-1:123456789012:queue",
    }

    def made(value: Any) -> Any:
        match value:
            case {"Ref": name}:
                return known[name]
            case {"Fn::GetAtt": path}:
                return known[".".join(path)]
            case {"Fn::Sub": text}:
                return re.sub(r"\$\{([\w:.]+)\}", lambda found: known[found[1]], text)
            case {"Fn::Split": [separator, text]}:
                return made(text).split(separator)
            case {"Fn::If": ["HasPhotoReaders", given, otherwise]}:
                return made(given if readers else otherwise)
            case dict():
                return {name: made(one) for name, one in value.items()}
            case list():
                return [made(one) for one in value]
        return value

    document = PARTS[policy]["Properties"]["PolicyDocument"]
    denying = [made(one) for one in document["Statement"] if one["Effect"] == "Deny"]
    bucket = "Bucket" in policy
    context = EvalContext(
        principal_arn=principal,
        principal_type="Role",
        principal_account=account,
        action=action if bucket else "sqs:SendMessage",
        resource_arn=f"{BUCKET}/{key}" if bucket else known["DeadLetterQueue.Arn"],
        region="us-east-1",
        **{"secure_transport": True, **caller},
    )
    decision = evaluate_resource_policy({"Statement": denying}, context).decision
    assert decision in ("Deny", "ImplicitDeny")
    return bool(decision == "Deny")


READ_ONLY = f"arn:aws:iam::{ACCOUNT}:role/ReadOnly"


@pytest.mark.parametrize("name", ["PhotoBucketPolicy", "ThumbnailBucketPolicy"])
@pytest.mark.parametrize("action", ["s3:GetObject", "s3:GetObjectVersion"])
@pytest.mark.parametrize("key", ["uploads/anna/a.jpg", "workshop.jpg"])
@pytest.mark.parametrize(
    ("principal", "readers", "refused"),
    [
        (FUNCTION, "", False),
        (FUNCTION, READERS, False),
        (READ_ONLY, "", True),
        (READ_ONLY, READERS, True),
        (f"arn:aws:iam::{ACCOUNT}:root", READERS, True),
        (f"arn:aws:iam::{ACCOUNT}:role/rider-photos-testing-DetectFacesRole-0A1B2C3D", "", True),
        (f"arn:aws:iam::{ACCOUNT}:role/ops/appeals", "", True),
        (f"arn:aws:iam::{ACCOUNT}:role/ops/appeals", READERS, False),
        (f"arn:aws:iam::{ACCOUNT}:user/anna", READERS, False),
    ],
)
def test_photos_are_read_by_the_functions_and_who_is_named(
    name: str, action: str, key: str, principal: str, readers: str, refused: bool
) -> None:
    assert is_refused(name, principal, key, readers, action) == refused


def test_a_service_that_reads_photos_in_somebodys_name_is_refused_as_they_are() -> None:
    through = {"aws:viaawsservice": "true", "aws:principalisawsservice": "false"}
    assert is_refused("PhotoBucketPolicy", READ_ONLY, service_context=through)
    assert not is_refused("PhotoBucketPolicy", FUNCTION, service_context=through)


def test_who_reads_no_photo_is_let_do_the_rest() -> None:
    deployer = f"arn:aws:iam::{ACCOUNT}:role/deploy-rider-photos"
    assert not is_refused("PhotoBucketPolicy", deployer, RECORD_KEY)
    assert is_refused("ThumbnailBucketPolicy", deployer, RECORD_KEY)
    for action in ("s3:ListBucketVersions", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObject"):
        assert not is_refused("PhotoBucketPolicy", deployer, action=action)


@pytest.mark.parametrize("name", GUARDED)
def test_a_bucket_lets_nobody_in_by_its_policy_and_a_queue_only_events(name: str) -> None:
    statements = PARTS[name]["Properties"]["PolicyDocument"]["Statement"]
    allowed = [statement["Principal"] for statement in statements if statement["Effect"] == "Allow"]
    assert allowed == ([{"Service": "events.amazonaws.com"}] if name == "DeadLetterQueuePolicy" else [])


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
def test_a_table_is_encrypted_and_recoverable(name: str, keys: dict[str, str]) -> None:
    table = PARTS[name]["Properties"]
    assert {key["AttributeName"]: key["KeyType"] for key in table["KeySchema"]} == keys
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    own = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": {"Ref": "KmsKeyArn"}}
    assert table["SSESpecification"] == {"Fn::If": ["HasKey", own, {"SSEEnabled": True}]}
    assert table["DeletionProtectionEnabled"] == {"Fn::If": ["IsProduction", True, False]}
    recovery = table["PointInTimeRecoverySpecification"]
    assert recovery == {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 35}


def test_uploads_are_forgotten_and_riders_photos_are_not_by_themselves() -> None:
    forgets = {name: part["Properties"].get("TimeToLiveSpecification") for name, part in PARTS.items()}
    assert {name: how for name, how in forgets.items() if how} == {
        "UploadsTable": {"AttributeName": "expiresAt", "Enabled": True}
    }


def test_the_dead_letter_queue_takes_messages_of_the_rules_that_must_lose_nothing() -> None:
    queue = PARTS["DeadLetterQueue"]["Properties"]
    assert queue["SqsManagedSseEnabled"] == {"Fn::If": ["HasKey", {"Ref": "AWS::NoValue"}, True]}
    assert queue["KmsMasterKeyId"] == {"Fn::If": ["HasKey", {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}]}
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
    allowed, denied, others = PARTS["DeadLetterQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert allowed["Principal"] == {"Service": "events.amazonaws.com"}
    sources = [source["Fn::Sub"] for source in allowed["Condition"]["ArnEquals"]["aws:SourceArn"]]
    rules = [source.partition(":rule/")[2] for source in sources]
    assert rules == [Names("${Stage}").rule(name) for name in EVENT_HANDLERS]
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert (others["Effect"], others["Principal"], others["Action"]) == ("Deny", "*", "sqs:*")


def test_the_state_machine_logs_errors_without_data_and_is_traced() -> None:
    machine = PARTS["StateMachine"]["Properties"]
    assert machine["StateMachineType"] == "STANDARD"
    assert machine["TracingConfiguration"] == {"Enabled": True}
    logging = machine["LoggingConfiguration"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ERROR", False)


@pytest.mark.parametrize("file", [RESOURCES, OPERATIONS])
def test_a_log_group_forgets_and_takes_the_key(file: Path) -> None:
    groups = [
        part["Properties"]
        for part in load_resources(PROJECT, file)["Resources"].values()
        if part["Type"] == "AWS::Logs::LogGroup"
    ]
    assert len(groups) == (len(FUNCTIONS) + 1 if file is RESOURCES else 0)
    for group in groups:
        assert group["RetentionInDays"] == 30
        assert group["KmsKeyId"] == {"Fn::If": ["HasKey", {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}]}


def test_an_original_goes_by_its_tag_alone() -> None:
    rules = PARTS["PhotoBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    expiring = {rule["TagFilters"][0]["Value"]: rule for rule in rules if "ExpirationInDays" in rule}
    # For every value the app sets there is a rule, but for the live photo's.
    assert set(expiring) == set(Kept) - {Kept.LIVE}
    for rule in expiring.values():
        assert rule["TagFilters"][0]["Key"] == TAG
        assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
    assert expiring[Kept.ENDED]["ExpirationInDays"] == {"Ref": "EndedPhotoDays"}
    assert TEMPLATE["Parameters"]["EndedPhotoDays"]["Default"] == 1
    appealed = expiring[Kept.APPEALED]["ExpirationInDays"]
    assert appealed == next(field.default for field in fields(Settings) if field.name == "upload_days")
    [other] = [rule for rule in rules if "ExpirationInDays" not in rule]
    assert other["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert other["ExpiredObjectDeleteMarker"] is True


def test_data_of_a_production_stage_outlives_its_stack_but_not_a_failed_creation() -> None:
    parts = json.loads(template_body(PROJECT, DATA))["Resources"]
    kept = {name for name, part in parts.items() if part.get("DeletionPolicy") == "RetainExceptOnCreate"}
    assert kept == set(DATA)
    of_riders = HOLDS_DATA - {"AWS::SQS::Queue", "AWS::Logs::LogGroup"}
    assert {name for name, part in PARTS.items() if part["Type"] in of_riders} <= kept
    pool = PARTS["UserPool"]["Properties"]
    assert pool["DeletionProtection"] == {"Fn::If": ["IsProduction", "ACTIVE", "INACTIVE"]}


def test_down_finds_the_data_of_a_stage_by_the_names_of_the_template() -> None:
    names = Names("${Stage}")
    tables = [
        PARTS[name]["Properties"]["TableName"]["Fn::Sub"] for name in ("RiderPhotoTable", "UploadsTable")
    ]
    assert names.tables == tuple(tables)
    assert PARTS["Collection"]["Properties"]["CollectionId"] == {"Fn::Sub": names.collection}
    assert PARTS["UserPool"]["Properties"]["UserPoolName"] == {"Fn::Sub": names.user_pool}


def test_the_pools_mails_go_by_ses_once_there_is_an_identity() -> None:
    condition, by_ses, otherwise = PARTS["UserPool"]["Properties"]["EmailConfiguration"]["Fn::If"]
    assert condition == "PoolMailsBySes"
    assert by_ses["EmailSendingAccount"] == "DEVELOPER"
    assert by_ses["SourceArn"]["Fn::Sub"].endswith(":identity/${PoolMailIdentity}")
    assert otherwise == {"EmailSendingAccount": "COGNITO_DEFAULT"}


def test_bounces_and_complaints_are_suppressed_and_counted() -> None:
    mail = PARTS["MailConfiguration"]["Properties"]
    assert mail["SuppressionOptions"] == {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]}
    assert mail["ReputationOptions"] == {"ReputationMetricsEnabled": True}
    destination = PARTS["MailEvents"]["Properties"]["EventDestination"]
    assert {"bounce", "complaint"} <= set(destination["MatchingEventTypes"])


def test_what_grants_the_key_is_there_with_a_key_alone() -> None:
    assert {part["Condition"] for part in PARTS.values() if part["Type"] == "AWS::IAM::Policy"} == {"HasKey"}


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
        if part["Type"] in HOLDS_DATA:
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
    sent = [tmp_path / f"{name}.json" for name in ("dev", "prod", "operations")]
    bodies = (template_body(PROJECT), template_body(PROJECT, DATA), operations_body(PROJECT))
    for path, body in zip(sent, bodies, strict=True):
        path.write_text(body, encoding="utf-8")
    lint = [
        Path(sys.executable).with_name("cfn-lint"),
        "--regions",
        "us-east-1",
        "--",
        PROJECT / RESOURCES,
        PROJECT / OPERATIONS,
        *sent,
    ]
    result = subprocess.run(lint, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, ""), result.stdout + result.stderr
