"""Runs `chalice`, unmodified, as a person would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from deploy.dependencies import MISSING
from deploy.errors import ChaliceError
from deploy.progress import Progress

# What `bin/chalice` does; by this Python, whichever way it was started.
_MAIN = "import sys; from chalice.cli import main; sys.exit(main())"
_TRACEBACK = "Traceback (most recent call last):"
# Begins Chalice's list of what it has deployed, which says nothing new.
_REPORT = "Resources deployed:"
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?:: |$)")


def run_chalice(command: str, project_dir: Path, stage: str, region: str, progress: Progress) -> None:
    """Run `chalice deploy` or `chalice delete`, showing its lines as they come.

    Raises
    ------
    ChaliceError
        With what Chalice said of it, if it fails or leaves a dependency out.
    """
    environment = os.environ | {
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
        "PYTHONUNBUFFERED": "1",
        # Chalice imports the app, and would then package the bytecode.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    lines: list[str] = []
    shown = True
    with subprocess.Popen(
        [sys.executable, "-c", _MAIN, command, "--stage", stage],
        cwd=project_dir,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                lines.append(line.rstrip())
                shown = shown and not line.startswith((_TRACEBACK, _REPORT))
                if shown and line.strip():
                    progress.detail(line.strip())
        except BaseException:
            # Whoever interrupts us means Chalice too; it mustn't go on alone.
            process.terminate()
            raise
    if process.returncode != 0 or any(MISSING in line for line in lines):
        raise ChaliceError(f"`chalice {command} --stage {stage}` failed: {_what_failed(lines)}")


def _what_failed(lines: list[str]) -> str:
    """The exception at the end of what Chalice printed, without its traceback."""
    start = 0
    if _TRACEBACK in lines:
        # Frames are indented; the first line after the last frame that isn't names the exception.
        last = len(lines) - 1 - lines[::-1].index(_TRACEBACK)
        after = (i for i in range(last + 1, len(lines)) if _EXCEPTION.match(lines[i]))
        start = next(after, last)
    return " ".join(line.strip() for line in lines[start:] if line.strip())
