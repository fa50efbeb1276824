"""Every AWS call that each function makes, over all that can happen to it.

The functions of events and the state machine run in the simulation, in every order and with every
fault; the API's routes run against the fakes. Neither asks who is allowed what, so a call
is recorded whether or not a role grants it.
"""

from __future__ import annotations

import importlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from chalice.local import LambdaContext

from chalicelib import clients, wiring
from chalicelib.consent import CONSENT_VERSION
from chalicelib.erasure import Eraser
from chalicelib.errors import RiderPhotoError
from chalicelib.models import UNVERSIONED, Reason, UploadStatus, upload_key, uuid7
from chalicelib.rows import key_of
from chalicelib.steps.make_thumbnail import make_thumbnail
from tests.fakes import ENVIRONMENT, RIDER, FakeAws, photo
from tests.roles.calls import PREFIX, Need, needs_of
from tests.simulation import calls as simulated_calls
from tests.simulation import scenarios
from tests.simulation.cells import World
from tests.simulation.events import closing_event, created_event, scheduled_event, turn_event
from tests.simulation.explore import explore, run_to_end
from tests.simulation.faults import Fault
from tests.simulation.invocations import Run, simulated
from tests.simulation.machines import Machine
from tests.simulation.system import Action
from tests.simulation.walks import Walks
from tests.statemachine.definitions import function_of, rider_photo_processing
from tests.unit.pipeline import accept, audit, error_info, grow_old, run, started

type Recorded = dict[str, set[Need]]

# Who makes the call that the simulation knows under this name; None: nobody who has a role.
_CALLERS: Final[Mapping[str, str | None]] = {
    "put_item": "state_machine",
    "erase": "api_handler",
    "restart": None,  # an operator
    "start": None,  # somebody by hand
}


def recorded(patches: pytest.MonkeyPatch) -> Recorded:
    """By function, what its calls need; `state_machine` for what the state machine calls itself."""
    found: Recorded = defaultdict(set)
    with pytest.MonkeyPatch.context() as simulation:  # with a clock of its own
        _simulate(simulation, found)
    for name, value in ENVIRONMENT.items():
        patches.setenv(name, value)
    aws = FakeAws()
    for name in ("s3", "dynamodb", "rekognition", "ses", "sqs", "step_functions", "cognito"):
        fake = getattr(aws, name)
        patches.setattr(clients, name, lambda fake=fake: fake)
        patches.setitem(wiring._PROVIDERS, name, lambda fake=fake: fake)
    app = importlib.import_module("app")
    _call_routes(app, aws, patches, found["api_handler"])
    _run_steps(app, aws, found)
    _receive_events(app, aws, found)
    _audit(found["audit"])
    _wait_for_turns(app, aws, found)
    _look_after_the_erased(app, aws, found["audit"])
    for function in _invoked(rider_photo_processing()["States"]):
        found["state_machine"].add(
            Need("lambda:InvokeFunction", f"arn:aws:lambda:{PREFIX}:function:rider-photos-test-{function}")
        )
    return dict(found)


def _simulate(patches: pytest.MonkeyPatch, found: Recorded) -> None:
    first = Run.__init__

    def record(run: Run, *args: Any, **known: Any) -> None:
        first(run, *args, **known)
        caller = _CALLERS.get(run.function, run.function)
        if run.request and caller:
            needs = needs_of(run.request.service, run.request.operation, run.request.parameters)
            found[caller].update(needs)

    patches.setattr(Run, "__init__", record)
    with simulated(patches):
        Machine.use()
        simulated_calls.forget()
        for scenario, fault_count in (
            *((scenario, 1) for scenario in (scenarios.ONE_RIDER, scenarios.NOBODY)),
            *((scenario, 0) for scenario in (scenarios.SAME_EVENT, scenarios.SWAPPED)),
            *((scenario, 0) for scenario in (scenarios.TWO_RIDERS, scenarios.TWINS, scenarios.TWO_PHOTOS)),
            *((scenario, 0) for scenario in (scenarios.TWO_PEOPLE, scenarios.TWO_BY_HAND, scenarios.TURN)),
        ):
            explore(scenario, fault_count)
        explore(scenarios.replayed(run_to_end(scenarios.ONE_RIDER.start())))
        explore(scenarios.restarted(_failed(), times=1))
        for scenario in (scenarios.ERASED, scenarios.AUDITED, scenarios.AUDITED_RIVALS):
            walks = Walks(scenario, fault_count=2)
            for seed in range(150):
                walks.walk(seed)
        simulated_calls.forget()


def _failed() -> World:
    """A world in which an upload failed for good."""

    def without_thumbnail(possible: list[Action]) -> Action:
        refused = [a for a in possible if a.job and a.job.run.function == "make_thumbnail"]
        return next((a for a in refused if a.kind == Fault.REFUSED), possible[0])

    return run_to_end(scenarios.ONE_RIDER.start(1), without_thumbnail)


