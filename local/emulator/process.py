"""The emulator as its parent sees it: started, ready, stopped."""

from __future__ import annotations

import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Self

from local import processes
from local.processes import LOOPBACK, ChildProcess

REGION = "us-east-1"
ACCOUNT = "000000000000"
ACCESS_KEY = SECRET_KEY = "test"
_PROJECT = Path(__file__).resolve().parents[2]
_START_TIMEOUT = 30.0
_LISTENING = "Running on http://"


class Emulator:
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
        at the next start. They are written at a clean stop only.
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
        self._dir = (data_dir or Path(mkdtemp(prefix="rider-photos-aws-"))).resolve()
        self._child = ChildProcess(
            "embedded AWS",
            [sys.executable, "-m", "local.emulator", "--exit-with-parent"],
            environment=self._environment(rekognition_url, persist) | dict(extra_env or {}),
            log_file=self._dir / "emulator.log",
            directory=_PROJECT,
        )

    @property
    def log_file(self) -> Path:
        """The log of the last start."""
        return self._child.log_file

    @property
    def pid(self) -> int | None:
        """Process id while started, else None."""
        return self._child.pid

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
        """Start the child and wait until it answers.

        Raises
        ------
        ProcessError
            If it ends or is silent for 30 s; the message has the end of its log.
        """
        # Left over from a child that was killed: nothing else would ever delete it.
        shutil.rmtree(self._dir / "tmp", ignore_errors=True)
        (self._dir / "tmp").mkdir(parents=True)
        self._child.start()
        try:
            self._child.wait_until(self._is_ready, _START_TIMEOUT)
        except BaseException:
            self._child.stop()
            raise

    def stop(self) -> None:
        """Stop the child and its Lambda workers; with `persist` the state is on disk afterwards."""
        self._child.stop()
        shutil.rmtree(self._dir if self._own_dir else self._dir / "tmp", ignore_errors=True)

    def poll(self) -> int | None:
        """Return the child's exit code, None while it runs."""
        return self._child.poll()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _is_ready(self) -> bool:
        # The log first: if another program has the port, that one might answer.
        if _LISTENING not in self.log_file.read_text(errors="replace"):
            return False
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.endpoint}/_ministack/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False

    def _environment(self, rekognition_url: str, persist: bool) -> dict[str, str]:
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
