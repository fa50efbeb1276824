"""What a function loads when it starts, and what only when it is first called.

Each check runs in an interpreter of its own, since this one has loaded everything.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.fakes import ENVIRONMENT

ROOT: Final = Path(__file__).resolve().parents[2]
STEPS: Final = (
    *("detect_faces", "search_face", "index_face", "make_thumbnail", "confirm_face", "persist_metadata"),
    *("retire_replaced", "undo", "notify_rider"),
)
OTHERS: Final = ("executions", "closing", "audit", "uploads", "pages", "consent", "appeals", "erasure")


def loaded_by(code: str) -> set[str]:
    """Names of all modules that are loaded after some code."""
    report = f"{code}\nimport sys, json; print(json.dumps(list(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", report],
        cwd=ROOT,
        env={**ENVIRONMENT, "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(run.stdout))


@pytest.fixture(scope="module")
def at_start() -> set[str]:
    return loaded_by("import app")


@pytest.mark.parametrize("package", ["PIL", "boto3", "botocore", "urllib3"])
def test_a_start_loads_neither_pictures_nor_boto3(at_start: set[str], package: str) -> None:
    # Powertools imports the package botocore itself, which is an empty room.
    assert not {name for name in at_start if name.partition(".")[0] == package} - {"botocore"}


def test_a_start_loads_little_of_the_app(at_start: set[str]) -> None:
    own = {name for name in at_start if name.startswith("chalicelib.")}
    assert own == {
        f"chalicelib.{name}"
        for name in ("api", "clients", "errors", "models", "observability", "settings", "wiring")
    }


@pytest.mark.parametrize("module", [*(f"steps.{step}" for step in STEPS), *OTHERS])
def test_pillow_is_loaded_for_no_function_before_it_has_a_photo(module: str) -> None:
    loaded = loaded_by(f"import app, chalicelib.{module}")
    assert not {name for name in loaded if name.partition(".")[0] == "PIL"}
    assert ("chalicelib.rendering" in loaded) == (module == "steps.make_thumbnail")


@pytest.mark.parametrize("module", [*(f"steps.{step}" for step in STEPS), *OTHERS])
def test_no_module_makes_a_client_when_it_is_imported(module: str) -> None:
    loaded = loaded_by(f"import app, chalicelib.{module}")
    assert "botocore.client" not in loaded


def test_a_step_loads_no_other_step() -> None:
    for step in STEPS:
        loaded = loaded_by(f"import app, chalicelib.steps.{step}")
        assert {name for name in loaded if name.startswith("chalicelib.steps.")} == {
            f"chalicelib.steps.{step}"
        }
