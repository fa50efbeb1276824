"""The face service as its parent sees it: started, ready, stopped."""

import sys
from pathlib import Path

from local.processes import LOOPBACK, ServiceProcess, answers, base_environment, free_port

_PROJECT = Path(__file__).resolve().parents[2]
# glibc otherwise keeps freed images in an arena a thread: tens of MB after 20 photos at once. What the
# models allocate and free in each call stays below, since fresh pages for it took a sixth of the processor.
_ALLOCATOR = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(4 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(16 * 2**20),
}


class FaceService(ServiceProcess):
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
        super().__init__(
            "face service",
            arguments,
            environment=base_environment() | _ALLOCATOR,
            log_file=data_dir / "face-service.log",
            directory=_PROJECT,
        )

    def _is_ready(self) -> bool:
        return answers(f"{self.url}/health")
