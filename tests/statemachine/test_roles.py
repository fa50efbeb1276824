"""What each role may do: the calls of its function, on what the stage owns, and nothing else."""

from __future__ import annotations

import re
from typing import Any

import pytest

from chalicelib.uploads_table import BY_STATUS_INDEX
from deploy.functions import (
    API_HANDLER,
    APP_NAME,
    FUNCTIONS,
    MAILING,
    START_PROCESSING,
    START_WAITING,
    TRIGGERED,
)
from deploy.template import DEFINITION
from tests.statemachine.template import (
    PARTS,
    PROJECT,
    ROLES,
    STATEMENTS,
    as_list,
    logical_name,
    named_in,
    policies_of,
)

# The only actions that may be granted on every resource: none of them knows a resource type.
ON_EVERYTHING = {
    "rekognition:DetectFaces",
    "ses:GetSuppressedDestination",
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
                r"\$\{(Photo|Thumbnail)Bucket\.Arn\}/(uploads/)?\*|\$\{UploadsTable\.Arn\}/index/byStatus|"
                r"arn:[^*]*:execution:RiderPhotoProcessing-\$\{Stage\}:\*|"
                r"arn:[^*]*\$\{(Stage|MailConfiguration)\}[^*]*|arn:[^*]*:identity/\*",
                text,
            )
        elif resource == {"Ref": "KmsKeyArn"}:
            assert list(statement["Condition"]["StringEquals"]) == ["kms:ViaService"], name
        else:
            assert resource["Fn::GetAtt"][1] == "Arn"


def test_a_mail_may_come_from_the_sender_alone_whoever_gets_it() -> None:
    sending = [statement for _, statement in STATEMENTS if statement["Action"] == "ses:SendEmail"]
    assert len(sending) == len(MAILING)
    for statement in sending:
        assert statement["Condition"] == {"StringEqualsIgnoreCase": {"ses:FromAddress": {"Ref": "Sender"}}}


@pytest.mark.parametrize(("name", "statement"), STATEMENTS)
def test_a_function_writes_to_its_own_log_alone(name: str, statement: dict[str, Any]) -> None:
    if "logs:PutLogEvents" in as_list(statement["Action"]):
        assert statement["Resource"] == {"Fn::GetAtt": [f"{name.removesuffix('Role')}LogGroup", "Arn"]}


def may(function: str, service: str) -> set[str]:
    """What a function's role grants of one service."""
    actions = {
        action
        for statement in policies_of(f"{logical_name(function)}Role")
        for action in as_list(statement["Action"])
    }
    return {action.partition(":")[2] for action in actions if action.startswith(f"{service}:")}


@pytest.mark.parametrize(
    ("function", "calls"),
    [
        ("api_handler", {"DeleteFaces"}),
        ("start_processing", set()),
        ("start_waiting", set()),
        ("detect_faces", {"DetectFaces"}),
        ("search_face", {"SearchFacesByImage"}),
        ("index_face", {"IndexFaces", "DeleteFaces"}),
        ("make_thumbnail", set()),
        ("confirm_face", {"SearchFaces", "ListFaces"}),
        ("persist_metadata", set()),
        ("retire_replaced", {"DeleteFaces"}),
        ("undo", {"SearchFacesByImage", "DeleteFaces"}),
        ("notify_rider", set()),
        ("close_execution", {"SearchFacesByImage", "DeleteFaces"}),
        ("audit", {"SearchFaces", "SearchFacesByImage", "ListFaces", "DeleteFaces"}),
    ],
)
def test_a_function_may_ask_rekognition_what_it_asks_and_nothing_else(function: str, calls: set[str]) -> None:
    assert may(function, "rekognition") == calls


