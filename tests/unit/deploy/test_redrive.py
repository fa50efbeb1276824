from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import executions
from chalicelib.models import RiderPhoto, UploadStatus
from chalicelib.steps.undo import undo
from deploy.errors import CheckError
from deploy.redrive import Redriven, RedriveOptions, redrive
from tests.fakes import FakeAws, photo
from tests.unit.deploy.fakes import FakeQueue, FakeSession, Lines, up_in

START = "rider-photos-test-start_processing"
CLOSE = "rider-photos-test-close_execution"


@pytest.fixture
def session(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> FakeSession:
    session = up_in(aws, monkeypatch)

    def start_processing(event: Any) -> dict[str, str]:
        clients: Any = (aws.table, aws.dynamodb, aws.s3, aws.sqs, aws.step_functions, aws.settings)
        return {"outcome": executions.handle_object_created(event, *clients)}

    session.lambda_.functions[START] = start_processing
    return session


@pytest.fixture
def run(aws: FakeAws, session: FakeSession) -> Callable[..., Redriven]:
    """Returns a function that redrives the queue and checks that nothing stays hidden in it."""

    def run(*, dry_run: bool = False, lines: Lines | None = None) -> Redriven:
        done = redrive(RedriveOptions("test", dry_run=dry_run), lines or Lines())
        assert queue_of(aws).hidden() == set()
        return done

    return run


def queue_of(aws: FakeAws) -> FakeQueue:
    assert isinstance(aws.sqs, FakeQueue)
    return aws.sqs


def post(aws: FakeAws, body: Any, **attributes: str) -> str:
    """Put a letter into the queue, and give its id."""
    answer = aws.sqs.send_message(
        QueueUrl=aws.settings.dead_letter_queue_url,
        MessageBody=body if isinstance(body, str) else json.dumps(body),
        MessageAttributes={
            name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()
        },
    )
    return str(answer["MessageId"])


def object_created(upload: RiderPhoto) -> dict[str, Any]:
    s3_object = {"key": upload.key, "version-id": upload.version_id}
    return {"source": "aws.s3", "detail": {"bucket": {"name": upload.bucket}, "object": s3_object}}


def processing(aws: FakeAws, content: bytes = b"") -> RiderPhoto:
    """An upload whose execution runs."""
    upload = aws.upload(content or photo("anna"))
    aws.table.bind(upload)
    return upload


def fails(aws: FakeAws, upload: RiderPhoto) -> None:
    """Let the upload's execution fail for good, as the machine does."""
    state = {"userId": upload.user_id, "s3Bucket": upload.bucket, "s3Key": upload.key}
    state["s3VersionId"] = str(upload.version_id)
    event = {
        "executionArn": upload.execution_arn,
        "state": {**state, "errorInfo": {"Error": "States.Timeout", "Cause": ""}},
    }
    clients: Any = (aws.table, aws.dynamodb, aws.rekognition, aws.s3, aws.sqs, aws.settings)
    assert undo(upload, event, *clients)["status"] == UploadStatus.FAILED


def names(aws: FakeAws) -> list[str]:
    return list(aws.step_functions.executions)


def test_an_empty_queue_is_no_trouble(run: Callable[..., Redriven]) -> None:
    assert run() == Redriven("test")


def test_an_event_that_a_rule_could_not_deliver_starts_its_upload(
    aws: FakeAws, run: Callable[..., Redriven]
) -> None:
    upload = aws.upload(photo("anna"))
    message = post(aws, object_created(upload), RULE_ARN="arn:…", ERROR_CODE="NO_RESOURCE")
    assert run().started == [message]
    assert names(aws) == [executions.execution_name(upload)]
    assert aws.status(upload) == "processing"
    assert aws.dead_letters() == []


def test_an_event_that_the_function_failed_on_starts_its_upload(
    aws: FakeAws, run: Callable[..., Redriven]
) -> None:
    upload = aws.upload(photo("anna"))
    message = post(aws, {"version": "1.0", "requestPayload": object_created(upload), "responsePayload": {}})
    assert run().started == [message]
    assert aws.status(upload) == "processing"


def test_the_same_event_twice_starts_one_execution(aws: FakeAws, run: Callable[..., Redriven]) -> None:
    upload = aws.upload(photo("anna"))
    first, second = (post(aws, object_created(upload)) for _ in range(2))
    aws.step_functions.start_execution(
        stateMachineArn=aws.settings.state_machine_arn, name=executions.execution_name(upload), input="{}"
    )
    assert run().settled == [first, second]
    assert len(names(aws)) == 1


def test_a_failed_execution_is_started_again_as_the_next_attempt(
    aws: FakeAws, run: Callable[..., Redriven]
) -> None:
    upload = processing(aws)
    fails(aws, upload)
    assert len(run().started) == 1
    [name] = names(aws)
    assert name == f"{executions.execution_name(upload)}-2"
    assert json.loads(aws.step_functions.executions[name].input)["s3VersionId"] == upload.version_id
    row = aws.row(upload)
    assert row is not None
    assert (row["status"]["S"], row["executionArn"]["S"]) == ("processing", aws.execution_arn(name))
    assert aws.dead_letters() == []


def test_an_execution_that_failed_twice_has_one_next_attempt(
    aws: FakeAws, run: Callable[..., Redriven]
) -> None:
    upload = processing(aws)
    fails(aws, upload)
    [old] = aws.dead_letters()
    run()
    again = replace(upload, execution_arn=aws.execution_arn(names(aws)[-1]))
    fails(aws, again)
    post(aws, old)  # SQS delivers at least once
    done = run()
    assert (len(done.started), len(done.failed)) == (1, 1)
    assert names(aws)[-1].endswith("-3")
    assert len(run().settled) == 1
    assert len(names(aws)) == 2


def test_a_letter_that_comes_while_it_works_is_left_for_the_next_time(
    aws: FakeAws, run: Callable[..., Redriven], monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = processing(aws)
    fails(aws, upload)
    start = executions.start

    def start_and_fail(again: RiderPhoto, *others: Any) -> Any:
        started = start(again, *others)
        fails(aws, again)
        return started

    monkeypatch.setattr(executions, "start", start_and_fail)
    done = run()
    assert (len(done.started), len(done.failed)) == (1, 1)
    assert "see what becomes of it" in next(iter(done.failed.values()))
    assert len(aws.dead_letters()) == 1


def test_a_start_that_failed_keeps_its_letter_and_the_next_pass_makes_up_for_it(
    aws: FakeAws, run: Callable[..., Redriven]
) -> None:
    upload = processing(aws)
    fails(aws, upload)
    throttled = aws.step_functions.error("ThrottlingException", "Rate exceeded")
    aws.step_functions.fail_next("start_execution", throttled)
    done = run()
    assert "Rate exceeded" in next(iter(done.failed.values()))
    assert names(aws) == []
    assert len(run().started) == 1
    assert len(names(aws)) == 1
    assert aws.dead_letters() == []


@pytest.mark.parametrize("status", [UploadStatus.ACCEPTED, UploadStatus.REJECTED, UploadStatus.SUPERSEDED])
def test_an_upload_that_was_decided_since_is_not_started_again(
    aws: FakeAws, run: Callable[..., Redriven], status: UploadStatus
) -> None:
    upload = processing(aws)
    fails(aws, upload)
    [letter] = aws.dead_letters()
    decided = processing(aws)
    aws.table.end(decided, status)
    letter |= {"executionArn": decided.execution_arn}
    letter["input"] |= {"s3Key": decided.key, "s3VersionId": decided.version_id}
    post(aws, letter)
    lines = Lines()
    done = run(lines=lines)
    assert (len(done.started), len(done.settled)) == (1, 1)
    assert any(f"the upload is {status}" in line for line in lines.details)
    assert aws.status(decided) == status


def test_an_upload_of_an_erased_rider_is_not_brought_back(aws: FakeAws, run: Callable[..., Redriven]) -> None:
    upload = processing(aws)
    fails(aws, upload)
    row = aws.row(upload)
    assert row is not None
    aws.table.delete(row)
    assert len(run().settled) == 1
    assert (names(aws), aws.row(upload)) == ([], None)


def test_an_execution_that_was_started_by_hand_is_started_again(
    aws: FakeAws, run: Callable[..., Redriven]
) -> None:
    upload = replace(
        aws.put("riders/anna.jpg", photo("anna"), "user_a"), execution_arn=aws.execution_arn("x")
    )
    fails(aws, upload)
    [letter] = aws.dead_letters()
    del letter["input"]["s3VersionId"]
    aws.sqs.delete_message(QueueUrl=aws.settings.dead_letter_queue_url, ReceiptHandle="fake-000001")
    post(aws, letter)
    assert len(run().started) == 1
    assert names(aws) == [f"{executions.execution_name(upload)}-2"]


def post_without_version(aws: FakeAws) -> tuple[RiderPhoto, str]:
    """A photo whose execution was started by hand and failed, and the message of its letter."""
    upload = replace(
        aws.put("riders/anna.jpg", photo("anna"), "user_a"), execution_arn=aws.execution_arn("x")
    )
    fails(aws, upload)
    [letter] = aws.dead_letters()
    del letter["input"]["s3VersionId"]
    aws.sqs.delete_message(QueueUrl=aws.settings.dead_letter_queue_url, ReceiptHandle="fake-000001")
    return upload, post(aws, letter)


def test_a_photo_that_is_gone_can_never_be_processed(aws: FakeAws, run: Callable[..., Redriven]) -> None:
    upload, message = post_without_version(aws)
    aws.s3.delete_object(Bucket=upload.bucket, Key=upload.key)
    assert run().unusable == {message: "The photo 'riders/anna.jpg' is not in the bucket any more."}
    assert len(aws.dead_letters()) == 1


def test_who_may_not_read_a_photo_hears_of_photo_readers_and_its_letter_stays(
    aws: FakeAws, run: Callable[..., Redriven]
) -> None:
    _, message = post_without_version(aws)
    aws.s3.fail_next("head_object", aws.s3.error("403", "Forbidden"))
    [(kept, why)] = run().failed.items()
    assert kept == message
    assert "up --photo-readers" in why
    assert len(aws.dead_letters()) == 1


def test_the_end_of_an_execution_goes_to_close_execution(
    aws: FakeAws, session: FakeSession, run: Callable[..., Redriven]
) -> None:
    event = {"source": "aws.states", "detail": {"executionArn": "arn:x:one", "status": "ABORTED"}}
    message, heard = post(aws, event), []

    def close_execution(event: Any) -> dict[str, None]:
        heard.append(event)
        return {"outcome": None}

    session.lambda_.functions[CLOSE] = close_execution
    assert run().settled == [message]
    assert heard == [event]


def test_an_audit_that_failed_is_left_to_the_next(
    aws: FakeAws, session: FakeSession, run: Callable[..., Redriven]
) -> None:
    message = post(aws, {"requestPayload": {"source": "aws.events", "detail-type": "Scheduled Event"}})
    assert run().settled == [message]
    assert session.lambda_.invoked == []


@pytest.mark.parametrize("missing", [False, True])
def test_a_function_that_fails_again_keeps_its_letter_and_no_other(
    aws: FakeAws, session: FakeSession, run: Callable[..., Redriven], missing: bool
) -> None:
    upload = aws.upload(photo("anna"))
    fails_again = post(aws, {"source": "aws.states", "detail": {"executionArn": "arn:x:one"}})
    succeeds = post(aws, object_created(upload))
    if not missing:

        def close_execution(event: Any) -> None:
            raise ValueError("no luck")

        session.lambda_.functions[CLOSE] = close_execution
    done = run()
    assert done.started == [succeeds]
    said = "ResourceNotFoundException" if missing else "close_execution: ValueError: no luck"
    assert said in done.failed[fails_again]
    assert len(aws.dead_letters()) == 1


def test_what_can_never_be_processed_is_shown_and_kept(aws: FakeAws, run: Callable[..., Redriven]) -> None:
    refused = post(aws, {"source": "aws.s3"}, why="The event's detail needs 'bucket'.")
    garbage = post(aws, "<xml/>")
    lines = Lines()
    for _ in range(2):
        done = run(lines=lines)
        assert done.unusable == {refused: "The event's detail needs 'bucket'.", garbage: "It is not JSON."}
    assert len(aws.sqs.messages(aws.settings.dead_letter_queue_url)) == 2
    assert "<xml/>" in lines.details


def test_an_event_that_is_refused_is_kept_with_the_reason(aws: FakeAws, run: Callable[..., Redriven]) -> None:
    post(aws, {"source": "aws.s3", "detail": {"bucket": {"name": "b"}, "object": {"key": "uploads/x"}}})
    done = run()
    assert len(done.settled) == 1
    assert "'uploads/x' is not of the form" in next(iter(done.unusable.values()))
    assert len(aws.dead_letters()) == 1


def test_a_dry_run_shows_and_changes_nothing(
    aws: FakeAws, session: FakeSession, run: Callable[..., Redriven]
) -> None:
    upload = processing(aws)
    fails(aws, upload)
    post(aws, object_created(upload))
    post(aws, "<xml/>")
    before, lines = aws.sqs.messages(aws.settings.dead_letter_queue_url), Lines()
    done = run(dry_run=True, lines=lines)
    assert (len(done.started), len(done.unusable)) == (2, 1)
    assert aws.sqs.messages(aws.settings.dead_letter_queue_url) == before
    assert (names(aws), session.lambda_.invoked, aws.status(upload)) == ([], [], "failed")
    assert any("States.Timeout" in line for line in lines.details)


def test_an_interruption_puts_back_what_was_taken_out(
    aws: FakeAws, session: FakeSession, run: Callable[..., Redriven]
) -> None:
    post(aws, "<xml/>")
    post(aws, {"source": "aws.states", "detail": {}})
    post(aws, {"source": "aws.states", "detail": {}})

    def interrupt(event: Any) -> None:
        raise KeyboardInterrupt

    session.lambda_.functions[CLOSE] = interrupt
    with pytest.raises(KeyboardInterrupt):
        run()
    assert queue_of(aws).hidden() == set()
    assert len(aws.sqs.messages(aws.settings.dead_letter_queue_url)) == 3


def test_letters_that_another_redrive_holds_are_told_of(
    aws: FakeAws, session: FakeSession, run: Callable[..., Redriven]
) -> None:
    post(aws, "<xml/>")
    aws.sqs.receive_message(QueueUrl=aws.settings.dead_letter_queue_url)
    lines = Lines()
    assert redrive(RedriveOptions("test"), lines) == Redriven("test")
    assert "1 letters are held" in lines.warnings[0]


def test_a_stage_that_is_not_there_is_named(session: FakeSession) -> None:
    session.cloudformation.status = None
    with pytest.raises(CheckError, match="no stage 'nope' in account 123456789012, region us-east-1"):
        redrive(RedriveOptions("nope"), Lines())


def test_a_stage_that_is_not_whole_is_told(session: FakeSession) -> None:
    del session.cloudformation.outputs["UploadsTable"]
    with pytest.raises(CheckError, match=r"isn't whole: run `up` again\. .*UPLOADS_TABLE"):
        redrive(RedriveOptions("test"), Lines())
