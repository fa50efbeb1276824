"""Faults of the face service: a proxy before it that throttles, fails, loses answers, or holds calls."""

from __future__ import annotations

import http.client
import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local import web
from local.memory import processes_of
from local.processes import LOOPBACK
from local.stack import Stack

_CONTENT_TYPE = "application/x-amz-json-1.1"
# Nothing in a test takes as long; a held call that nobody lets go ends the test and not the machine.
_PATIENCE_SECONDS = 60.0

type Answer = tuple[int, bytes]
type Forward = Callable[[], Answer]


class Fault:
    """What becomes of a call; this one lets it pass."""

    def answer(self, operation: str, body: bytes, forward: Forward) -> Answer:
        """The answer to a call of the face service; `forward` asks the service itself."""
        return forward()


class Throttled(Fault):
    """A share of the calls is refused, drawn with a seed."""

    def __init__(self, share: float, seed: int) -> None:
        self.refused = 0
        self._share = share
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def answer(self, operation: str, body: bytes, forward: Forward) -> Answer:
        with self._lock:
            refuse = self._random.random() < self._share
            self.refused += refuse
        return error("ProvisionedThroughputExceededException", 400) if refuse else forward()


class Quota(Fault):
    """So many calls a second of each operation are let through, as Rekognition does; others are refused."""

    def __init__(self, per_second: int) -> None:
        self.refused = 0
        self._per_second = per_second
        self._tokens: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def answer(self, operation: str, body: bytes, forward: Forward) -> Answer:
        with self._lock:
            now = time.monotonic()
            tokens, then = self._tokens.get(operation, (float(self._per_second), now))
            tokens = min(self._per_second, tokens + (now - then) * self._per_second)
            refuse = tokens < 1
            self._tokens[operation] = (tokens if refuse else tokens - 1, now)
            self.refused += refuse
        return error("ProvisionedThroughputExceededException", 400) if refuse else forward()


class Failing(Fault):
    """Calls of one operation fail, before or after they had their effect; the first `times`, or all."""

    def __init__(self, operation: str, times: int | None = None, *, after_effect: bool = False) -> None:
        self.failed = 0
        self._operation = operation
        self._times = times
        self._after_effect = after_effect
        self._lock = threading.Lock()

    def answer(self, operation: str, body: bytes, forward: Forward) -> Answer:
        with self._lock:
            fail = operation == self._operation and (self._times is None or self.failed < self._times)
            self.failed += fail
        if fail and self._after_effect:
            forward()
        return error("InternalServerError", 500) if fail else forward()


class Held(Fault):
    """The first call of one operation is held until it is let go, before or after it has its effect.

    So is its repetition by a client that has waited long enough: it has the same body.
    """

    def __init__(self, operation: str, *, after_effect: bool = False) -> None:
        self.others = 0
        self._operation = operation
        self._after_effect = after_effect
        self._lock = threading.Lock()
        self._held: bytes | None = None
        self._arrived, self._let_go = threading.Event(), threading.Event()

    def answer(self, operation: str, body: bytes, forward: Forward) -> Answer:
        if operation != self._operation:
            return forward()
        with self._lock:
            self._held = self._held or body
            self.others += body != self._held
        if body != self._held:
            return forward()
        answer = forward() if self._after_effect else None
        self._arrived.set()
        assert self._let_go.wait(_PATIENCE_SECONDS), f"nobody let {operation} go"
        return answer or forward()

    def wait_until_held(self) -> None:
        """Wait until the call has come."""
        assert self._arrived.wait(_PATIENCE_SECONDS), f"{self._operation} was not called"

    def let_go(self) -> None:
        """Let the call go on."""
        self._let_go.set()


class LostAnswer(Fault):
    """The first answer of one operation comes only when its caller has given up and calls again."""

    def __init__(self, operation: str) -> None:
        self.calls = 0
        self._operation = operation
        self._lock = threading.Lock()
        self._again = threading.Event()

    def answer(self, operation: str, body: bytes, forward: Forward) -> Answer:
        if operation != self._operation:
            return forward()
        with self._lock:
            self.calls += 1
            first = self.calls == 1
        if not first:
            self._again.set()
            return forward()
        answer = forward()
        assert self._again.wait(_PATIENCE_SECONDS), f"nobody called {operation} again"
        return answer


class FaceServiceProxy:
    """Stands between the embedded AWS and the face service; a context manager.

    Parameters
    ----------
    usual
        What becomes of calls while a test asks for nothing else.

    Attributes
    ----------
    target
        URL of the face service, to be set before the first call.
    calls
        How many calls of each operation came.
    """

    def __init__(self, usual: Fault) -> None:
        self.target = ""
        self.calls: Counter[str] = Counter()
        self._fault = self._usual = usual
        self._lock = threading.Lock()
        self._server = _Server(self)
        self.url = f"http://{LOOPBACK}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="face-proxy", daemon=True)

    @contextmanager
    def having[AnyFault: Fault](self, fault: AnyFault) -> Iterator[AnyFault]:
        """Let the fault decide about all calls while the block runs; what it holds is let go at the end."""
        self._fault = fault
        try:
            yield fault
        finally:
            self._fault = self._usual
            if isinstance(fault, Held):
                fault.let_go()

    def answer(self, target: str, body: bytes) -> Answer:
        """The answer to one call; OSError if the face service gives none."""
        operation = target.rpartition(".")[2]
        with self._lock:
            self.calls[operation] += 1
        return self._fault.answer(operation, body, lambda: self._forward(target, body))

    def _forward(self, target: str, body: bytes) -> Answer:
        connection = http.client.HTTPConnection(
            self.target.removeprefix("http://"), timeout=_PATIENCE_SECONDS
        )
        try:
            connection.request("POST", "/", body, {"X-Amz-Target": target, "Content-Type": _CONTENT_TYPE})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def error(code: str, status: int) -> Answer:
    """An error as Rekognition answers it."""
    body = {"__type": code, "Code": code, "Message": "A fault of the test."}
    return status, json.dumps(body).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, proxy: FaceServiceProxy) -> None:
        self.proxy = proxy
        super().__init__((LOOPBACK, 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            status, answer = self.server.proxy.answer(self.headers["X-Amz-Target"], body)
        except (OSError, http.client.HTTPException):
            self.close_connection = True  # as a service that is gone
            return
        try:
            self.send_response(status)
            self.send_header("Content-Type", _CONTENT_TYPE)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
        except ConnectionError:
            self.close_connection = True  # the caller has given up, or was killed

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a test that fails says what matters."""


@contextmanager
def short_waits(stack: Stack, scale: float) -> Iterator[None]:
    """Scale the waits of state machines (delays of retries) while the block runs."""
    _set_wait_scale(stack, scale)
    try:
        yield
    finally:
        _set_wait_scale(stack, 1.0)


def _set_wait_scale(stack: Stack, scale: float) -> None:
    key = "stepfunctions._SFN_WAIT_SCALE"
    url = f"{stack.endpoints.aws_endpoint}/_ministack/config"
    assert web.request("POST", url, body=json.dumps({key: scale}).encode()).json()["applied"] == {key: scale}


def lambda_workers(function: str) -> list[int]:
    """Process ids of the Lambda workers of a function, as `/proc` knows them."""
    name = f"AWS_LAMBDA_FUNCTION_NAME={function}".encode()
    found = []
    for pid in processes_of(os.getpid()):
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue  # it ended meanwhile
        if name in environment:
            found.append(pid)
    return found
