from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from chalice import Chalice
from chalice.test import Client

from chalicelib.errors import (
    FaceAlreadyExistsError,
    PhotoDoesNotMeetRequirementError,
    ServiceUnavailableError,
    UndecidedRivalError,
)
from chalicelib.models import RiderPhoto
from tests.fakes import ENVIRONMENT, RIDER, FakeAws, photo
from tests.unit.pipeline import accept, error_info, grow_old, parallel_result, started, state

PROJECT = Path(__file__).parents[2]
STEPS = {
    "detect_faces",
    "search_face",
    "index_face",
    "make_thumbnail",
    "confirm_face",
    "persist_metadata",
    "retire_replaced",
    "undo",
    "notify_rider",
}
OF_A_QUEUE = {"start_waiting"}
EVENT_HANDLERS = {"start_processing", "close_execution", "audit"}


@pytest.fixture
def invoke(app: Chalice) -> Callable[[str, Any], Any]:
    """Call a function as Lambda does: JSON in, JSON out."""
    with Client(app) as client:

        def call(name: str, event: Any) -> Any:
            answer = client.lambda_.invoke(name, json.loads(json.dumps(event))).payload
            assert json.loads(json.dumps(answer)) == answer
            return answer

        return call


def test_the_functions_have_the_names_that_the_stack_grants_roles_to(app: Chalice) -> None:
    assert {function.name for function in app.pure_lambda_functions} == STEPS | OF_A_QUEUE
    assert {source.name for source in app.event_sources} == EVENT_HANDLERS
    assert app.app_name == "rider-photos"


def test_every_function_has_its_memory_and_timeout_configured(app: Chalice) -> None:
    configured = json.loads((PROJECT / ".chalice" / "config.json").read_text())["lambda_functions"]
    assert set(configured) == STEPS | OF_A_QUEUE | EVENT_HANDLERS | {"api_handler"}


def test_app_py_stays_a_list_of_entry_points() -> None:
    assert len((PROJECT / "app.py").read_text().splitlines()) < 150


def test_importing_the_app_imports_neither_boto3_nor_pillow_and_makes_no_client() -> None:
    code = (
        "import sys, app; from chalicelib import clients;"
        "heavy = {'boto3', 'botocore.session', 'botocore.client', 'PIL'} & set(sys.modules);"
        "cached = {n: f for n, f in vars(clients).items() if hasattr(f, 'cache_info')};"
        "made = [n for n, f in cached.items() if f.cache_info().currsize];"
        "print(sorted(heavy), made)"
    )
    environment = {**os.environ, **ENVIRONMENT}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("[] []", "")