# --- what the simulation does not run -----------------------------------------------------------------------


@contextmanager
def _recording(aws: FakeAws, needs: set[Need]) -> Iterator[None]:
    before = {client.service: len(client.calls) for client in aws.clients}
    try:
        yield
    finally:
        for client in aws.clients:
            for call in client.calls[before[client.service] :]:
                needs.update(needs_of(client.service, call.operation, call.parameters))


def _call_routes(app: Any, aws: FakeAws, patches: pytest.MonkeyPatch, needs: set[Need]) -> None:
    """A rider's whole life: every route, with and without anything there."""
    _record_signatures(aws, patches, needs)
    called: set[tuple[str, str]] = set()

    def call(method: str, resource: str, body: Any = None, **parameters: str) -> int:
        called.add((method, resource))
        with _recording(aws, needs):
            answer = app.app(_request(method, resource, body, parameters), LambdaContext("api_handler", 256))
        assert answer["statusCode"] < 500, answer
        return int(answer["statusCode"])

    statuses = [
        call("GET", "/"),
        call("GET", "/web/{name}", name="app.js"),
        call("GET", "/consent"),
        call("GET", "/photo"),
        call("POST", "/uploads", {"contentType": "image/jpeg"}),
        call("POST", "/consent", {"version": CONSENT_VERSION}),
        call("GET", "/consent"),
        call("POST", "/uploads", {"contentType": "image/jpeg"}),
    ]
    assert statuses == [200, 200, 200, 404, 403, 204, 200, 201]
    live = accept(aws, aws.upload(photo("anna")))
    rejected = started(aws, aws.upload(photo("bob")))
    aws.table.end(rejected, UploadStatus.REJECTED, reason=Reason.FACE_CHANGED, message="rejected")
    started(aws, aws.upload(photo("anna")))
    statuses = [
        call("GET", "/uploads/{upload_id}", upload_id=live.known_upload_id),
        call("GET", "/uploads/{upload_id}", upload_id=rejected.known_upload_id),
        call(
            "POST",
            "/uploads/{upload_id}/appeal",
            {"message": "It is me."},
            upload_id=rejected.known_upload_id,
        ),
        call("GET", "/photo"),
        call("DELETE", "/photo"),
        call("DELETE", "/consent"),
    ]
    assert statuses == [200, 200, 204, 200, 204, 204]
    routes = {(entry.method, entry.uri_pattern) for by in app.app.routes.values() for entry in by.values()}
    assert called == routes, "every route is called"


def _record_signatures(aws: FakeAws, patches: pytest.MonkeyPatch, needs: set[Need]) -> None:
    """Whoever uses what was signed may do what the signer may."""
    sign_post, sign_url = aws.s3.generate_presigned_post, aws.s3.generate_presigned_url

    def post(bucket: str, key: str, **options: Any) -> Any:
        needs.update(needs_of("s3", "put_object", {"Bucket": bucket, "Key": key}))
        return sign_post(bucket, key, **options)

    def url(operation: str, **options: Any) -> str:
        if operation != "head_bucket":  # the page takes the origin of that URL alone; nobody opens it
            needs.update(needs_of("s3", operation, options["Params"]))
        return sign_url(operation, **options)

    patches.setattr(aws.s3, "generate_presigned_post", post)
    patches.setattr(aws.s3, "generate_presigned_url", url)


