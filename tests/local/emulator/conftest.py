"""One emulator for all tests of this folder, with a face service that answers from a script."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from local.emulator import ACCESS_KEY, REGION, SECRET_KEY, Emulator


class FaceService:
    """Answers Rekognition requests with what a test lays down for each operation."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]] = {}
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                operation = self.headers["X-Amz-Target"].partition(".")[2]
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                service.requests.append((operation, request))
                status, answer = service.answers[operation](request)
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(BrokenPipeError):  # a test may have stopped waiting
                    self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing: the tests look at `requests`."""

        class Server(ThreadingHTTPServer):
            request_queue_size = 64

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="session")
def face_service() -> Iterator[FaceService]:
    service = FaceService()
    yield service
    service.close()


@pytest.fixture(scope="session")
def emulator(face_service: FaceService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    data_dir: Path = tmp_path_factory.mktemp("emulator")
    with Emulator(data_dir, face_service.url) as running:
        yield running


@pytest.fixture(scope="session")
def client(emulator: Emulator) -> Iterator[Callable[[str], Any]]:
    """Return a function that gives the boto3 client of a service; one attempt a call."""
    made: dict[str, Any] = {}
    session = boto3.Session(ACCESS_KEY, SECRET_KEY, region_name=REGION)

    def of(service: str) -> Any:
        if service not in made:
            config = Config(
                retries={"total_max_attempts": 1}, signature_version="s3v4", max_pool_connections=30
            )
            if service != "s3":
                config = Config(retries={"total_max_attempts": 1}, max_pool_connections=30)
            made[service] = session.client(service, endpoint_url=emulator.endpoint, config=config)
        return made[service]

    yield of
    for opened in made.values():
        opened.close()