@pytest.mark.parametrize("missing", ["PHOTO_BUCKET", "USER_POOL_ARN", "STATE_MACHINE_ARN"])
def test_without_what_the_rule_and_the_authorizer_need_the_import_names_it(missing: str) -> None:
    environment = {name: value for name, value in {**os.environ, **ENVIRONMENT}.items() if name != missing}
    done = subprocess.run(
        [sys.executable, "-c", "import app"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"SettingsError: The environment variable {missing} is missing" in done.stderr


def bare_state(uploaded: RiderPhoto) -> dict[str, Any]:
    return {"userId": uploaded.user_id, "s3Bucket": uploaded.bucket, "s3Key": uploaded.key}


@pytest.mark.parametrize("wrapped", [True, False], ids=["lambda:invoke", "json task"])
def test_a_photo_goes_through_all_functions(
    aws: FakeAws, invoke: Callable[[str, Any], Any], wrapped: bool
) -> None:
    uploaded = aws.upload(photo("anna"))
    current = bare_state(uploaded)

    def run(name: str) -> Any:
        if not wrapped:
            return invoke(name, current)
        return {"Payload": invoke(name, {"executionArn": uploaded.execution_arn, "state": current})}

    current["detectedFaceDetails"] = run("detect_faces")
    run("search_face")
    current["parallelResult"] = [run("index_face"), run("make_thumbnail")]
    if wrapped:  # the workshop's own definitions know no claims
        current["confirmed"] = run("confirm_face")
    assert run("persist_metadata") == ({"Payload": {}} if wrapped else {})
    run("retire_replaced")
    assert aws.status(uploaded) == "accepted"
    assert ((aws.row(uploaded) or {}).get("claim") == {"S": "confirmed"}) == wrapped
    [face] = aws.faces()
    live = aws.live_item()
    assert live is not None
    assert live["faceId"] == {"S": face.face_id}
    assert aws.thumbnails() == [live["thumbnail"]["M"]["s3key"]["S"]]


def test_a_photo_at_the_root_of_the_bucket_keeps_its_upload_id_through_all_functions(
    aws: FakeAws, invoke: Callable[[str, Any], Any]
) -> None:
    stored = aws.put("1_happy_face.jpg", photo("anna"), "user_a")
    current = bare_state(stored)
    found = invoke("detect_faces", current)
    # Without what FaceDetection found out, as in the workshop's first definitions, each step asks S3 itself.
    assert invoke("index_face", current)["ExternalImageId"] == f"user_a:{found['uploadId']}"
    assert found["uploadId"] in invoke("make_thumbnail", current)["thumbnail"]["s3key"]


def test_a_rejection_keeps_its_error_name_and_reaches_the_rider(
    aws: FakeAws, invoke: Callable[[str, Any], Any]
) -> None:
    aws.cognito.sign_up(RIDER, email="rider@example.com", email_verified="true")
    uploaded = aws.upload(photo("anna", "bob"))
    with pytest.raises(PhotoDoesNotMeetRequirementError) as rejected:
        invoke("detect_faces", bare_state(uploaded))
    info = error_info(type(rejected.value).__name__, str(rejected.value))
    answer = invoke("notify_rider", {**bare_state(uploaded), "errorInfo": info})
    assert (answer["reason"], answer["mail"]) == ("MULTIPLE_FACES", "sent")
    assert aws.status(uploaded) == "rejected"


def test_a_taken_face_keeps_its_error_name(aws: FakeAws, invoke: Callable[[str, Any], Any]) -> None:
    accept(aws, aws.upload(photo("anna"), "annas-id"))
    with pytest.raises(FaceAlreadyExistsError):
        invoke("search_face", state(aws.upload(photo("anna", nonce=1), "bobs-id")))


def test_a_rival_that_is_not_decided_is_waited_for_under_the_name_that_the_machine_retries(
    aws: FakeAws, invoke: Callable[[str, Any], Any]
) -> None:
    older, younger = aws.upload(photo("anna"), "annas-id"), aws.upload(photo("anna", nonce=1), "bobs-id")
    results = {rider.user_id: parallel_result(aws, rider) for rider in (older, younger)}
    with pytest.raises(UndecidedRivalError):
        invoke("confirm_face", state(younger, parallelResult=results["bobs-id"]))
    assert invoke("confirm_face", state(older, parallelResult=results["annas-id"])) == {"replaces": ""}
    with pytest.raises(FaceAlreadyExistsError):
        invoke("confirm_face", state(younger, parallelResult=results["bobs-id"]))


def test_an_execution_that_was_aborted_is_closed_by_its_event(
    aws: FakeAws, invoke: Callable[[str, Any], Any]
) -> None:
    uploaded = started(aws, aws.upload(photo("anna")))
    parallel_result(aws, uploaded)
    event = json.loads((PROJECT / "tests" / "events" / "execution_aborted.json").read_text())
    name = (uploaded.execution_arn or "").rpartition(":")[2]
    event["detail"] |= {
        "executionArn": uploaded.execution_arn,
        "input": aws.step_functions.executions[name].input,
    }
    assert invoke("close_execution", event) == {"outcome": "failed"}
    assert aws.faces() == []
    assert aws.status(uploaded) == "failed"


def test_the_rule_of_ended_executions_matches_what_no_catch_sees(app: Chalice) -> None:
    [source] = [source for source in app.event_sources if source.name == "close_execution"]
    event = json.loads((PROJECT / "tests" / "events" / "execution_aborted.json").read_text())
    pattern = source.event_pattern
    assert pattern["source"] == [event["source"]]
    assert pattern["detail-type"] == [event["detail-type"]]
    assert event["detail"]["stateMachineArn"] in pattern["detail"]["stateMachineArn"]
    assert set(pattern["detail"]["status"]) == {"FAILED", "TIMED_OUT", "ABORTED"}


def test_the_audit_runs_every_five_minutes_as_a_function(
    app: Chalice, aws: FakeAws, invoke: Callable[[str, Any], Any]
) -> None:
    uploaded = aws.upload(photo("anna"))
    grow_old(aws)
    [schedule] = [source for source in app.event_sources if source.name == "audit"]
    assert schedule.schedule_expression.to_string() == "rate(5 minutes)"
    event = json.loads((PROJECT / "tests" / "events" / "scheduled_event.json").read_text())
    assert invoke("audit", event) == {"complete": True}
    assert aws.status(uploaded) == "processing"
    assert [execution.arn for execution in aws.step_functions.executions.values()] == [uploaded.execution_arn]


def test_undo_runs_as_a_function(aws: FakeAws, invoke: Callable[[str, Any], Any]) -> None:
    uploaded = aws.upload(photo("anna"))
    invoke("index_face", state(uploaded))
    timeout = {"Error": "States.Timeout", "Cause": ""}
    assert invoke("undo", state(uploaded, errorInfo=timeout))["status"] == "failed"
    assert aws.faces() == []


@pytest.mark.parametrize(
    "error_of",
    [
        lambda aws: aws.rekognition.error("ThrottlingException"),
        lambda aws: aws.rekognition.error("ProvisionedThroughputExceededException"),
        lambda aws: aws.rekognition.error("InternalServerError", status=500),
        lambda aws: ReadTimeoutError(endpoint_url="https://rekognition"),
    ],
)
def test_what_may_pass_is_raised_under_the_name_that_the_machine_retries(
    aws: FakeAws, invoke: Callable[[str, Any], Any], error_of: Any
) -> None:
    aws.rekognition.fail_next("detect_faces", error_of(aws))
    with pytest.raises(ServiceUnavailableError):
        invoke("detect_faces", bare_state(aws.upload(photo("anna"))))


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "InvalidParameterException", "ResourceNotFoundException"]
)
def test_what_will_not_pass_is_raised_as_it_is(
    aws: FakeAws, invoke: Callable[[str, Any], Any], code: str
) -> None:
    error = aws.rekognition.error(code)
    aws.rekognition.fail_next("detect_faces", error)
    with pytest.raises(type(error)) as raised:
        invoke("detect_faces", bare_state(aws.upload(photo("anna"))))
    assert raised.value is error


@pytest.mark.parametrize("event", [{}, [], "text", {"state": {}}, {"state": []}, {"userId": "../.."}])
@pytest.mark.parametrize("name", sorted(STEPS))
def test_an_input_that_makes_no_sense_is_an_error_of_that_name(
    invoke: Callable[[str, Any], Any], name: str, event: Any
) -> None:
    with pytest.raises(Exception, match=r"'?userId'?") as raised:
        invoke(name, event)
    assert type(raised.value).__name__ == "InvalidInputError"


def test_log_lines_carry_the_executions_name(
    app: Chalice, aws: FakeAws, invoke: Callable[[str, Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.observability import logger

    seen: list[str | None] = []
    monkeypatch.setattr(logger, "set_correlation_id", seen.append)
    uploaded = aws.upload(photo("anna"))
    invoke(
        "detect_faces",
        {"executionArn": "arn:aws:states:::execution:machine:name-1", "state": bare_state(uploaded)},
    )
    invoke("detect_faces", bare_state(uploaded))
    assert seen == ["name-1", None]
