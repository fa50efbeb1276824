from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from botocore.stub import Stubber

from deploy.errors import DeployError
from deploy.wiring import (
    Patience,
    let_messages_return,
    remove_mappings_of_queue,
    set_dead_letters_of_rule,
    set_on_failure_destination,
    set_page_url,
    set_queue_of_function,
)

QUEUE = "arn:aws:sqs:us-east-1:000000000000:rider-photos-dev-dead-letters"
SOMEWHERE = {"region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:rider-photos-dev-start_processing"
RULE = "rider-photos-dev-start_processing-event"
TARGET = {"Id": "1", "Arn": FUNCTION}
WIRED = TARGET | {
    "DeadLetterConfig": {"Arn": QUEUE},
    "RetryPolicy": {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86_400},
}


@pytest.fixture
def events() -> Stubber:
    return Stubber(boto3.client("events", **SOMEWHERE))


def test_the_rules_own_target_gets_the_queue(events: Stubber) -> None:
    events.add_response("list_targets_by_rule", {"Targets": [TARGET]}, {"Rule": RULE})
    events.add_response(
        "put_targets", {"FailedEntryCount": 0, "FailedEntries": []}, {"Rule": RULE, "Targets": [WIRED]}
    )
    with events:
        set_dead_letters_of_rule(events.client, RULE, QUEUE)
    events.assert_no_pending_responses()


def test_a_rule_without_a_target_is_an_error(events: Stubber) -> None:
    events.add_response("list_targets_by_rule", {})
    with events, pytest.raises(DeployError, match="its events would be lost"):
        set_dead_letters_of_rule(events.client, RULE, QUEUE)


def test_a_target_that_is_refused_is_an_error(events: Stubber) -> None:
    events.add_response("list_targets_by_rule", {"Targets": [TARGET]})
    failed = {"TargetId": "1", "ErrorCode": "ConcurrentModificationException", "ErrorMessage": "again"}
    events.add_response("put_targets", {"FailedEntryCount": 1, "FailedEntries": [failed]})
    with events, pytest.raises(DeployError, match="ConcurrentModificationException"):
        set_dead_letters_of_rule(events.client, RULE, QUEUE)


WAITING = "rider-photos-dev-start_waiting"
UUID = "00000000-0000-0000-0000-000000000001"
WANTED = {
    "BatchSize": 10,
    "ScalingConfig": {"MaximumConcurrency": 2},
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
}
AT_ONCE = Patience(3, 0)


@pytest.fixture
def lambda_() -> Iterator[Stubber]:
    with Stubber(boto3.client("lambda", **SOMEWHERE)) as stubber:
        yield stubber
    stubber.assert_no_pending_responses()


def found(lambda_: Stubber, *states: str, **other: object) -> None:
    """Lambda tells of the queue's mappings in these states."""
    mappings = [{"UUID": UUID, "State": state, **WANTED, **other} for state in states]
    asked = {"EventSourceArn": QUEUE}
    lambda_.add_response("list_event_source_mappings", {"EventSourceMappings": mappings}, asked)


def created(lambda_: Stubber) -> None:
    made = {"FunctionName": WAITING, "EventSourceArn": QUEUE, **WANTED}
    lambda_.add_response("create_event_source_mapping", {"UUID": UUID}, made)


def updated(lambda_: Stubber) -> None:
    changed = {"UUID": UUID, "FunctionName": WAITING, "Enabled": True, **WANTED}
    lambda_.add_response("update_event_source_mapping", {"UUID": UUID}, changed)


def set_queue(lambda_: Stubber) -> None:
    set_queue_of_function(lambda_.client, WAITING, QUEUE, 4, AT_ONCE)


def test_a_queue_gets_its_function_and_is_waited_for(lambda_: Stubber) -> None:
    found(lambda_)
    created(lambda_)
    found(lambda_, "Creating")
    found(lambda_, "Enabled")
    set_queue(lambda_)


def test_what_is_as_it_should_be_is_left_alone(lambda_: Stubber) -> None:
    found(lambda_, "Enabled")
    set_queue(lambda_)


@pytest.mark.parametrize(
    ("state", "other"),
    [
        ("Disabled", {}),
        ("Enabled", {"BatchSize": 1}),
        ("Enabled", {"ScalingConfig": {"MaximumConcurrency": 5}}),
        ("Enabled", {"FunctionResponseTypes": []}),
    ],
)
def test_what_is_off_or_otherwise_is_brought_up_to_date(
    lambda_: Stubber, state: str, other: dict[str, object]
) -> None:
    found(lambda_, state, **other)
    updated(lambda_)
    found(lambda_, "Enabling")
    found(lambda_, "Enabled")
    set_queue(lambda_)


def test_one_that_is_being_deleted_is_waited_for_and_made_anew(lambda_: Stubber) -> None:
    found(lambda_, "Deleting")
    found(lambda_)
    created(lambda_)
    found(lambda_, "Enabled")
    set_queue(lambda_)


@pytest.mark.parametrize("state", ["Updating", "Disabled"])
def test_one_that_does_not_come_on_is_an_error(lambda_: Stubber, state: str) -> None:
    found(lambda_)
    created(lambda_)
    for _ in range(1 if state == "Disabled" else AT_ONCE.looks + 1):
        found(lambda_, state)
    with pytest.raises(DeployError, match=state):
        set_queue(lambda_)


@pytest.mark.parametrize(("per_second", "at_once"), [(1, 2), (40, 2), (41, 3), (249, 13)])
def test_a_faster_pace_takes_more_batches_at_once(lambda_: Stubber, per_second: int, at_once: int) -> None:
    found(lambda_, "Enabled", ScalingConfig={"MaximumConcurrency": at_once})
    set_queue_of_function(lambda_.client, WAITING, QUEUE, per_second, AT_ONCE)


def test_a_message_may_come_back_to_the_queue_more_often_than_lambda_takes_for_no_loop(
    lambda_: Stubber,
) -> None:
    asked = {"FunctionName": WAITING, "RecursiveLoop": "Allow"}
    lambda_.add_response("put_function_recursion_config", {"RecursiveLoop": "Allow"}, asked)
    let_messages_return(lambda_.client, WAITING)


def test_what_lets_a_queue_invoke_a_function_is_removed_by_the_queue(lambda_: Stubber) -> None:
    found(lambda_, "Updating")
    found(lambda_, "Enabled")
    lambda_.add_response("delete_event_source_mapping", {}, {"UUID": UUID})
    found(lambda_, "Deleting")
    found(lambda_)
    assert remove_mappings_of_queue(lambda_.client, QUEUE, AT_ONCE)


def test_where_there_is_nothing_or_it_goes_meanwhile_nothing_is_removed(lambda_: Stubber) -> None:
    found(lambda_, "Enabled")
    lambda_.add_client_error("delete_event_source_mapping", "ResourceNotFoundException")
    found(lambda_)
    assert not remove_mappings_of_queue(lambda_.client, QUEUE, AT_ONCE)


@pytest.mark.parametrize("retries", [0, 2])
def test_what_the_function_fails_on_goes_to_the_queue(retries: int) -> None:
    lambda_ = Stubber(boto3.client("lambda", **SOMEWHERE))
    lambda_.add_response(
        "put_function_event_invoke_config",
        {},
        {
            "FunctionName": "rider-photos-dev-start_processing",
            "MaximumRetryAttempts": retries,
            "MaximumEventAgeInSeconds": 21_600,
            "DestinationConfig": {"OnFailure": {"Destination": QUEUE}},
        },
    )
    with lambda_:
        set_on_failure_destination(lambda_.client, "rider-photos-dev-start_processing", QUEUE, retries)
    lambda_.assert_no_pending_responses()


PAGE = "https://rides.example.com/api/"
MAILING = "rider-photos-dev-notify_rider"


@pytest.mark.parametrize("before", [{}, {"PAGE_URL": "https://old.example.com/"}])
def test_a_function_is_told_the_page_and_keeps_all_else(before: dict[str, str]) -> None:
    lambda_ = Stubber(boto3.client("lambda", region_name="us-east-1"))
    variables = {"SENDER": "rides@example.com"}
    lambda_.add_response(
        "get_function", {"Configuration": {"LastUpdateStatus": "Successful"}}, {"FunctionName": MAILING}
    )
    lambda_.add_response(
        "get_function_configuration",
        {"Environment": {"Variables": variables | before}},
        {"FunctionName": MAILING},
    )
    lambda_.add_response(
        "update_function_configuration",
        {},
        {"FunctionName": MAILING, "Environment": {"Variables": variables | {"PAGE_URL": PAGE}}},
    )
    with lambda_:
        assert set_page_url(lambda_.client, MAILING, PAGE)
    lambda_.assert_no_pending_responses()


def test_a_function_that_knows_the_page_is_left_alone() -> None:
    lambda_ = Stubber(boto3.client("lambda", region_name="us-east-1"))
    lambda_.add_response("get_function", {"Configuration": {"LastUpdateStatus": "Successful"}})
    lambda_.add_response("get_function_configuration", {"Environment": {"Variables": {"PAGE_URL": PAGE}}})
    with lambda_:
        assert not set_page_url(lambda_.client, MAILING, PAGE)
    lambda_.assert_no_pending_responses()
