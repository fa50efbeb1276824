"""The face service as its parent sees it: started, ready, stopped."""

import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from local.processes import LOOPBACK, ChildProcess, base_environment, free_port

_PROJECT = Path(__file__).resolve().parents[2]
_START_SECONDS = 30.0
# glibc otherwise keeps freed images in an arena a thread: tens of MB after 20 photos at once.
_ALLOCATOR = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}


class FaceService:
    """The face service: one child process, answering at `url`. A context manager.

    Parameters
    ----------
    data_dir
        Folder that keeps the collections, and the log of the service.
    cache_dir
        Folder of the models' weights; call `ensure_weights` before, to show its progress.
    s3_endpoint
        URL of the S3 that images are read from; it need not answer yet.
    port
        TCP port on 127.0.0.1; 0 takes a free one. `url` is known before the start.
    """

    def __init__(
        self, data_dir: Path, cache_dir: Path, s3_endpoint: str | None = None, port: int = 0
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        data_dir = data_dir.resolve()
        arguments = [
            sys.executable,
            "-m",
            "local.rekognition",
            "--exit-with-parent",
            "--port",
            str(self.port),
        ]
        arguments += ["--data", str(data_dir), "--cache", str(cache_dir.resolve())]
        if s3_endpoint:
            arguments += ["--s3-endpoint", s3_endpoint]
        self._child = ChildProcess(
            "face service",
            arguments,
            environment=base_environment() | _ALLOCATOR,
            log_file=data_dir / "face-service.log",
            directory=_PROJECT,
        )

    @property
    def log_file(self) -> Path:
        """The log of the service."""
        return self._child.log_file

    @property
    def pid(self) -> int | None:
        """Process id while it is started."""
        return self._child.pid

    def start(self) -> None:
        """Start the service and wait until it answers; ProcessError, with its log's end, if it doesn't."""
        self._child.start()
        try:
            self._child.wait_until(self._answers, _START_SECONDS)
        except BaseException:
            self._child.stop()
            raise

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""
        return self._child.poll()

    def stop(self) -> None:
        """End the service; does nothing if it isn't running."""
        self._child.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _answers(self) -> bool:
        # A proxy of the user's would be asked for this machine's own address.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.url}/health", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
