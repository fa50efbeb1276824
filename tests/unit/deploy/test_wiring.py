from __future__ import annotations

import boto3
import pytest
from botocore.stub import Stubber

from deploy.errors import DeployError
from deploy.wiring import (
    remove_queues_of_function,
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
UUIDS = [f"00000000-0000-0000-0000-00000000000{number}" for number in (1, 2)]


@pytest.mark.parametrize("known", [False, True])
def test_a_queue_invokes_its_function_once_however_often_it_is_set(known: bool) -> None:
    lambda_ = Stubber(boto3.client("lambda", **SOMEWHERE))
    asked = {"FunctionName": WAITING, "EventSourceArn": QUEUE}
    found = [{"UUID": UUIDS[0]}] if known else []
    lambda_.add_response("list_event_source_mappings", {"EventSourceMappings": found}, asked)
    if not known:
        made = {**asked, "BatchSize": 10, "ScalingConfig": {"MaximumConcurrency": 2}}
        lambda_.add_response("create_event_source_mapping", {"UUID": UUIDS[0]}, made)
    with lambda_:
        set_queue_of_function(lambda_.client, WAITING, QUEUE)
    lambda_.assert_no_pending_responses()


def test_what_lets_queues_invoke_a_function_is_removed() -> None:
    lambda_ = Stubber(boto3.client("lambda", **SOMEWHERE))
    found = {"EventSourceMappings": [{"UUID": uuid} for uuid in UUIDS]}
    lambda_.add_response("list_event_source_mappings", found, {"FunctionName": WAITING})
    for uuid in UUIDS:
        lambda_.add_response("delete_event_source_mapping", {}, {"UUID": uuid})
    with lambda_:
        assert remove_queues_of_function(lambda_.client, WAITING) == 2
    lambda_.assert_no_pending_responses()


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
