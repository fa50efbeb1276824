"""The emulator as its parent sees it: started, ready, stopped."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp

from local import processes, web
from local.processes import GRACE_SECONDS, LOOPBACK, ProcessError, ServiceProcess, answers

REGION = "us-east-1"
ACCOUNT = "000000000000"
ACCESS_KEY = SECRET_KEY = "test"
SAVE_SECONDS = 60.0
"""How long the child may take to end where it has a state to save."""
# Answered by shims/lambda_start.py.
START_PATH = "/_ministack/lambda/start"
_PROJECT = Path(__file__).resolve().parents[2]
_LISTENING = "Running on http://"


class Emulator(ServiceProcess):
    """The embedded AWS: one child process that serves every service at one endpoint.

    Parameters
    ----------
    data_dir
        Where its state, temporary files and log live; None for a directory of its own that is
        deleted when it stops.
    rekognition_url
        Base URL of the face service that answers for Amazon Rekognition.
    port
        TCP port on 127.0.0.1; 0 takes a free one. `endpoint` is known before the start.
    persist
        Keep buckets, tables, functions, users and executions in `data_dir` and find them again
        at the next start. They are written at a clean stop only, which therefore gets a minute.
    extra_env
        More variables of the child, which win over the ones set here.
    """

    def __init__(
        self,
        data_dir: Path | None,
        rekognition_url: str,
        port: int = 0,
        persist: bool = False,
        extra_env: Mapping[str, str] | None = None,
    ) -> None:
        if persist and data_dir is None:
            raise ValueError("persist needs a data_dir to keep the data in.")
        self.port = port or processes.free_port()
        self.endpoint = f"http://{LOOPBACK}:{self.port}"
        self._own_dir = data_dir is None
        self._grace = SAVE_SECONDS if persist else GRACE_SECONDS
        self._dir = (data_dir or Path(mkdtemp(prefix="rider-photos-aws-"))).resolve()
        super().__init__(
            "embedded AWS",
            [sys.executable, "-m", "local.emulator", "--exit-with-parent"],
            environment=self._child_environment(rekognition_url, persist) | dict(extra_env or {}),
            log_file=self._dir / "emulator.log",
            directory=_PROJECT,
        )

    def client_environment(self) -> dict[str, str]:
        """Return the variables that make boto3, chalice and the AWS CLI talk to this emulator."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }

    def start(self) -> None:
        """Start it and wait until it answers; ProcessError, with its log's end, if it doesn't."""
        # Left over from a child that was killed: nothing else would ever delete it.
        shutil.rmtree(self._dir / "tmp", ignore_errors=True)
        (self._dir / "tmp").mkdir(parents=True)
        super().start()

    def stop(self, grace: float | None = None) -> None:
        """Stop it and its Lambda workers; with `persist` the state is on disk then, or it `was_killed`."""
        super().stop(self._grace if grace is None else grace)
        shutil.rmtree(self._dir if self._own_dir else self._dir / "tmp", ignore_errors=True)

    def start_workers(self, functions: Sequence[str]) -> None:
        """Start a worker of each function in the background, in that order, before it is first called.

        Raises
        ------
        ProcessError
            If one of the functions does not exist.
        """
        body = json.dumps(list(functions)).encode()
        answer = web.request("POST", f"{self.endpoint}{START_PATH}", body=body)
        if answer.status != 202:
            raise ProcessError(f"The embedded AWS starts no workers: {answer.body.decode(errors='replace')}")

    def _is_ready(self) -> bool:
        # The log first: if another program has the port, that one might answer.
        listening = _LISTENING in self.log_file.read_text(errors="replace")
        return listening and answers(f"{self.endpoint}/_ministack/health")

    def _child_environment(self, rekognition_url: str, persist: bool) -> dict[str, str]:
        """The child's whole environment; its Lambda workers inherit it."""
        state = {
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self._dir / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self._dir / "s3"),
        }
        return {
            **processes.base_environment(),
            **self.client_environment(),
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": LOOPBACK,
            "MINISTACK_HOST": LOOPBACK,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": REGION,
            "IOT_MTLS_ENABLED": "0",
            "REKOGNITION_BACKEND": rekognition_url,
            # AWS's own quota. The number of workers is bounded by a queue (shims/lambda_concurrency.py).
            "LAMBDA_ACCOUNT_CONCURRENCY": "1000",
            "LOG_LEVEL": "INFO",
            "TMPDIR": str(self._dir / "tmp"),
            # As in Lambda.
            "TZ": "UTC",
            **(state if persist else {}),
        }
