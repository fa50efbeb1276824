from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.letters import Event, FailedExecution, Letter, UnusableLetterError

S3_EVENT = {"source": "aws.s3", "detail": {"bucket": {"name": "b"}, "object": {"key": "uploads/a/b.jpg"}}}
STATES_EVENT = {"source": "aws.states", "detail": {"executionArn": "arn:x:one", "status": "ABORTED"}}
SCHEDULE = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
EXECUTION = {
    "source": "execution",
    "executionArn": "arn:aws:states:us-east-1:123456789012:execution:RiderPhotoProcessing-test:one",
    "error": "States.Timeout",
    "input": {"userId": "anna", "s3Bucket": "photos", "s3Key": "riders/anna.jpg", "s3VersionId": "v1"},
}


def letter(body: Any, why: str | None = None) -> Letter:
    text = body if isinstance(body, str) else json.dumps(body)
    return Letter("1", "receipt", text, why)


@pytest.mark.parametrize(
    ("event", "function", "shown"),
    [
        (S3_EVENT, "start_processing", "start_processing: 'uploads/a/b.jpg'"),
        (STATES_EVENT, "close_execution", "close_execution: 'arn:x:one'"),
        (SCHEDULE, "audit", "audit: 'Scheduled Event'"),
    ],
)
def test_an_event_goes_to_its_function_whether_the_rule_or_lambda_put_it_there(
    event: dict[str, Any], function: str, shown: str
) -> None:
    record = {
        "version": "1.0",
        "requestContext": {"functionArn": "arn:…", "condition": "RetriesExhausted"},
        "requestPayload": event,
        "responsePayload": {"errorMessage": "no", "errorType": "ServiceUnavailableError"},
    }
    for body in (event, record):
        content = letter(body).content()
        assert content == Event(function, event)
        assert str(content) == shown


def test_a_failed_execution_names_its_photo() -> None:
    content = letter(EXECUTION).content()
    assert isinstance(content, FailedExecution)
    assert (content.photo.user_id, content.photo.key) == ("anna", "riders/anna.jpg")
    assert content.photo.version_id == "v1"
    assert str(content) == "execution 'one': 'States.Timeout'"


def test_what_was_refused_before_says_why_it_was() -> None:
    with pytest.raises(UnusableLetterError, match="no valid userId"):
        letter(S3_EVENT, why="no valid userId").content()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("<xml/>", "not JSON"),
        ("[]", "not a JSON object"),
        ({}, "neither an event"),
        ({"source": "aws.ec2"}, "neither an event"),
        ({"source": ["aws.s3"]}, "neither an event"),
        ({"requestPayload": None}, "neither an event"),
        ({"source": "execution"}, "names no execution"),
        (EXECUTION | {"input": {}}, "'userId'"),
        (EXECUTION | {"input": None}, "userId"),
        (EXECUTION | {"input": {"userId": "a/b"}}, "'a/b' is not a valid userId"),
    ],
)
def test_what_no_repetition_can_mend_says_why(body: Any, why: str) -> None:
    with pytest.raises(UnusableLetterError, match=why):
        letter(body).content()


def test_what_a_stranger_called_a_file_does_not_speak_to_the_terminal() -> None:
    event = {"source": "aws.s3", "detail": {"object": {"key": "\x1b[2J"}}}
    assert "\x1b" not in str(letter(event).content())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "source": st.sampled_from(["aws.s3", "aws.states", "execution", "x"]) | json_values,
            "detail": st.fixed_dictionaries({}, optional={"object": json_values}) | json_values,
            "executionArn": json_values,
            "error": json_values,
            "input": json_values,
            "requestPayload": json_values,
        },
    )
    | json_values
)
def test_whatever_lies_there_is_understood_or_said_to_be_unusable(body: Any) -> None:
    try:
        said = str(letter(json.dumps(body)).content())
    except UnusableLetterError as error:
        said = str(error)
    assert said
