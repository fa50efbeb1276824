"""Whatever an event or an execution's input holds, it comes to a clear end, and to the same one twice."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from chalicelib.closing import close_execution
from chalicelib.errors import InvalidInputError, RiderPhotoError
from chalicelib.executions import handle_object_created
from chalicelib.models import USER_ID, RiderPhoto
from chalicelib.originals import identify
from chalicelib.steps.detect_faces import detect_faces as detect_faces_step
from chalicelib.steps.notify_rider import notify_rider as notify_rider_step
from chalicelib.steps.undo import undo as undo_step
from tests.fakes import RIDER, FakeAws, photo
from tests.unit.pipeline import error_info, run

TERMINAL = {"accepted", "rejected", "failed", "superseded"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
# What a key's parts may hold, and what they should not.
PARTS = st.one_of(
    st.sampled_from(
        ["uploads", "thumbnails", "Uploads", "..", ".", "", " ", "+", "%2F", "%2e%2e", "é", "e\u0301", "🦄"]
    ),
    st.sampled_from(
        [RIDER, "user_a", "a:b", "a b", "u" * 218, "u" * 219, "x" * 1024, "ü" * 512, "no-extension"]
    ),
    st.sampled_from(["01977421-c660-7000-8000-000000000001.jpg", "01977421-c660-4000-8000-000000000001.jpg"]),
    st.text(st.characters(), max_size=12),
)
KEYS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)
USER_IDS = st.one_of(PARTS, JSON, st.from_regex(USER_ID, fullmatch=True))


def fields(**known: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects in which each field may be missing, foreign or as it should be, with others beside them."""
    optional = {name: st.one_of(value, JSON) for name, value in known.items()}
    return st.builds(
        lambda other, own: {**other, **own},
        st.dictionaries(st.text(max_size=8), JSON, max_size=2),
        st.fixed_dictionaries({}, optional=optional),
    )


BUCKET = FakeAws().settings.photo_bucket
EVENTS = fields(
    id=st.just("17793124-05d4-b198-2fde-7ededc63b103"),
    detail=fields(
        bucket=fields(name=st.just(BUCKET)),
        object=fields(**{"key": KEYS, "version-id": st.sampled_from(["fake-version-00000001", "", "null"])}),
    ),
)


@given(EVENTS)
def test_any_event_starts_an_execution_or_is_put_aside_once(event: dict[str, Any]) -> None:
    aws = FakeAws()
    outcome = run(aws, handle_object_created, event=event)
    if outcome == "refused":
        assert aws.dead_letters() == [json.loads(json.dumps(event))]
        assert not aws.step_functions.executions
        return
    [(name, execution)] = aws.step_functions.executions.items()
    assert outcome == "started"
    assert re.fullmatch(r"[0-9A-Za-z_-]{1,80}", name)
    RiderPhoto.from_state(json.loads(execution.input))
    assert run(aws, handle_object_created, event=event) == "started"
    assert len(aws.step_functions.executions) == 1


def catch(step: Any, aws: FakeAws, **known: Any) -> dict[str, str] | None:
    """Run a step as the machine does, and give what a Catch hands on."""
    try:
        run(aws, step, **known)
    except (RiderPhotoError, ClientError) as error:
        return error_info(type(error).__name__, str(error))
    except ParamValidationError as error:
        # Real services refuse what botocore's models rule out with a code of their own.
        return error_info("ParamValidationError", str(error))
    return None


def process(aws: FakeAws, execution_input: Any) -> tuple[str, Any]:
    """FaceDetection and what follows a failure of it: how the execution ends, and its upload's row."""
    event = {"executionArn": aws.execution_arn("by-hand"), "state": execution_input}
    try:
        found = RiderPhoto.from_state(event)
    except InvalidInputError:
        return "refused", None
    caught = catch(detect_faces_step, aws, photo=found)
    if caught is None:
        return "detected", aws.row(identify(found, aws.s3))  # type: ignore[arg-type]
    event["state"] = {**execution_input, "errorInfo": caught}
    undone = run(aws, undo_step, photo=found, event=event)
    event["state"]["undone"] = {"Payload": undone}
    known = RiderPhoto.from_state(event)
    # The input may hold a half of what FaceDetection would have found out: as in the app, S3 is asked then.
    if known.upload_id is None:
        known = replace(known, upload_id=undone["uploadId"], version_id=undone["s3VersionId"])
    assert known.upload_id == undone["uploadId"]
    run(aws, notify_rider_step, photo=known, event=event)
    return undone["status"], aws.row(known)


INPUTS = fields(
    userId=USER_IDS,
    s3Bucket=st.sampled_from([BUCKET, "another-bucket", "A_B", "x"]),
    s3Key=st.one_of(KEYS, st.just("1_happy_face.jpg"), st.just("no_face.txt")),
    s3VersionId=st.sampled_from(["fake-version-00000001", "fake-version-00000009", "null", "x", "é"]),
    detectedFaceDetails=fields(
        Payload=fields(uploadId=st.just("01977421-c660-7000-8000-000000000001"), s3VersionId=st.just("null"))
    ),
    undone=JSON,
    errorInfo=JSON,
    parallelResult=JSON,
    confirmed=JSON,
)


@hypothesis_settings(max_examples=200)
@given(INPUTS)
@example({"userId": "user_a", "s3Bucket": BUCKET, "s3Key": "1_happy_face.jpg"})
@example({"userId": "user_a", "s3Bucket": BUCKET, "s3Key": "no_face.txt"})
@example({"userId": "user_a", "s3Bucket": BUCKET, "s3Key": "k", "detectedFaceDetails": {"uploadId": 7}})
@example({"userId": "user_a", "s3Bucket": BUCKET, "s3Key": "k", "undone": {"s3VersionId": []}})
def test_any_input_of_an_execution_comes_to_a_clear_end_twice_the_same(
    execution_input: dict[str, Any],
) -> None:
    aws = FakeAws()
    aws.put("1_happy_face.jpg", photo("anna"), "user_a")
    aws.put("no_face.txt", b"no picture", "user_a")
    outcome, row = process(aws, execution_input)
    if outcome in TERMINAL:
        assert row["status"]["S"] in TERMINAL
        again, row_again = process(aws, execution_input)
        assert again in TERMINAL | {"decided"}
        assert row_again["status"] == row["status"]
    else:
        assert outcome in {"refused", "detected"}
        assert aws.dynamodb.items(aws.settings.uploads_table) == []
    assert aws.faces() == []


@hypothesis_settings(max_examples=200)
@given(
    fields(
        executionArn=st.just(FakeAws().execution_arn("by-hand")),
        status=st.sampled_from(["FAILED", "TIMED_OUT", "ABORTED"]),
        input=INPUTS.map(json.dumps),
    )
)
def test_any_execution_that_ended_is_closed_and_stays_so(detail: dict[str, Any]) -> None:
    aws = FakeAws()
    aws.put("1_happy_face.jpg", photo("anna"), "user_a")
    first = run(aws, close_execution, detail=detail)
    rows = aws.dynamodb.items(aws.settings.uploads_table)
    assert {row["status"]["S"] for row in rows} <= TERMINAL
    assert first in {None, "failed", "decided"}
    second = run(aws, close_execution, detail=detail)
    assert second in {None, first, "decided"}
    statuses = [row["status"] for row in aws.dynamodb.items(aws.settings.uploads_table)]
    assert statuses == [row["status"] for row in rows]
