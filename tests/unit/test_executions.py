from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chalice import Chalice
from chalice.test import Client
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import InvalidInputError
from chalicelib.executions import Started, execution_name, photo_of_event, start_processing
from chalicelib.models import UNVERSIONED, RiderPhoto, UploadStatus
from chalicelib.originals import identify
from chalicelib.rows import key_of
from tests.fakes import RIDER, FakeAws, photo
from tests.unit.pipeline import run

EVENTS = Path(__file__).parents[1] / "events"
CREATED = sorted(path.stem for path in EVENTS.glob("object_created_*.json"))
OURS = [
    "object_created_complete_multipart_upload",
    "object_created_copy_object",
    "object_created_post_object",
    "object_created_put_object",
    "object_created_unversioned_bucket",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


# The form that the events' objects were uploaded with.
UPLOAD_ID = "01977421-c660-7000-8000-000000000001"


def mint_form(aws: FakeAws) -> None:
    """Mint the form of the events' objects."""
    aws.table.create(RIDER, UPLOAD_ID, aws.settings.photo_bucket, f"uploads/{RIDER}/{UPLOAD_ID}.jpg")


def forget_row(aws: FakeAws, uploaded: RiderPhoto) -> None:
    aws.dynamodb.delete_item(TableName=aws.settings.uploads_table, Key=key_of(aws.row(uploaded) or {}))


def event(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return loaded


def with_object(name: str, **fields: Any) -> dict[str, Any]:
    changed = event(name)
    changed["detail"]["object"] |= {key.replace("_", "-"): value for key, value in fields.items()}
    return changed


@pytest.fixture
def handle(app: Chalice) -> Callable[[Any], Any]:
    """The S3-upload handler, as Lambda calls it."""
    with Client(app) as client:
        return lambda payload: client.lambda_.invoke("start_processing", payload).payload


@pytest.mark.parametrize("name", OURS)
def test_an_upload_starts_an_execution_with_the_workshops_input(
    aws: FakeAws, handle: Callable[[Any], Any], name: str
) -> None:
    mint_form(aws)
    assert handle(event(name)) == {"outcome": "started"}
    [(execution, started)] = aws.step_functions.executions.items()
    s3_object = event(name)["detail"]["object"]
    expected = {"userId": RIDER, "s3Bucket": aws.settings.photo_bucket, "s3Key": s3_object["key"]}
    if "version-id" in s3_object:
        expected["s3VersionId"] = s3_object["version-id"]
    assert json.loads(started.input) == expected
    assert re.fullmatch(r"[0-9A-Za-z_-]{1,80}", execution)
    assert not aws.dead_letters()


def test_the_row_is_bound_to_the_version_and_names_the_execution(
    aws: FakeAws, handle: Callable[[Any], Any]
) -> None:
    mint_form(aws)
    handle(event("object_created_post_object"))
    row = aws.table.row(RIDER, UPLOAD_ID)
    [started] = aws.step_functions.executions.values()
    assert row is not None
    assert row["status"] == {"S": "processing"}
    assert row["s3versionid"] == {"S": event("object_created_post_object")["detail"]["object"]["version-id"]}
    assert row["executionArn"] == {"S": started.arn}


def test_an_object_that_no_form_brought_has_no_row_yet(aws: FakeAws, handle: Callable[[Any], Any]) -> None:
    handle(event("object_created_copy_object"))
    assert aws.dynamodb.items(aws.settings.uploads_table) == []


def test_an_upload_whose_form_is_forgotten_gets_a_row_that_its_outcome_can_be_written_to(
    aws: FakeAws, handle: Callable[[Any], Any]
) -> None:
    uploaded = aws.upload(photo("anna"))
    forget_row(aws, uploaded)
    arrived = with_object("object_created_post_object", key=uploaded.key, version_id=uploaded.version_id)
    assert handle(arrived) == {"outcome": "started"}
    row = aws.row(uploaded)
    assert row is not None
    assert row["status"] == {"S": "processing"}
    [started] = aws.step_functions.executions.values()
    assert row["executionArn"] == {"S": started.arn}


def test_a_file_that_was_erased_with_its_row_before_its_event_came_is_left_alone(
    aws: FakeAws, handle: Callable[[Any], Any]
) -> None:
    uploaded = aws.upload(photo("anna"))
    forget_row(aws, uploaded)
    aws.s3.delete_object(**uploaded.as_s3_object())
    late = with_object("object_created_post_object", key=uploaded.key, version_id=uploaded.version_id)
    assert handle(late) == {"outcome": "superseded"}
    assert aws.uploads() == []
    assert aws.step_functions.executions == {}


def test_the_same_event_twice_starts_one_execution(aws: FakeAws, handle: Callable[[Any], Any]) -> None:
    mint_form(aws)
    handle(event("object_created_post_object"))
    assert handle(event("object_created_post_object")) == {"outcome": "started"}
    [name] = aws.step_functions.executions
    aws.step_functions.close(name)
    assert handle(event("object_created_post_object")) == {"outcome": "already-started"}
    assert list(aws.step_functions.executions) == [name]


def test_an_event_that_comes_after_the_end_changes_nothing(
    aws: FakeAws, handle: Callable[[Any], Any]
) -> None:
    mint_form(aws)
    handle(event("object_created_post_object"))
    [name] = aws.step_functions.executions
    aws.step_functions.close(name)
    [row] = aws.uploads()
    aws.table.end(photo_of_event(event("object_created_post_object")["detail"]), UploadStatus.REJECTED)
    [ended] = aws.uploads()
    assert handle(event("object_created_post_object")) == {"outcome": "already-started"}
    assert aws.uploads() == [ended]
    assert ended["status"] != row["status"]


def test_a_second_version_under_the_same_form_is_removed_and_not_processed(
    aws: FakeAws, handle: Callable[[Any], Any]
) -> None:
    first = aws.upload(photo("anna"))
    aws.s3.put_object(Bucket=first.bucket, Key=first.key, Body=photo("bob"))
    second = aws.s3.versions(first.bucket, first.key)[-1]
    name = "object_created_post_object"
    handle(with_object(name, key=first.key, version_id=first.version_id))
    outcome = handle(with_object(name, key=first.key, version_id=second.version_id))
    assert outcome == {"outcome": "superseded"}
    assert len(aws.step_functions.executions) == 1
    assert [version.version_id for version in aws.s3.versions(first.bucket, first.key)] == [first.version_id]
    assert (aws.row(first) or {})["s3versionid"] == {"S": first.version_id}


def test_of_two_versions_whose_events_come_in_the_wrong_order_one_is_processed(
    aws: FakeAws, handle: Callable[[Any], Any]
) -> None:
    first = aws.upload(photo("anna"))
    aws.s3.put_object(Bucket=first.bucket, Key=first.key, Body=photo("bob"))
    second = aws.s3.versions(first.bucket, first.key)[-1].version_id
    name = "object_created_post_object"
    assert handle(with_object(name, key=first.key, version_id=second)) == {"outcome": "started"}
    assert handle(with_object(name, key=first.key, version_id=first.version_id)) == {"outcome": "superseded"}
    assert [version.version_id for version in aws.s3.versions(first.bucket, first.key)] == [second]


def test_a_start_whose_answer_was_lost_is_repeated_without_harm(
    aws: FakeAws, handle: Callable[[Any], Any]
) -> None:
    mint_form(aws)
    lost = aws.step_functions.error("ServiceUnavailable", status=503)
    aws.step_functions.fail_next("start_execution", lost, after_effect=True)
    with pytest.raises(type(lost)):
        handle(event("object_created_put_object"))
    assert handle(event("object_created_put_object")) == {"outcome": "started"}
    assert len(aws.step_functions.executions) == 1


def test_without_versions_the_input_names_none(aws: FakeAws, handle: Callable[[Any], Any]) -> None:
    mint_form(aws)
    handle(event("object_created_unversioned_bucket"))
    [started] = aws.step_functions.executions.values()
    assert "s3VersionId" not in json.loads(started.input)
    [row] = aws.uploads()
    assert row["s3versionid"] == {"S": UNVERSIONED}


@pytest.mark.parametrize(
    "refused",
    [
        event("object_created_without_rider"),
        event("object_created_invalid_rider"),
        event("object_created_outside_uploads"),
        event("scheduled_event"),
        with_object("object_created_put_object", key=""),
        with_object("object_created_put_object", key=None),
        with_object("object_created_put_object", key=["uploads/anna/a.jpg"]),
        with_object("object_created_put_object", key="uploads/anna/\ud800.jpg"),
        with_object("object_created_put_object", key="uploads/\u0000\ufffe/a.jpg"),
        with_object("object_created_put_object", version_id=7),
        {**event("object_created_put_object"), "detail": {"bucket": "photos", "object": "a.jpg"}},
        {**event("object_created_put_object"), "detail": []},
        {**event("object_created_put_object"), "detail": None},
    ],
    ids=lambda refused: str(refused["detail"])[:40],
)
def test_an_event_that_makes_no_sense_is_put_aside_and_counted(
    aws: FakeAws, handle: Callable[[Any], Any], capsys: pytest.CaptureFixture[str], refused: Any
) -> None:
    assert handle(refused) == {"outcome": "refused"}
    assert aws.dead_letters() == [refused]
    [message] = aws.sqs.messages(aws.settings.dead_letter_queue_url)
    assert message["MessageAttributes"]["why"]["StringValue"]
    assert not aws.step_functions.executions
    assert '"EventRefused":[1.0]' in capsys.readouterr().out


@given(JSON)
def test_any_detail_names_a_photo_or_is_refused(detail: Any) -> None:
    with pytest.raises(InvalidInputError):
        photo_of_event(detail)


@given(st.text(st.characters(), max_size=40), st.text(st.characters(), max_size=40))
def test_any_key_under_a_riders_prefix_can_be_named_or_is_refused(key: str, version_id: str) -> None:
    s3_object = {"key": f"uploads/anna/{key}", "version-id": version_id}
    detail = {"bucket": {"name": "photos"}, "object": s3_object}
    try:
        found = photo_of_event(detail)
    except InvalidInputError:
        assert not key or "/" in key or any("\ud800" <= c <= "\udfff" for c in key + version_id)
    else:
        assert found.user_id == "anna"
        assert re.fullmatch(r"[0-9a-f-]{32,80}", execution_name(found))


def test_an_executions_name_stands_for_one_version_of_one_object() -> None:
    first = photo_of_event(event("object_created_put_object")["detail"])
    assert execution_name(first) == execution_name(replace(first))
    assert execution_name(first).startswith(first.known_upload_id)
    assert len(execution_name(first)) <= 80
    others = [
        replace(first, version_id="another"),
        replace(first, bucket="another"),
        replace(first, key=first.key.replace(".jpg", ".png")),
    ]
    assert len({execution_name(other) for other in [first, *others]}) == 4


def test_what_an_event_says_is_enough_and_s3_is_not_asked(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    before = len(aws.s3.calls)
    assert identify(uploaded, aws.s3) is uploaded  # type: ignore[arg-type]
    assert len(aws.s3.calls) == before


def test_a_photo_that_was_named_by_hand_is_pinned_to_its_newest_version(aws: FakeAws) -> None:
    stored = aws.put("1_happy_face.jpg", photo("anna"), "user_a")
    by_hand = RiderPhoto("user_a", stored.bucket, stored.key)
    found = identify(by_hand, aws.s3)  # type: ignore[arg-type]
    assert found == replace(stored, execution_arn=None)
    aws.s3.put_object(Bucket=stored.bucket, Key=stored.key, Body=photo("anna", nonce=1))
    newer = identify(by_hand, aws.s3)  # type: ignore[arg-type]
    assert newer.version_id != found.version_id
    assert newer.upload_id != found.upload_id


def test_a_photo_without_a_row_is_started_under_its_digest(aws: FakeAws) -> None:
    stored = replace(aws.put("uploads/anna/selfie.jpg", photo("anna"), "anna"), upload_id=None)
    assert run(aws, start_processing, photo=stored) is Started.STARTED
    assert [len(name) for name in aws.step_functions.executions] == [32]


def matches(pattern: Any, value: Any) -> bool:
    """Whether an EventBridge pattern of exact values and prefixes matches."""
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(matches(pattern[key], value.get(key)) for key in pattern)
    return any(
        isinstance(value, str) and value.startswith(choice["prefix"])
        if isinstance(choice, dict)
        else value == choice
        for choice in pattern
    )


def test_the_rule_matches_uploads_and_nothing_else(app: Chalice) -> None:
    [source] = [source for source in app.event_sources if source.name == "start_processing"]
    pattern = source.event_pattern
    matched = {path.stem for path in EVENTS.glob("*.json") if matches(pattern, event(path.stem))}
    assert matched == set(CREATED) - {"object_created_outside_uploads"}
    elsewhere = event("object_created_put_object")
    elsewhere["detail"]["bucket"]["name"] = "another-bucket"
    assert not matches(pattern, elsewhere)
