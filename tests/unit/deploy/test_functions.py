from __future__ import annotations

import ast
import itertools
import json
import re
from pathlib import Path

import boto3
import pytest

from deploy.functions import (
    API_HANDLER,
    EVENT_HANDLERS,
    FUNCTIONS,
    TRIGGERED,
    Names,
    is_stage,
    role_output,
)

PROJECT = Path(__file__).parents[3]


def functions_of_app(*kinds: str) -> set[str]:
    """Names in the app's decorators of these kinds, or of all; every route is in the one API handler."""
    found = set()
    sources = [PROJECT / "app.py", PROJECT / "chalicelib/api.py"]
    trees = [ast.parse(source.read_text(encoding="utf-8")) for source in sources]
    for node in itertools.chain.from_iterable(map(ast.walk, trees)):
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute):
                    kind = decorator.func.attr
                    names = [word.value.value for word in decorator.keywords if word.arg == "name"]
                    if kind == "route" and not kinds:
                        found.add(API_HANDLER)
                    elif kind in (kinds or ("lambda_function", "on_cw_event", "schedule")):
                        found.add(names[0] if names else node.name)
    return found


def test_the_table_has_every_function_of_the_app_and_no_other() -> None:
    assert set(FUNCTIONS) == functions_of_app()


def test_what_rules_invoke_is_known_and_of_which_no_event_may_be_lost() -> None:
    assert set(TRIGGERED) == functions_of_app("on_cw_event", "schedule")
    assert set(EVENT_HANDLERS) == functions_of_app("on_cw_event")


def test_every_function_has_a_memory_and_a_timeout_of_its_own() -> None:
    functions = json.loads((PROJECT / ".chalice/config.json").read_text())["lambda_functions"]
    assert set(functions) == set(FUNCTIONS)
    for name, settings in functions.items():
        assert 128 <= settings["lambda_memory_size"] <= 1024, name
        # A step, and who waits for an upload, is quick; what works through a list takes its time.
        longest = {"close_execution": 60, "audit": 240}.get(name, 30)
        assert settings["lambda_timeout"] <= longest, name
    # API Gateway answers 504 by itself after 29 seconds.
    assert functions[API_HANDLER]["lambda_timeout"] <= 29


def test_what_all_stages_share_belongs_to_no_account() -> None:
    shared = json.loads((PROJECT / ".chalice/config.json").read_text())
    del shared["stages"]
    assert not re.search(r"arn:|\b\d{12}\b|@", json.dumps(shared))


def test_names_are_those_that_chalice_forms() -> None:
    names = Names("dev")
    assert names.function("detect_faces") == "rider-photos-dev-detect_faces"
    assert names.function(API_HANDLER) == "rider-photos-dev"
    assert names.rule("close_execution") == "rider-photos-dev-close_execution-event"
    assert names.log_group(API_HANDLER) == "/aws/lambda/rider-photos-dev"
    assert role_output("detect_faces") == "DetectFacesRoleArn"
    assert role_output(API_HANDLER) == "ApiHandlerRoleArn"


def test_the_longest_bucket_name_fits_in_every_region() -> None:
    for region in boto3.Session().get_available_regions("rekognition"):
        names = Names("a" * 10)
        assert len(names.thumbnail_bucket("0" * 12, region)) <= 63
        assert len(names.photo_bucket("0" * 12, region)) <= 63


@pytest.mark.parametrize("stage", ["a", "dev", "local", "x123456789"])
def test_a_stage_is_a_short_word(stage: str) -> None:
    assert is_stage(stage)


@pytest.mark.parametrize("stage", ["", "Dev", "1dev", "dev-1", "a" * 11, "dev\n", "dév", "../x", "a b"])
def test_what_cannot_be_in_a_bucket_name_is_no_stage(stage: str) -> None:
    assert not is_stage(stage)