def _request(method: str, resource: str, body: Any, parameters: Mapping[str, str]) -> dict[str, Any]:
    """The event that API Gateway sends."""
    return {
        "resource": resource,
        "path": resource.format(**parameters),
        "httpMethod": method,
        "headers": {"content-type": "application/json"},
        "multiValueHeaders": {"content-type": ["application/json"]},
        "multiValueQueryStringParameters": None,
        "pathParameters": dict(parameters) or None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": resource,
            "httpMethod": method,
            "path": f"/api{resource.format(**parameters)}",
            "identity": {"sourceIp": "203.0.113.7"},
            "authorizer": {"claims": {"sub": RIDER, "token_use": "id", "email": "rider@example.com"}},
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def _run_steps(app: Any, aws: FakeAws, found: Recorded) -> None:
    """All functions of a photo, as the workshop's machines call them: each step finds out all by itself."""
    for rider, with_version in (("carol", False), ("dave", True)):
        aws.cognito.sign_up(rider, email=f"{rider}@example.com", email_verified="true")
        uploaded = aws.put(f"{rider}.jpg", photo(rider), rider)
        state: dict[str, Any] = {"userId": rider, "s3Bucket": uploaded.bucket, "s3Key": uploaded.key}
        if with_version:
            state["s3VersionId"] = uploaded.version_id

        def step(name: str, state: dict[str, Any] = state) -> Any:
            # Those machines know no claims, so some steps refuse; what they have called by then counts.
            with suppress(RiderPhotoError), _recording(aws, found[name]):
                return getattr(app, name)(state, LambdaContext(name, 256))

        step("detect_faces")
        step("search_face")
        state["parallelResult"] = [step("index_face"), step("make_thumbnail")]
        step("persist_metadata")
        step("retire_replaced")
        step("confirm_face")
        state["errorInfo"] = error_info("States.TaskFailed")
        step("undo")
        step("notify_rider")


def _receive_events(app: Any, aws: FakeAws, found: Recorded) -> None:
    """Events of objects that no form announced, and of their executions."""
    put = [aws.put(key, photo("eve"), "eve") for key in ("eve.jpg", "uploads/not a rider!.jpg")]
    put.append(aws.put(upload_key("eve", uuid7(1, bytes(10)), "jpg"), photo("eve"), "eve"))
    for uploaded in put:
        event = created_event(uploaded.bucket, uploaded.key, str(uploaded.version_id))
        with _recording(aws, found["start_processing"]):
            app.start_processing(event, LambdaContext("start_processing", 256))
    data = {"userId": "eve", "s3Bucket": put[0].bucket, "s3Key": put[0].key}
    event = closing_event(aws.execution_arn("by-hand"), "FAILED", json.dumps(data))
    with _recording(aws, found["close_execution"]):
        app.close_execution(event, LambdaContext("close_execution", 256))


def _look_after_the_erased(app: Any, aws: FakeAws, needs: set[Need]) -> None:
    """What comes in late for a rider that was erased; of the audit the simulation runs all else."""
    late = aws.upload(photo("fay"), "fay")
    run(aws, Eraser).erase("fay")
    again = started(aws, aws.put(late.key, photo("fay"), "fay"))
    run(aws, make_thumbnail, photo=again, event={})
    aws.table.adopt(late)
    with _recording(aws, needs):
        app.audit(scheduled_event(), LambdaContext("audit", 256))


def _audit(needs: set[Need]) -> None:
    """An original whose object had no version when it was looked for, and a failure that nobody closed.

    It failed with its claim open: a face may have been indexed that nobody knows of.
    """
    aws = FakeAws()
    unversioned = replace(aws.upload(photo("gus"), "gus"), version_id=UNVERSIONED)
    started(aws, unversioned)
    aws.table.end(unversioned, UploadStatus.REJECTED, reason=Reason.NO_FACE, message="rejected")
    aws.cognito.sign_up("hal", email="hal@example.com", email_verified="true")
    failed = started(aws, aws.upload(photo("hal"), "hal"))
    aws.table.open_claim(failed)
    aws.step_functions.close((failed.execution_arn or "").rpartition(":")[2], "FAILED")
    grow_old(aws)
    with _recording(aws, needs):
        audit(aws)


def _wait_for_turns(app: Any, aws: FakeAws, found: Recorded) -> None:
    """Uploads in a crowd, each too early and in time: one, its form's second file, one without its row by
    then, and one of a rider erased by then.
    """
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    turns = {"userId": {"S": "#admission"}, "uploadId": {"S": "turns"}}
    then = {"nextTurn": {"N": str(int(in_an_hour.timestamp() * 1000))}}
    aws.dynamodb.put_item(TableName=aws.settings.uploads_table, Item=turns | then)
    kept = aws.upload(photo("ida"), "ida")
    again = aws.put(kept.key, photo("ida", nonce=1), "ida")
    forgotten, unwanted = aws.upload(photo("joe"), "joe"), aws.upload(photo("kim"), "kim")
    for uploaded in (kept, again, forgotten, unwanted):
        event = created_event(uploaded.bucket, uploaded.key, str(uploaded.version_id))
        with _recording(aws, found["start_processing"]):
            app.start_processing(event, LambdaContext("start_processing", 256))
        if uploaded is forgotten:
            aws.dynamodb.delete_item(
                TableName=aws.settings.uploads_table, Key=key_of(aws.row(uploaded) or {})
            )
        if uploaded is unwanted:
            run(aws, Eraser).erase(uploaded.user_id)
        for turn in (in_an_hour, datetime.now(UTC)):
            with _recording(aws, found["start_waiting"]):
                app.start_waiting(
                    turn_event(turn.isoformat(), json.dumps(event)), LambdaContext("start_waiting", 256)
                )


def _invoked(states: Mapping[str, Any]) -> Iterator[str]:
    """The functions that Task states name, those in branches too."""
    for state in states.values():
        function = function_of(state)
        if function:
            yield function
        for branch in state.get("Branches", []):
            yield from _invoked(branch["States"])
