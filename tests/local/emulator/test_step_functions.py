"""The parts of Step Functions' language that the state machine of the pipeline uses."""

import json

import pytest

from local.emulator.shims.sfn_retry import delay_of
from tests.local.emulator.machines import CAUGHT, ECHO, FAILING, end_of, invoking, output_of, start
from tests.local.emulator.support import make_function, unique


@pytest.mark.parametrize("style", ["lambda:invoke", "function ARN"])
def test_a_catch_on_a_custom_error_matches_and_the_cause_is_its_payload(client, style):
    function = make_function(client("lambda"), FAILING)
    task = (
        invoking(function)
        if style == "lambda:invoke"
        else {"Type": "Task", "Resource": function, "End": True}
    )
    task["Catch"] = [
        {"ErrorEquals": ["PhotoDoesNotMeetRequirementError"], "ResultPath": "$.errorInfo", "Next": "Caught"},
    ]
    output = output_of(client, {"Try": task, "Caught": CAUGHT}, {"userId": "user_a"})
    assert output["userId"] == "user_a"
    assert output["errorInfo"]["Error"] == "PhotoDoesNotMeetRequirementError"
    assert json.loads(output["errorInfo"]["Cause"])["errorMessage"] == "Detected 2 faces in the photo."


def test_a_function_arn_as_resource_gives_the_bare_result(client):
    function = make_function(client("lambda"), ECHO)
    task = {"Type": "Task", "Resource": function, "ResultPath": "$.faces", "End": True}
    assert output_of(client, {"Echo": task}, {"n": 1}) == {"n": 1, "faces": {"n": 1}}


def test_the_context_object_reaches_nested_parameters_and_the_result_selector_picks(client):
    function = make_function(client("lambda"), ECHO)
    task = invoking(
        function,
        Parameters={
            "FunctionName": function,
            "Payload": {
                "execution.$": "$$.Execution.Name",
                "arn.$": "$$.Execution.Id",
                "state.$": "$$.State.Name",
                "retries.$": "$$.State.RetryCount",
                "machine.$": "$$.StateMachine.Name",
                "input.$": "$",
                "list": [{"deep.$": "$$.State.Name"}],
                "key.$": "States.Format('{}/{}', $.a, $$.State.Name)",
            },
        },
        ResultSelector={"payload.$": "$.Payload"},
        ResultPath="$.result",
    )
    execution = start(client, {"Look": task}, {"a": 1})
    described = end_of(client, execution)
    payload = json.loads(described["output"])["result"]["payload"]
    assert payload == {
        "execution": described["name"],
        "arn": execution,
        "state": "Look",
        "retries": 0,
        "machine": described["stateMachineArn"].rpartition(":")[2],
        "input": {"a": 1},
        "list": [{"deep": "Look"}],
        "key": "1/Look",
    }


def test_a_branch_sees_its_own_state_name_also_when_it_is_retried(client):
    source = (
        "def handle(event, context):\n"
        "    if event['retries'] == 0: raise ValueError('the first time')\n"
        "    return event"
    )
    function = make_function(client("lambda"), source)
    fragile = invoking(
        function,
        Parameters={
            "FunctionName": function,
            "Payload": {"name.$": "$$.State.Name", "retries.$": "$$.State.RetryCount"},
        },
        OutputPath="$.Payload",
        Retry=[{"ErrorEquals": ["ValueError"], "IntervalSeconds": 1, "MaxAttempts": 1}],
    )
    other = {"Type": "Pass", "Parameters": {"name.$": "$$.State.Name"}, "End": True}
    branches = [
        {"StartAt": "Fragile", "States": {"Fragile": fragile}},
        {"StartAt": "Other", "States": {"Other": other}},
    ]
    parallel = {"Type": "Parallel", "Branches": branches, "End": True}
    assert output_of(client, {"All": parallel}) == [{"name": "Fragile", "retries": 1}, {"name": "Other"}]


