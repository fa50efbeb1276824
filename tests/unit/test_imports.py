"""What a function loads when it starts, and what only when it is called.

Looked at in an interpreter of its own, since this one has loaded everything: see `first_calls`.
"""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from chalice.app import Chalice

from benchmarks.costs.events import event_of_each, object_created
from chalicelib.settings import settings
from deploy.functions import FUNCTIONS
from tests.fakes import ENVIRONMENT, FakeAws, photo
from tests.fakes.app import app_on
from tests.statemachine.pipeline import Pipeline
from tests.unit.first_calls import Context, Recorded

ROOT: Final = Path(__file__).resolve().parents[2]
OTHER_RIDER: Final = "8a8a8a8a-1111-4222-8333-944444444444"
AT_START: Final = {"api", "clients", "errors", "models", "observability", "settings", "wiring"}
SETTINGS: Final = "rules outcome"
TABLE: Final = f"{SETTINGS} uploads_table rows"
MAIL: Final = "riders suppression mail mail.delivery mail.layout mail.words mail.words_en"
# What each function loads of the app besides, and other packages that are heavy, when it is called for the
# first time; and the clients that it makes, each of which takes longer than all of these modules.
EXPECTED: Final[Mapping[str, tuple[str, str]]] = {
    "api_handler": (f"{TABLE} uploads records riders", "dynamodb s3"),
    "start_processing": (f"{TABLE} executions admission", "dynamodb step_functions"),
    "start_waiting": (f"{TABLE} executions admission", "dynamodb step_functions"),
    "detect_faces": (f"{TABLE} steps steps.detect_faces image_header", "s3 rekognition"),
    "search_face": (f"{TABLE} originals steps steps.search_face claims", "rekognition"),
    "index_face": (f"{TABLE} originals steps steps.index_face claims", "dynamodb rekognition"),
    "make_thumbnail": (f"{SETTINGS} originals steps steps.make_thumbnail pictures rendering PIL", "s3"),
    "confirm_face": (f"{TABLE} originals steps steps.confirm_face claims riders", "dynamodb rekognition"),
    "persist_metadata": (f"{SETTINGS} steps steps.persist_metadata", "dynamodb"),
    "retire_replaced": (
        f"{TABLE} originals steps steps.retire_replaced claims pictures {MAIL}",
        "dynamodb cognito ses",
    ),
    "undo": (f"{TABLE} originals steps steps.undo claims pictures riders", "dynamodb sqs"),
    "notify_rider": (f"{TABLE} originals steps steps.notify_rider {MAIL}", "dynamodb cognito ses"),
    "close_execution": (f"{TABLE} originals closing", "dynamodb"),
    "audit": (
        f"{TABLE} audit closing originals passes unfinished executions admission strays retention "
        "erasure rider_objects claims pictures riders steps steps.retire_replaced",
        "dynamodb rekognition s3",
    ),
}
# What the API's routes import, each when it is asked for.
ROUTES: Final[Mapping[str, str]] = {
    "uploads": "uploads_table rows records riders",
    "pages": "",
    "consent": "rows",
    "appeals": "uploads_table rows originals",
    "riders": "uploads_table rows",
    "erasure": "uploads_table rows executions admission claims pictures riders rider_objects",
}

type Report = dict[str, dict[str, list[str]]]


