"""AWS's JSON 1.1 protocol over HTTP, on the loopback interface."""

import json
import logging
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.processes import LOOPBACK
from local.rekognition.errors import FaceServiceError, RekognitionError
from local.rekognition.operations import IMAGE_OPERATIONS, FaceOperations
from local.rekognition.pool import EnginePool
from local.rekognition.validation import parse_request

_CONTENT_TYPE = "application/x-amz-json-1.1"
_TARGET_PREFIX = "RekognitionService."
# 5 MB of image as base64, with room for the other members; CompareFaces takes two images.
_MOST_BODY_BYTES = 8 * 1024 * 1024
_IMAGES = {"CompareFaces": ("sourceImage", "targetImage")}
# Read and thrown away, so that a client that is still sending gets the answer and not a reset.
_MOST_DRAINED_BYTES = 64 * 1024 * 1024
MAX_IMAGE_BYTES = 5 * 1024 * 1024
_MOST_LENGTH_DIGITS = 15
_CHUNK_BYTES = 64 * 1024
_MOST_CONNECTIONS = 256
_IDLE_SECONDS = 60

_log = logging.getLogger(__name__)


class FaceServer(ThreadingHTTPServer):
    """The HTTP server: a thread a connection, up to 256 connections.

    Raises
    ------
    FaceServiceError
        If the port is taken.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, operations: FaceOperations, pool: EnginePool) -> None:
        self.operations = operations
        self.pool = pool
        self._connections = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        self._idle = threading.Condition()
        self._running = 0
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OSError as error:
            raise FaceServiceError(f"Port {port} of {LOOPBACK} cannot be used: {error.strerror}.") from error

    @property
    def url(self) -> str:
        """Base URL."""
        return f"http://{LOOPBACK}:{self.server_address[1]}"

    @contextmanager
    def running_call(self) -> Iterator[None]:
        """Count a call as running, for `wait_until_idle`."""
        with self._idle:
            self._running += 1
        try:
            yield
        finally:
            with self._idle:
                self._running -= 1
                self._idle.notify_all()

    def wait_until_idle(self, timeout: float) -> bool:
        """Wait until no call is running; False if that takes more than `timeout` seconds."""
        with self._idle:
            return self._idle.wait_for(lambda: self._running == 0, timeout)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own, or close it where there are too many."""
        if not self._connections.acquire(blocking=False):
            _log.warning("connection refused", extra={"fields": {"connections": _MOST_CONNECTIONS}})
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what a handler let through: a client that went away, or a fault of ours."""
        _log.warning("connection ended by an error", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: FaceServer
    protocol_version = "HTTP/1.1"
    server_version = "RiderPhotosFaceService"
    sys_version = ""
    timeout = _IDLE_SECONDS
    # One packet an answer: head and body apart would wait for each other's acknowledgement.
    wbufsize = _CHUNK_BYTES
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if self.path == "/health":
            self._answer(200, {"status": "ok"})
        else:
            self._answer(404, {"message": "GET is for /health; operations are POSTed to /."})

    def do_POST(self) -> None:
        started = time.monotonic()
        request_id = str(uuid.uuid4())
        operation = self.headers.get("X-Amz-Target", "").removeprefix(_TARGET_PREFIX)
        fields: dict[str, Any] = {"requestId": request_id, "operation": operation[:64]}
        self._unread = 0
        with self.server.running_call():
            try:
                try:
                    status, answer = 200, self._call(operation)
                except RekognitionError as error:
                    status, answer = error.status, _error(error, request_id)
                self._drain()
            except (ConnectionError, TimeoutError):
                # The client went away in the middle of its request: there is nobody to answer.
                self.close_connection = True
                return
            except Exception:
                # Whatever else goes wrong, the caller is owed an answer in Rekognition's words.
                _log.exception("call failed", extra={"fields": fields})
                failure = RekognitionError(
                    "InternalServerError", "The face service failed: its log says why."
                )
                status, answer = failure.status, _error(failure, request_id)
                self.close_connection = True
            fields |= _decisions(answer) | {"milliseconds": round(1000 * (time.monotonic() - started))}
            _log.info("call", extra={"fields": fields})
            self._answer(status, answer, request_id)

    def _call(self, operation: str) -> dict[str, Any]:
        self._unread = self._content_length()
        operations = self.server.operations
        if operation not in operations.names:
            known = ", ".join(sorted(operations.names))
            raise RekognitionError(
                "UnknownOperationException",
                f"X-Amz-Target names no operation of this service, which are {known}.",
            )
        # Admitted before the body is read, so that waiting calls cannot fill the memory.
        with self.server.pool.admission() if operation in IMAGE_OPERATIONS else nullcontext():
            return operations.call(operation, parse_request(operation, self._read_body(operation)))

    def _content_length(self) -> int:
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or len(length) > _MOST_LENGTH_DIGITS:
            # Without it there is no telling where the next request begins.
            self.close_connection = True
            raise RekognitionError("SerializationException", "The request needs a Content-Length.")
        return int(length)

    def _read_body(self, operation: str) -> bytes:
        images = _IMAGES.get(operation, ("image",))
        if self._unread > len(images) * _MOST_BODY_BYTES:
            # Only an image can make a request that long.
            raise RekognitionError(
                "ValidationException",
                f"1 validation error detected: Value at '{images[0]}.bytes' failed to satisfy constraint: "
                f"Member must have length less than or equal to {MAX_IMAGE_BYTES}",
            )
        body = self.rfile.read(self._unread)
        if len(body) < self._unread:
            raise ConnectionError("the request was cut off")
        self._unread = 0
        return body

    def _drain(self) -> None:
        """Throw away what was not read of the body: a client still sending would not see the answer."""
        if self._unread > _MOST_DRAINED_BYTES:
            self.close_connection = True
            return
        while self._unread > 0:
            chunk = self.rfile.read(min(self._unread, _CHUNK_BYTES))
            if not chunk:
                raise ConnectionError("the request was cut off")
            self._unread -= len(chunk)

    def _answer(self, status: int, answer: dict[str, Any], request_id: str | None = None) -> None:
        body = json.dumps(answer, allow_nan=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", _CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        if request_id:
            self.send_header("x-amzn-RequestId", request_id)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Leave out the access log of the standard library: every call has a line of its own."""


def _error(error: RekognitionError, request_id: str) -> dict[str, Any]:
    """Shape an error so that SDKs raise it under its name, and find Message, Code and Logref in it."""
    return {"__type": error.code, "Code": error.code, "Message": error.message, "Logref": request_id}


def _decisions(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what of an answer belongs into the log: counts and ids."""
    counts = {
        name: len(answer[name])
        for name in ("FaceDetails", "FaceMatches", "UnindexedFaces", "Faces", "DeletedFaces")
        if name in answer
    }
    decisions: dict[str, Any] = {"counts": counts} if counts else {}
    if "FaceRecords" in answer:
        decisions["faceIds"] = [record["Face"]["FaceId"] for record in answer["FaceRecords"]]
    if "Logref" in answer:
        decisions["error"] = answer["Code"]
    return decisions
