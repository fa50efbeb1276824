from __future__ import annotations

from pathlib import Path

import pytest

from deploy import chalice_app
from deploy.chalice_app import run_chalice
from deploy.errors import ChaliceError
from tests.unit.deploy.fakes import Lines


def play(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let Chalice's part be played by a script."""
    monkeypatch.setattr(chalice_app, "_MAIN", script)


def test_chalice_gets_the_command_the_stage_and_the_region(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(monkeypatch, "import os, sys; print(sys.argv[1:], os.environ['AWS_DEFAULT_REGION'], os.getcwd())")
    lines = Lines()
    run_chalice("deploy", tmp_path, "dev", "eu-west-1", lines)
    assert lines.details == [f"['deploy', '--stage', 'dev'] eu-west-1 {tmp_path}"]


def test_a_dependency_left_out_is_an_error_although_chalice_calls_it_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(monkeypatch, "print('Could not install dependencies:'); print('pillow')")
    with pytest.raises(ChaliceError, match="Could not install dependencies: pillow"):
        run_chalice("deploy", tmp_path, "dev", "eu-west-1", Lines())


def test_an_exception_is_told_without_its_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = """
import sys, traceback
print("Creating lambda function: one")
try:
    try:
        {}["first"]
    except KeyError as error:
        raise ValueError("While deploying\\n\\n second") from error
except ValueError:
    print(traceback.format_exc())
sys.exit(2)
"""
    play(monkeypatch, script)
    lines = Lines()
    with pytest.raises(ChaliceError) as failed:
        run_chalice("deploy", tmp_path, "dev", "eu-west-1", lines)
    assert str(failed.value) == "`chalice deploy --stage dev` failed: ValueError: While deploying second"
    assert lines.details == ["Creating lambda function: one"]


def test_the_real_chalice_is_run(tmp_path: Path) -> None:
    with pytest.raises(ChaliceError, match=r"(?s)chalice deploy.*Unable to load the project config file"):
        run_chalice("deploy", tmp_path, "dev", "eu-west-1", Lines())
