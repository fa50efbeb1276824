"""What an execution promises: an idempotent start, an end in time that stays, and an event that tells."""

import json
import time

import pytest

from tests.local.emulator.machines import FAILING, end_of, invoking, make_machine, start
from tests.local.emulator.support import eventually, make_function, unique

WAITING = """
import pathlib, time

def handle(event, context):
    while not pathlib.Path({path!r}).exists():
        time.sleep(0.05)
"""


def test_starting_a_running_execution_again_gives_the_same_one(client):
    states = {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}
    machine = make_machine(client, {"StartAt": "Wait", "States": states})
    call = {"stateMachineArn": machine, "name": "once", "input": '{"a": 1}'}
    first = client("stepfunctions").start_execution(**call)
    assert client("stepfunctions").start_execution(**call)["executionArn"] == first["executionArn"]
    exists = client("stepfunctions").exceptions.ExecutionAlreadyExists
    with pytest.raises(exists):
        client("stepfunctions").start_execution(**{**call, "input": '{"a": 2}'})
    client("stepfunctions").stop_execution(executionArn=first["executionArn"])
    assert end_of(client, first["executionArn"])["status"] == "ABORTED"
    with pytest.raises(exists):
        client("stepfunctions").start_execution(**call)


def test_an_execution_ends_when_its_own_time_is_up(client):
    states = {"Wait": {"Type": "Wait", "Seconds": 600, "Next": "Fine"}, "Fine": {"Type": "Succeed"}}
    execution = start(client, states, TimeoutSeconds=1)
    assert end_of(client, execution)["status"] == "TIMED_OUT"


def test_a_stopped_execution_starts_no_further_task_and_stays_aborted(client, tmp_path):
    stopped = tmp_path / "stopped"
    slow = make_function(client("lambda"), WAITING.format(path=str(stopped)), Timeout=60)
    table = make_function(client("lambda"), FAILING)
    branch = {
        "StartAt": "Slow",
        "States": {"Slow": invoking(slow, End=False, Next="Fail"), "Fail": invoking(table)},
    }
    branch["States"]["Slow"].pop("End")
    execution = start(client, {"All": {"Type": "Parallel", "Branches": [branch], "End": True}})

    def scheduled() -> list[str]:
        events = client("stepfunctions").get_execution_history(executionArn=execution)["events"]
        return [event["type"] for event in events if event["type"].startswith("Task")]

    eventually(lambda: "TaskScheduled" in scheduled())
    client("stepfunctions").stop_execution(executionArn=execution)
    stopped.touch()
    eventually(lambda: "TaskSucceeded" in scheduled())
    time.sleep(0.3)  # nothing is what should happen now
    assert scheduled() == ["TaskStateEntered", "TaskScheduled", "TaskSucceeded"]
    assert client("stepfunctions").describe_execution(executionArn=execution)["status"] == "ABORTED"


def test_a_stopped_execution_retries_nothing(client):
    retried = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 3, "MaxAttempts": 9, "BackoffRate": 1.0}
    failing = make_function(client("lambda"), FAILING)
    execution = start(client, {"Fail": invoking(failing, Retry=[retried])})

    def tasks() -> list[str]:
        events = client("stepfunctions").get_execution_history(executionArn=execution)["events"]
        return [event["type"] for event in events if event["type"].startswith("Task")]

    eventually(lambda: "TaskFailed" in tasks())
    client("stepfunctions").stop_execution(executionArn=execution)
    before = tasks()
    time.sleep(3.5)  # nothing is what should happen now
    assert tasks() == before


def test_the_end_of_an_execution_is_an_event(client):
    rule, queue = unique("rule"), client("sqs").create_queue(QueueName=unique("ends"))["QueueUrl"]
    arn = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    machine = make_machine(client, {"StartAt": "Bad", "States": {"Bad": {"Type": "Fail"}}})
    pattern = {
        "source": ["aws.states"],
        "detail": {"status": ["FAILED", "TIMED_OUT", "ABORTED"], "stateMachineArn": [machine]},
    }
    client("events").put_rule(Name=rule, EventPattern=json.dumps(pattern))
    client("events").put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": arn}])
    started = client("stepfunctions").start_execution(stateMachineArn=machine)
    (message,) = eventually(lambda: client("sqs").receive_message(QueueUrl=queue).get("Messages"))
    detail = json.loads(message["Body"])["detail"]
    assert (detail["status"], detail["executionArn"]) == ("FAILED", started["executionArn"])
