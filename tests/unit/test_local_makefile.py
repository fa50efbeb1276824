"""The Makefile: what it runs, and on which Python."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from local.places import PROJECT

RECORD = """#!/bin/sh
case "$1" in
  -c) exit 0 ;;
esac
for word; do printf '%s\\n' "$word"; done
"""
SUITABLE = """#!/bin/sh
case "$2" in
  *print*) echo "$0" ;;
esac
"""
# As a shim of pyenv answers for a version that isn't installed.
SHIM = """#!/bin/sh
echo "pyenv: python3.13: command not found" >&2
exit 127
"""


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def make(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", "-f", str(PROJECT / "Makefile"), *words],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def venv(tmp_path: Path) -> str:
    """An environment that is ready, whose Python prints a line a word."""
    program(tmp_path / "bin/python", RECORD)
    (tmp_path / ".ready").touch()
    return f"VENV={tmp_path}"


@pytest.mark.parametrize(
    ("words", "ran"),
    [
        (["demo"], ["-m", "local", "demo"]),
        (["demo", "PHOTOS=my own photos"], ["-m", "local", "demo", "--", "my own photos"]),
        (["demo", "PHOTOS=--json"], ["-m", "local", "demo", "--", "--json"]),
        (["local"], ["-m", "local", "up"]),
        (
            ["deploy", "STAGE=dev", "SENDER=a@b.example"],
            ["-m", "deploy", "up", "--stage", "dev", "--sender", "a@b.example"],
        ),
        (
            ["destroy", "STAGE=dev", "REGION=eu-west-1"],
            ["-m", "deploy", "down", "--stage", "dev", "--region", "eu-west-1"],
        ),
    ],
)
def test_each_command_runs_its_module(venv: str, words: list[str], ran: list[str]) -> None:
    done = make(venv, *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ran


def test_all_tests_are_run_and_then_what_they_left_is_looked_at_and_removed(venv: str) -> None:
    done = make(venv, "test")
    assert done.returncode == 0, done.stderr
    *ran, folder = done.stdout.splitlines()
    assert ran == [
        *("-m", "pytest", "--numprocesses", "2", "--dist", "loadfile", "--no-loadscope-reorder"),
        *("-m", "tests.e2e.exercised"),
    ]
    assert not Path(folder).exists()


@pytest.mark.parametrize("command", ["deploy", "destroy"])
def test_deploying_needs_a_stage(venv: str, command: str) -> None:
    done = make(venv, command)
    assert done.returncode != 0
    assert "STAGE=" in done.stderr


def test_help_lists_every_command() -> None:
    done = make("VENV=/nonexistent")
    assert done.returncode == 0
    listed = {line.split()[1] for line in done.stdout.splitlines()}
    assert {"demo", "local", "test", "check", "deploy", "destroy"} <= listed


def test_a_shim_that_finds_nothing_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "shims/python3.13", SHIM)
    newer = program(tmp_path / "pyenv/versions/3.13.9/bin/python3.13", SUITABLE)
    older = program(tmp_path / "shims/python3.12", SUITABLE)
    path = f"{tmp_path / 'shims'}:/usr/bin:/bin"
    nothing = "VENV=/nonexistent"
    assert make("-s", nothing, "python", PATH=path, PYENV_ROOT=str(tmp_path / "pyenv")).stdout.strip() == str(
        newer
    )
    assert make("-s", nothing, "python", PATH=path).stdout.strip() == str(older)


def test_without_a_python_it_says_what_to_install(tmp_path: Path) -> None:
    for name in ("python3.13", "python3.12", "python3"):
        program(tmp_path / name, SHIM)
    done = make("-s", "VENV=/nonexistent", "python", PATH=f"{tmp_path}:/usr/bin:/bin")
    assert done.returncode != 0
    assert "Python 3.13 or 3.12" in done.stderr
    assert done.stdout == ""