def test_only_who_keeps_a_photo_undoes_or_erases_may_change_a_riders_item() -> None:
    writes = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")
    riders = {"Fn::GetAtt": ["RiderPhotoTable", "Arn"]}
    changing = {
        name
        for name, statement in STATEMENTS
        if riders in as_list(statement["Resource"])
        and any(action in as_list(statement["Action"]) for action in writes)
    }
    keeping = {"StateMachineRole", "PersistMetadataRole"}
    undoing = {"UndoRole", "CloseExecutionRole", "AuditRole"}
    assert changing == keeping | undoing | {"ApiHandlerRole"}


def test_only_who_starts_and_who_erases_reaches_executions() -> None:
    reached = {function: may(function, "states") for function in FUNCTIONS if may(function, "states")}
    assert reached == {
        "api_handler": {"StopExecution"},
        "start_processing": {"StartExecution"},
        "start_waiting": {"StartExecution"},
        "audit": {"StartExecution", "DescribeExecution", "StopExecution"},
    }


@pytest.mark.parametrize("service", ["s3", "dynamodb", "rekognition", "sqs", "ses", "cognito-idp"])
def test_closing_may_do_what_undo_and_notify_rider_may_and_the_audit_all_of_that(service: str) -> None:
    closing = may("undo", service) | may("notify_rider", service)
    assert may("close_execution", service) == closing
    assert closing <= may("audit", service)


@pytest.mark.parametrize("service", ["s3", "dynamodb", "rekognition", "states"])
def test_the_audit_may_erase_what_came_in_late_as_the_rider_may(service: str) -> None:
    # The rider's side also signs forms and addresses, by what it may itself.
    erasing = may("api_handler", service) - {"PutObject", "GetObject"}
    assert erasing <= may("audit", service)


def statements_with(function: str, action: str) -> list[Any]:
    """The resources on which a function's role grants an action."""
    return [
        resource
        for statement in policies_of(f"{logical_name(function)}Role")
        if action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    ]


def test_the_audit_reads_the_index_that_the_table_has() -> None:
    table = PARTS["UploadsTable"]["Properties"]
    [index] = table["GlobalSecondaryIndexes"]
    assert index["IndexName"] == BY_STATUS_INDEX
    assert index["KeySchema"] == [
        {"AttributeName": "status", "KeyType": "HASH"},
        {"AttributeName": "updatedAt", "KeyType": "RANGE"},
    ]
    assert index["Projection"] == {"ProjectionType": "ALL"}
    assert {"Fn::Sub": f"${{UploadsTable.Arn}}/index/{BY_STATUS_INDEX}"} in statements_with(
        "audit", "dynamodb:Query"
    )


@pytest.mark.parametrize("function", ["api_handler", "audit"])
def test_who_erases_reaches_every_version_in_both_buckets(function: str) -> None:
    buckets = [{"Fn::GetAtt": [name, "Arn"]} for name in ("PhotoBucket", "ThumbnailBucket")]
    assert statements_with(function, "s3:ListBucketVersions") == buckets
    objects = [{"Fn::Sub": f"${{{name}.Arn}}/*"} for name in ("PhotoBucket", "ThumbnailBucket")]
    for action in ("s3:DeleteObject", "s3:DeleteObjectVersion"):
        granted = statements_with(function, action)
        assert all(resource in granted for resource in objects), action


def test_whose_failures_go_to_the_queue_may_send_there() -> None:
    letters = {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
    sending = {function for function in FUNCTIONS if letters in statements_with(function, "sqs:SendMessage")}
    assert sending == {*TRIGGERED, "undo"}


def test_only_who_makes_uploads_wait_and_who_starts_them_reaches_the_admission_queue() -> None:
    queue = {"Fn::GetAtt": ["AdmissionQueue", "Arn"]}
    sending = {function for function in FUNCTIONS if queue in statements_with(function, "sqs:SendMessage")}
    taking = {function for function in FUNCTIONS if may(function, "sqs") - {"SendMessage"}}
    assert sending == {START_PROCESSING, START_WAITING}
    assert taking == {START_WAITING}
    assert statements_with(START_WAITING, "sqs:ReceiveMessage") == [queue]


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
        for statement in policies_of("StateMachineRole")
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