class Recorder(Pipeline):
    """Keeps the first event of each function, and what AWS answered to it."""

    def __init__(self, aws: FakeAws, app: Chalice) -> None:
        super().__init__(aws, app)
        self._app = app
        self.sent: dict[str, Any] = {}
        self.recorded: dict[str, Recorded] = {}

    def invoke(self, function: str, event: Any) -> Any:
        """Invoke a function, and keep how that went."""
        calls: list[tuple[str, Any]] = []

        def around(client: Any, operation: str, parameters: Any, perform: Callable[[], Any]) -> Any:
            try:
                answer = perform()
            except client.exceptions.ClientError as error:
                calls.append((operation, error.response["Error"]["Code"]))
                raise
            if "Body" in answer:
                content = answer["Body"].read()
                calls.append((operation, {**answer, "Body": content}))
                return {**answer, "Body": io.BytesIO(content)}
            calls.append((operation, _plain(answer)))
            return answer

        for client in self.aws.clients:
            client.around = around
        # Routes are no function that Chalice's client knows.
        result = self._app(event, Context()) if function == "api_handler" else super().invoke(function, event)
        for client in self.aws.clients:
            client.around = None
        self.sent.setdefault(function, event)
        self.recorded.setdefault(function, Recorded(event, calls))
        return result


def _plain(value: Any) -> Any:
    """The value with nothing of the app in it, which reading it would load: statuses as strings."""
    if isinstance(value, dict):
        return {_plain(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, str) else value


def record() -> dict[str, Recorded]:
    """An invocation of each function: for a photo that is accepted, and one that is rejected."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        settings.cache_clear()
        aws = FakeAws()
        pipeline = Recorder(aws, app_on(aws, patch))
        aws.cognito.sign_up(OTHER_RIDER, email="other@example.com", email_verified="true")
        accepted, rejected = aws.upload(photo("alice")), aws.upload(photo(), OTHER_RIDER)
        for each in (accepted, rejected):
            pipeline.invoke("start_processing", object_created(each.bucket, each.key, each.version_id))
            pipeline.run(each)
        assert [aws.status(each) for each in (accepted, rejected)] == ["accepted", "rejected"]
        events = event_of_each(pipeline.sent, accepted.user_id, accepted.known_upload_id)
        for function, event in events.items():
            if function not in pipeline.recorded:
                pipeline.invoke(function, event)
        return pipeline.recorded


@pytest.fixture(scope="module")
def report() -> Report:
    """What each function loads when it is called, and each module of routes, and the clients they make."""
    jobs = {**record(), **{f"chalicelib.{module}": None for module in ROUTES}, "app": None}
    run = subprocess.run(
        [sys.executable, "-m", "tests.unit.first_calls"],
        input=pickle.dumps(jobs),
        cwd=ROOT,
        env={**ENVIRONMENT, "PATH": ""},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: Report = json.loads(run.stdout)
    return found


def loaded(report: Report, what: str) -> set[str]:
    """The modules of the app, and the packages for pictures and AWS, that there are besides app.py's."""
    names = report[what]["modules"]
    own = {name.removeprefix("chalicelib.") for name in names if name.startswith("chalicelib.")}
    # Powertools imports the package botocore itself, which is an empty room; its errors a client has anyway.
    return (own - AT_START) | ({"PIL", "boto3", "botocore.client", "urllib3"} & set(names))


def test_a_start_loads_little_of_the_app_and_neither_pictures_nor_boto3(report: Report) -> None:
    assert loaded(report, "app") == set()
    own = {name for name in report["app"]["modules"] if name.startswith("chalicelib.")}
    assert own == {f"chalicelib.{name}" for name in AT_START}


def test_every_function_has_its_modules_and_clients() -> None:
    assert list(EXPECTED) == list(FUNCTIONS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_loads_what_it_needs_and_makes_the_clients_it_calls(report: Report, function: str) -> None:
    modules, clients = EXPECTED[function]
    assert loaded(report, function) == set(modules.split())
    assert report[function]["clients"] == clients.split()


@pytest.mark.parametrize("module", ROUTES)
def test_a_route_loads_what_it_needs_and_makes_no_client_before_it_is_called(
    report: Report, module: str
) -> None:
    assert loaded(report, f"chalicelib.{module}") == {module, *ROUTES[module].split()}


def test_colours_are_managed_only_for_a_photo_with_a_profile(report: Report) -> None:
    assert "PIL.ImageCms" not in report["make_thumbnail"]["modules"]
