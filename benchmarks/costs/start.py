"""The start of a function: what loading app.py costs, and the first invocation of each.

Beside them, in the same run: a bare function of Chalice with Powertools, and one of boto3 alone, that make
the same AWS calls. The calls go to the embedded AWS, with the events that the state machine sent there.
Processor time of whole processes, the interpreter's start included.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, Final

from benchmarks.costs.events import event_of_each
from benchmarks.costs.figures import Figure
from benchmarks.costs.processes import FOLDER, PROJECT, cost_of, interleaved, median_seconds
from benchmarks.costs.stacks import bench_stack
from deploy.functions import Names
from local import demo
from local.demo_photos import story
from local.places import CACHE

COMMAND: Final = "python -m benchmarks.costs start"
_FOLDER: Final = FOLDER / "start"
_BARE: Final = (
    "from chalice import Chalice; from aws_lambda_powertools import Logger; "
    "from aws_lambda_powertools.metrics import MetricUnit, single_metric; "
    "app = Chalice(app_name='bare', configure_logs=False); logger = Logger(service='bare')"
)
_FUNCTION_OF_STATE: Final = {
    "FaceDetection": "detect_faces",
    "CheckFaceDuplicate": "search_face",
    "AddFaceToIndex": "index_face",
    "Thumbnail": "make_thumbnail",
    "ConfirmFaceUnique": "confirm_face",
    "RetireReplacedPhoto": "retire_replaced",
    "PhotoDoesNotMeetRequirement": "notify_rider",
}
_PYTHON: Final = "pass"
_APP: Final = "import app"
# As an app does that makes its clients at the top of its modules: shown beside.
_CLIENTS: Final = (
    "from chalicelib import clients\n"
    "for name in ('s3', 'rekognition', 'dynamodb', 'ses', 'sqs', 'step_functions', 'cognito'):\n"
    "    getattr(clients, name)()\n"
)


def missing() -> list[str]:
    """Nothing but what the project installs is needed."""
    return []


def measure(runs: int) -> Iterator[Figure]:
    """Figures of loading and of first invocations."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with bench_stack() as stack:
        environment = {**os.environ, **stack.environment, **_function_environment(stack)}
        events = dict(_events(stack))
        for function, event in events.items():
            (_FOLDER / f"{function}.json").write_text(json.dumps(event))
            cost_of(_invoke("record", function), environment, PROJECT)
            (_FOLDER / f"{function}.imports.txt").write_text(_import_time(environment, function))
        yield from _loading(environment, runs)
        yield from _first_invocations(environment, list(events), runs)


def _loading(environment: dict[str, str], runs: int) -> Iterator[Figure]:
    modules = f"import app\nfor name in {_all_modules(environment)!r}: __import__(name)"
    programs = {
        "interpreter": _PYTHON,
        "bare": _BARE,
        "app": _APP,
        "all modules": modules,
        "all modules and clients": f"{modules}\n{_CLIENTS}",
    }
    costs = interleaved(
        {
            name: lambda code=code: cost_of([sys.executable, "-c", code], environment, PROJECT)
            for name, code in programs.items()
        },
        2 * runs + 1,
    )
    took = {name: median_seconds(found) for name, found in costs.items()}
    raw = {name: [cost.seconds for cost in found] for name, found in costs.items()}
    absolute = "; ".join(f"{name} {1000 * seconds:.0f} ms" for name, seconds in took.items())
    yield Figure("import_vs_bare", took["app"] / took["bare"], absolute, COMMAND, raw, versions())
    yield Figure("import_vs_eager", took["app"] / took["all modules"], absolute, COMMAND, raw, versions())


def _import_time(environment: dict[str, str], function: str) -> str:
    """What a first invocation imports, and how long each module takes: the interpreter's own report."""
    program, *arguments = _invoke("app", function)
    cost_of([program, "-X", "importtime", *arguments], environment, PROJECT)
    lines = (FOLDER / "said.txt").read_text().splitlines()
    return "\n".join(line for line in lines if line.startswith("import time:")) + "\n"