def test_a_failing_branch_is_caught_by_the_parallel_state(client):
    function = make_function(client("lambda"), FAILING)
    parallel = {
        "Type": "Parallel",
        "Branches": [
            {"StartAt": "Fine", "States": {"Fine": {"Type": "Pass", "End": True}}},
            {"StartAt": "Bad", "States": {"Bad": invoking(function)}},
        ],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.errorInfo", "Next": "Caught"}],
        "End": True,
    }
    output = output_of(client, {"All": parallel, "Caught": CAUGHT}, {"a": 1})
    assert output["a"] == 1
    assert output["errorInfo"]["Error"] == "PhotoDoesNotMeetRequirementError"


def test_a_retry_happens_as_often_as_asked_and_waits_no_longer_than_the_greatest_delay(client):
    function = make_function(client("lambda"), FAILING)
    task = invoking(
        function,
        Retry=[
            {
                "ErrorEquals": ["PhotoDoesNotMeetRequirementError"],
                "IntervalSeconds": 1,
                "BackoffRate": 3600,
                "MaxDelaySeconds": 1,
                "JitterStrategy": "FULL",
                "MaxAttempts": 2,
            }
        ],
    )
    # By the backoff alone the second retry would come within an hour.
    execution = start(client, {"Try": task})
    assert end_of(client, execution)["status"] == "FAILED"
    history = client("stepfunctions").get_execution_history(executionArn=execution)["events"]
    assert [event["type"] for event in history].count("TaskFailed") == 3


def test_a_task_that_exceeds_its_timeout_is_a_states_timeout(client):
    function = make_function(client("lambda"), "import time\ndef handle(event, context): time.sleep(2)")
    catch = [{"ErrorEquals": ["States.Timeout"], "Next": "Caught"}]
    task = invoking(function, TimeoutSeconds=1, Catch=catch)
    assert output_of(client, {"Slow": task, "Caught": CAUGHT})["Error"] == "States.Timeout"


def test_put_item_with_a_condition_that_fails_is_its_own_error(client):
    table = unique("table")
    client("dynamodb").create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "Username", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Username", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:putItem",
        "Parameters": {
            "TableName": table,
            "Item": {"Username": {"S.$": "$.userId"}, "uploadId": {"S.$": "$.uploadId"}},
            "ConditionExpression": "attribute_not_exists(Username) OR uploadId < :mine",
            "ExpressionAttributeValues": {":mine": {"S.$": "$.uploadId"}},
        },
        "ResultPath": None,
        "Catch": [
            {
                "ErrorEquals": ["DynamoDB.ConditionalCheckFailedException"],
                "ResultPath": "$.errorInfo",
                "Next": "Caught",
            }
        ],
        "End": True,
    }
    states = {"Put": task, "Caught": CAUGHT}
    newer, older = {"userId": "a", "uploadId": "2"}, {"userId": "a", "uploadId": "1"}
    assert output_of(client, states, newer) == newer
    assert (
        output_of(client, states, older)["errorInfo"]["Error"] == "DynamoDB.ConditionalCheckFailedException"
    )
    stored = client("dynamodb").get_item(TableName=table, Key={"Username": {"S": "a"}})["Item"]
    assert stored["uploadId"] == {"S": "2"}


@pytest.mark.parametrize(
    ("retrier", "attempt", "seconds"),
    [
        ({}, 0, 1.0),
        ({}, 2, 4.0),
        ({"IntervalSeconds": 2, "BackoffRate": 3}, 1, 6.0),
        ({"IntervalSeconds": 2, "BackoffRate": 3, "MaxDelaySeconds": 5}, 1, 5.0),
        ({"IntervalSeconds": 2, "MaxDelaySeconds": 5}, 0, 2.0),
    ],
)
def test_delay_of_a_retry(retrier, attempt, seconds):
    assert delay_of(retrier, attempt) == seconds


def test_full_jitter_stays_between_nothing_and_the_delay():
    delays = [delay_of({"IntervalSeconds": 4, "JitterStrategy": "FULL"}, 1) for _ in range(200)]
    assert 0 <= min(delays) < 4 < max(delays) <= 8
