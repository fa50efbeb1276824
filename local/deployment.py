"""Deploys a staged copy of the app in a process of its own: `python -m local.deployment`.

Apart, since boto3 and Chalice find the embedded AWS by the environment alone, and since a deployment
must end with the process that wants it. Its output is a JSON object a line: `{"step"}`, `{"detail"}`,
`{"warn"}`, and at last `{"deployment"}` or `{"error"}`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from deploy import DeployError, Deployment, Progress, UpOptions, up
from local.endpoints import api_url
from local.places import PROJECT
from local.processes import ProcessError, exit_with_parent
from local.staging import api_stage

STAGE = "local"
_STOP_SECONDS = 10.0
_KEPT_LINES = 20


def deploy_app(
    project_dir: Path, sender: str, environment: Mapping[str, str], progress: Progress
) -> Deployment:
    """Deploy the app in `project_dir` as the stage `local`.

    Parameters
    ----------
    environment
        The whole environment of the deployment; it decides which AWS is meant.

    Raises
    ------
    DeployError
        As `deploy.up` does.
    ProcessError
        If the process ended without saying what became of the deployment.
    """
    deployment: Deployment | None = None
    error: str | None = None
    other: deque[str] = deque(maxlen=_KEPT_LINES)
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        # Standard input stays open and silent: when this process ends, that one sees its end.
        process = subprocess.Popen(
            [sys.executable, "-m", "local.deployment", str(project_dir), sender],
            cwd=PROJECT,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                match _parsed(line):
                    case {"step": str(text)}:
                        progress.step(text)
                    case {"detail": str(text)}:
                        progress.detail(text)
                    case {"warn": str(text)}:
                        progress.warn(text)
                    case {"error": str(text)}:
                        error = text
                    case {"deployment": dict(fields)}:
                        deployment = Deployment(**fields)
                    case _:
                        other.append(line.rstrip())
            code = process.wait()
        finally:
            _end(process)
        log.seek(0)
        other.extend(line.rstrip() for line in log)
    if error is not None:
        raise DeployError(error)
    if code != 0 or deployment is None:
        raise ProcessError(f"The deployment ended with exit code {code}:\n" + "\n".join(other))
    return deployment


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


class _Lines:
    """A deploy.Progress that speaks to the parent."""

    def step(self, text: str) -> None:
        _tell(step=text)

    def detail(self, text: str) -> None:
        _tell(detail=text)

    def warn(self, text: str) -> None:
        _tell(warn=text)


def _tell(**message: object) -> None:
    print(json.dumps(message), flush=True)


def _end_all(number: int, frame: FrameType | None) -> NoReturn:
    """End what the deployment started (Chalice, pip) along with it: they share its process group."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGTERM)
    raise SystemExit(128 + number)


def main(arguments: list[str]) -> int:
    """Deploy, telling standard output how it goes; 0 if all is up."""
    project_dir, sender = arguments
    signal.signal(signal.SIGTERM, _end_all)
    exit_with_parent()
    try:
        # Functions run on this machine, so the wheels have to be this machine's.
        here = "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"
        options = UpOptions(
            stage=STAGE,
            sender=sender,
            project_dir=Path(project_dir),
            architecture=here,
            # The API is at the embedded AWS, not where its URL at AWS would be.
            page_url=api_url(os.environ["AWS_ENDPOINT_URL"], "{api}", api_stage(Path(project_dir))) + "/",
            uploads_per_second=None,
        )
        deployment = up(options, _Lines())
    except DeployError as error:
        _tell(error=str(error))
        return 1
    _tell(deployment=dataclasses.asdict(deployment))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
