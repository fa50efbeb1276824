"""A burst waits for its turns, and nobody else waits."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from chalice import Chalice
from chalice.test import Client

from chalicelib import admission
from chalicelib.admission import MAX_DELAY, take_turn, take_turn_at_once
from chalicelib.audit import Auditor, AuditReport
from chalicelib.models import RiderPhoto
from chalicelib.passes import Pace
from tests.fakes import RIDER, FakeAws, photo
from tests.simulation.events import created_event

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Clock(datetime):
    """datetime, whose now() stands still until a test moves it."""

    time = NOW

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return cls.time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type[Clock]:
    monkeypatch.setattr(Clock, "time", NOW)
    monkeypatch.setattr(admission, "datetime", Clock)
    return Clock


def turns(aws: FakeAws, number: int) -> list[float | None]:
    """Seconds from now until each of the next turns, None for those that needn't wait."""
    taken = [take_turn(aws.dynamodb, aws.settings) for _ in range(number)]  # type: ignore[arg-type]
    return [None if turn is None else (turn - Clock.time).total_seconds() for turn in taken]


def calls_of(aws: FakeAws, do: Callable[[], object]) -> int:
    """How many updates of the table something takes."""
    before = len(aws.dynamodb.calls)
    do()
    return len(aws.dynamodb.calls) - before


@pytest.fixture
def small() -> FakeAws:
    return FakeAws(ADMISSIONS_PER_SECOND="5", ADMISSION_BURST="3")


def test_a_burst_goes_ahead_and_the_rest_is_spread_over_the_seconds(
    small: FakeAws, clock: type[Clock]
) -> None:
    assert turns(small, 8) == [None, None, None, None, 0.8, 1.0, 1.2, 1.4]


def test_who_comes_at_the_pace_never_waits(small: FakeAws, clock: type[Clock]) -> None:
    for _ in range(20):
        assert turns(small, 1) == [None]
        clock.time += timedelta(milliseconds=200)


def test_after_a_burst_turns_are_free_again_as_time_passes(small: FakeAws, clock: type[Clock]) -> None:
    turns(small, 23)
    clock.time += timedelta(seconds=4)
    assert turns(small, 4) == [None, 0.8, 1.0, 1.2]
    clock.time += timedelta(hours=1)
    assert turns(small, 5) == [None, None, None, None, 0.8]


def test_a_turn_costs_one_update_and_two_in_a_burst(small: FakeAws, clock: type[Clock]) -> None:
    counted = [calls_of(small, lambda: turns(small, 1)) for _ in range(3)]
    assert counted == [1, 2, 2]


def test_a_turn_that_passes_while_it_is_asked_for_is_asked_for_again(
    small: FakeAws, clock: type[Clock]
) -> None:
    refused = small.dynamodb.error("ConditionalCheckFailedException")
    for _ in range(2):
        small.dynamodb.fail_next("update_item", refused)
    assert turns(small, 1) == [None]


def test_a_turn_is_taken_at_once_or_not_at_all(small: FakeAws, clock: type[Clock]) -> None:
    taken = [take_turn_at_once(small.dynamodb, small.settings) for _ in range(6)]  # type: ignore[arg-type]
    assert taken == [True] * 4 + [False] * 2
    assert turns(small, 1) == [0.8], "what was not taken is there for others"
    clock.time += timedelta(hours=1)
    assert take_turn_at_once(small.dynamodb, small.settings)  # type: ignore[arg-type]


@pytest.fixture
def handle(app: Chalice, aws: FakeAws) -> Callable[[str, Any], Any]:
    with Client(app) as client:
        return lambda name, event: client.lambda_.invoke(name, event).payload


DONE: dict[str, list[Any]] = {"batchItemFailures": []}


def created(uploaded: RiderPhoto) -> dict[str, Any]:
    return created_event(uploaded.bucket, uploaded.key, uploaded.version_id or "")


def crowd(aws: FakeAws, seconds: float) -> None:
    """Let others have taken all turns of so many seconds."""
    then = int((datetime.now(UTC).timestamp() + seconds) * 1000)
    key = {"userId": {"S": "#admission"}, "uploadId": {"S": "turns"}}
    aws.dynamodb.put_item(TableName=aws.settings.uploads_table, Item={**key, "nextTurn": {"N": str(then)}})


def messages(aws: FakeAws) -> list[dict[str, Any]]:
    return aws.sqs.messages(aws.settings.admission_queue_url)


def as_records(sent: list[dict[str, Any]], starts_at: datetime | None = None) -> dict[str, Any]:
    """Messages as Lambda gives them to a function, with another turn if given."""
    return {
        "Records": [
            {
                "messageId": str(number),
                "body": message["MessageBody"],
                "messageAttributes": {
                    name: {"stringValue": starts_at.isoformat() if starts_at else value["StringValue"]}
                    for name, value in message["MessageAttributes"].items()
                },
            }
            for number, message in enumerate(sent)
        ]
    }


def test_in_a_crowd_an_upload_stays_waiting_until_its_turn_and_is_started_then(
    aws: FakeAws, handle: Callable[[str, Any], Any]
) -> None:
    uploaded = aws.upload(photo("anna"))
    crowd(aws, 60)
    assert handle("start_processing", created(uploaded)) == {"outcome": "waiting"}
    assert aws.step_functions.executions == {}
    assert aws.status(uploaded) == "waiting"
    [message] = messages(aws)
    assert json.loads(message["MessageBody"]) == created(uploaded)
    assert 59 <= message["DelaySeconds"] <= 61
    past = datetime.now(UTC) - timedelta(seconds=1)
    assert handle("start_waiting", as_records([message], past)) == DONE
    assert aws.status(uploaded) == "processing"
    # The same name with the same input is the same execution.
    assert handle("start_waiting", as_records([message], past)) == DONE
    assert len(aws.step_functions.executions) == 1


