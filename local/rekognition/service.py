"""The face service as one process: weights, collections, engines, server, and a clean end."""

import argparse
import json
import logging
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from local.downloads import DownloadError
from local.processes import exit_with_parent
from local.rekognition.errors import FaceServiceError
from local.rekognition.operations import FaceOperations
from local.rekognition.photos import PhotoReader
from local.rekognition.pool import EnginePool
from local.rekognition.server import FaceServer
from local.rekognition.store import CollectionStore
from local.rekognition.weights import WeightsError, ensure_weights

DEFAULT_CACHE = Path(".local/cache")
DEFAULT_REGION = "us-east-1"
_SHUTDOWN_SECONDS = 5.0
_POLL_SECONDS = 0.1

_log = logging.getLogger(__name__)


def serve(
    port: int,
    data_dir: Path,
    cache_dir: Path,
    stop: threading.Event,
    ready: Callable[[str], None],
    *,
    s3_endpoint: str | None = None,
    region: str = DEFAULT_REGION,
    engines: int = 2,
    waiting: int = 32,
) -> None:
    """Serve until `stop` is set; calls that are running then get their answers first.

    Parameters
    ----------
    port
        TCP port on 127.0.0.1; 0 takes a free one.
    data_dir, cache_dir
        Where collections are kept, and where the models' weights are (set up if they aren't).
    stop
        Ends the service when set.
    ready
        Called once with the base URL when requests are answered.
    s3_endpoint
        URL of the S3 that images are read from; None for AWS_ENDPOINT_URL or AWS's own.
    region
        Region of S3 and of the collections' ARNs.
    engines, waiting
        How many calls run models at once, and how many more may wait before they are throttled.

    Raises
    ------
    FaceServiceError, WeightsError, DownloadError
        If it cannot start; the message says what to do.
    """
    weights = ensure_weights(cache_dir, _log.info)
    store = CollectionStore(data_dir)
    try:
        pool = EnginePool(weights, engines, waiting)
        operations = FaceOperations(store, pool, PhotoReader(s3_endpoint, region), region)
        with closing(pool), FaceServer(port, operations, pool) as server:
            thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), name="server")
            thread.start()
            try:
                ready(server.url)
                stop.wait()
            finally:
                server.shutdown()
                thread.join()
            if not server.wait_until_idle(_SHUTDOWN_SECONDS):
                _log.warning("ended with calls still running")
    finally:
        store.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the service from the command line and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m local rekognition",
        description="A Rekognition-compatible face service on open models.",
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--data", type=Path, required=True, help="folder that keeps the collections")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="folder of the models' weights")
    parser.add_argument("--s3-endpoint", help="URL of the S3 to read images from (default: AWS_ENDPOINT_URL)")
    parser.add_argument("--region", default=DEFAULT_REGION)
    parser.add_argument("--exit-with-parent", action="store_true", help="end when standard input does")
    arguments = parser.parse_args(argv)
    if not 0 <= arguments.port <= 65535:
        parser.error("--port must be from 0 to 65535")

    _log_as_json()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    if arguments.exit_with_parent:
        exit_with_parent()
    try:
        serve(
            arguments.port,
            arguments.data,
            arguments.cache,
            stop,
            ready=lambda url: print(f"Face service ready at {url}", flush=True),
            s3_endpoint=arguments.s3_endpoint,
            region=arguments.region,
        )
    except (FaceServiceError, WeightsError, DownloadError) as error:
        print(f"The face service cannot start: {error}", file=sys.stderr)
        return 1
    return 0


class _JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


def _log_as_json() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # It tells at INFO where it found credentials.
    logging.getLogger("botocore").setLevel(logging.WARNING)