def _all_modules(environment: dict[str, str]) -> list[str]:
    """Every module that the first invocations of all functions load together."""
    code = (
        "import sys, json, pkgutil, importlib, app, chalicelib\n"
        "for m in pkgutil.walk_packages(chalicelib.__path__, 'chalicelib.'):\n"
        "    importlib.import_module(m.name)\n"
        f"{_CLIENTS}"
        "from PIL import Image, ImageCms, ImageOps, JpegImagePlugin, PngImagePlugin\n"
        "print(json.dumps([n for n, m in sys.modules.items() if getattr(m, '__spec__', None)]))"
    )
    cost_of([sys.executable, "-c", code], environment, PROJECT)
    names: list[str] = json.loads((FOLDER / "said.txt").read_text())
    return [name for name in names if name != "__main__" and not name.startswith("botocore.vendored.six.")]


def _first_invocations(environment: dict[str, str], functions: list[str], runs: int) -> Iterator[Figure]:
    ratios: dict[str, dict[str, float]] = {"chalice": {}, "boto3": {}}
    raw: dict[str, Any] = {}
    for function in functions:
        costs = interleaved(
            {
                how: lambda how=how, function=function: cost_of(_invoke(how, function), environment, PROJECT)
                for how in ("app", "chalice", "boto3")
            },
            runs,
        )
        took = {how: median_seconds(found) for how, found in costs.items()}
        raw[function] = {how: [cost.seconds for cost in found] for how, found in costs.items()}
        for how, found in ratios.items():
            found[function] = took["app"] / took[how]
    for how, name in (("chalice", "first_invoke_vs_bare"), ("boto3", "first_invoke_vs_boto3")):
        worst = max(ratios[how], key=lambda function: ratios[how][function])
        each = "; ".join(f"{function} {ratio:.2f}" for function, ratio in ratios[how].items())
        yield Figure(name, ratios[how][worst], f"worst: {worst}; {each}", COMMAND, raw, versions())


def _invoke(how: str, function: str) -> list[str]:
    program = [sys.executable, "-m", "benchmarks.costs.programs.invoke", how, function]
    return [*program, str(_FOLDER / f"{function}.json"), str(_FOLDER / f"{function}.calls")]


def _function_environment(stack: Any) -> dict[str, str]:
    name = Names(stack.deployment.stage).function("make_thumbnail")
    configuration = stack.client("lambda").get_function_configuration(FunctionName=name)
    variables: dict[str, str] = configuration["Environment"]["Variables"]
    return variables


def _events(stack: Any) -> Iterator[tuple[str, Any]]:
    """An event of each function: what the state machine sent it for an accepted or a rejected photo."""
    photos = [photo for photo in story(CACHE, lambda text: None) if photo.rider in {1, 5}]
    outcomes = [outcome for _, outcome in demo.run(stack, photos[:1] + photos[-2:-1], lambda photo: None)]
    found: dict[str, Any] = {}
    for outcome in outcomes:
        found = {**_sent(stack, outcome.executionArn), **found}
    yield from event_of_each(found, outcomes[0].userId, outcomes[0].uploadId).items()


def _sent(stack: Any, execution: str | None) -> dict[str, Any]:
    pages = stack.client("stepfunctions").get_paginator("get_execution_history")
    sent = {}
    for page in pages.paginate(executionArn=execution):
        for event in page["events"]:
            entered = event.get("stateEnteredEventDetails", {})
            if entered.get("name") in _FUNCTION_OF_STATE:
                state = json.loads(entered["input"])
                sent[_FUNCTION_OF_STATE[entered["name"]]] = {"executionArn": execution, "state": state}
    return sent


def versions() -> dict[str, str]:
    """Of the packages that are loaded."""
    return {name: version(name) for name in ("chalice", "aws-lambda-powertools", "boto3", "Pillow")}