def test_a_turn_beyond_the_longest_delay_is_waited_for_in_several(
    aws: FakeAws, handle: Callable[[str, Any], Any]
) -> None:
    uploaded = aws.upload(photo("anna"))
    crowd(aws, 2 * MAX_DELAY + 60)
    handle("start_processing", created(uploaded))
    assert handle("start_waiting", as_records(messages(aws))) == DONE
    first, second = messages(aws)
    assert first["DelaySeconds"] == second["DelaySeconds"] == MAX_DELAY
    assert first["MessageAttributes"] == second["MessageAttributes"]
    assert aws.step_functions.executions == {}


def test_an_upload_without_a_form_never_waits(aws: FakeAws, handle: Callable[[str, Any], Any]) -> None:
    by_hand = aws.put(f"uploads/{RIDER}/by-hand.jpg", photo("anna"))
    crowd(aws, 60)
    assert handle("start_processing", created(by_hand)) == {"outcome": "started"}
    assert messages(aws) == []


def test_an_event_that_comes_again_after_the_start_waits_no_more(
    aws: FakeAws, handle: Callable[[str, Any], Any]
) -> None:
    uploaded = aws.upload(photo("anna"))
    handle("start_processing", created(uploaded))
    crowd(aws, 60)
    assert handle("start_processing", created(uploaded)) == {"outcome": "started"}
    assert len(aws.step_functions.executions) == 1
    assert messages(aws) == []


def test_a_message_that_fails_comes_again_alone(aws: FakeAws, handle: Callable[[str, Any], Any]) -> None:
    uploads = [aws.upload(photo("anna", nonce=number), f"rider-{number}") for number in range(3)]
    crowd(aws, 60)
    for uploaded in uploads:
        handle("start_processing", created(uploaded))
    sent = as_records(messages(aws), datetime.now(UTC) - timedelta(seconds=1))
    sent["Records"][0]["body"] = "no event"
    sent["Records"][1]["messageAttributes"] = {}
    failed = [{"itemIdentifier": "0"}, {"itemIdentifier": "1"}]
    assert handle("start_waiting", sent) == {"batchItemFailures": failed}
    assert [aws.status(uploaded) for uploaded in uploads] == ["waiting", "waiting", "processing"]


def test_where_all_messages_fail_the_function_does_so_that_lambda_counts_it(app: Chalice) -> None:
    record = {"messageId": "1", "body": "no event", "messageAttributes": {}}
    with Client(app) as client, pytest.raises(KeyError):
        client.lambda_.invoke("start_waiting", {"Records": [record, record]})


def long_ago(aws: FakeAws, uploaded: RiderPhoto, minute: int = 0) -> None:
    """Let an upload be last changed at some minute long ago."""
    row = aws.row(uploaded) or {}
    moment = {"updatedAt": {"S": f"2026-01-01T00:{minute:02}:00.000Z"}}
    aws.dynamodb.put_item(TableName=aws.settings.uploads_table, Item={**row, **moment})


def audited(aws: FakeAws) -> AuditReport:
    return Auditor(
        *(aws.table, aws.dynamodb, aws.rekognition, aws.s3, aws.step_functions, aws.settings),  # type: ignore[arg-type]
        close=lambda photo, status: None,
        deadline=datetime.now(UTC) + timedelta(seconds=30),
        pace=Pace(1000),
    ).run()


@pytest.mark.parametrize(("minutes", "restarted"), [(10, 0), (-4, 0), (-6, 1)])
def test_the_audit_lets_an_upload_wait_for_its_turn_and_starts_it_if_nobody_has(
    aws: FakeAws, minutes: int, restarted: int
) -> None:
    uploaded = aws.upload(photo("anna"))
    aws.table.wait_for_turn(uploaded, datetime.now(UTC) + timedelta(minutes=minutes))
    long_ago(aws, uploaded)
    assert len(audited(aws).restarted) == restarted
    assert len(aws.step_functions.executions) == restarted


def test_the_audit_takes_turns_too_and_goes_on_when_some_are_free(small: FakeAws, clock: type[Clock]) -> None:
    uploads = [small.upload(photo("anna", nonce=number), f"rider-{number}") for number in range(10)]
    for minute, uploaded in enumerate(uploads):
        long_ago(small, uploaded, minute)
    started = []
    for _ in range(4):
        report = audited(small)
        started.append((len(report.restarted), report.complete))
        assert audited(small).restarted == []
        clock.time += timedelta(hours=1)
    assert started == [(4, False), (4, False), (2, True), (0, True)]
    assert len(small.step_functions.executions) == 10


def test_a_lost_start_takes_a_turn_as_well(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    aws.table.bind(uploaded)
    long_ago(aws, uploaded)
    crowd(aws, 60)
    report = audited(aws)
    assert (report.restarted, report.complete) == ([], False)
    assert aws.step_functions.executions == {}
    crowd(aws, -60)
    assert audited(aws).restarted == [uploaded.upload_id]
