"""An interpreter that has loaded app.py and nothing else: what each function loads besides when it is called.

    python -m tests.unit.first_calls < JOBS > REPORT

JOBS is a pickled dict of function to Recorded, or of module to None, which is then imported. Each is done in
a fork, since starting an interpreter is what takes the time. AWS answers as it did when it was recorded: the
fakes themselves would load boto3 and half of the app. REPORT is JSON: of each the modules, and the clients as
they were made.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

CLIENTS = ("s3", "dynamodb", "rekognition", "ses", "sqs", "step_functions", "cognito")
_PACKAGES = {"app", "chalicelib", "PIL", "boto3", "botocore", "urllib3"}


class Recorded(NamedTuple):
    """An invocation: `calls` are operations with what AWS answered, or the code of its error."""

    event: Any
    calls: list[tuple[str, Any]]


class _Exceptions:
    """A client's `exceptions`, made when they are asked for."""

    def __getattr__(self, name: str) -> type[Exception]:
        from botocore.exceptions import ClientError

        made = ClientError if name == "ClientError" else type(name, (ClientError,), {})
        setattr(self, name, made)
        return made


class _Client:
    """Answers calls as they were answered when they were recorded, and refuses any other."""

    exceptions = _Exceptions()

    def __init__(self, calls: Iterator[tuple[str, Any]]) -> None:
        self._calls = calls

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        return lambda **parameters: self._answer(operation)

    def get_paginator(self, operation: str) -> Any:
        """A paginator of one page."""
        pages = _Client(self._calls)
        pages.paginate = lambda **parameters: iter([self._answer(operation)])  # type: ignore[attr-defined]
        return pages

    def generate_presigned_url(self, *names: str, **parameters: Any) -> str:
        """No call of AWS."""
        return "https://example.com"

    def _answer(self, operation: str) -> Any:
        expected, answer = next(self._calls)
        assert operation == expected, f"{operation} is called, where {expected} was when it was recorded"
        if isinstance(answer, str):
            error = {"Error": {"Code": answer}, "ResponseMetadata": {"HTTPStatusCode": 400}}
            raise getattr(self.exceptions, answer)(error, operation)
        return {**answer, "Body": io.BytesIO(answer["Body"])} if "Body" in answer else answer


class Context:
    """What Lambda tells a handler."""

    function_name = function_version = invoked_function_arn = aws_request_id = "function"
    memory_limit_in_mb = 256

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def first_call(function: str, recorded: Recorded) -> list[str]:
    """Invoke a function as Lambda does; the clients that it made."""
    from chalicelib import clients, wiring

    made: list[str] = []
    calls = iter(recorded.calls)

    def maker(name: str) -> Callable[[], _Client]:
        def make() -> _Client:
            if name not in made:
                made.append(name)
            return _Client(calls)

        return make

    for name in CLIENTS:
        setattr(clients, name, maker(name))
        wiring._PROVIDERS[name] = wiring.when_used(getattr(clients, name))  # type: ignore[index]
    app = sys.modules["app"]
    handler = app.app if function == "api_handler" else getattr(app, function)
    handler(recorded.event, Context())
    left = next(calls, None)
    assert left is None, f"{function} does not call {left}, as it did when it was recorded"
    return made


def _in_a_fork(job: Callable[[], list[str]]) -> dict[str, list[str]]:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what the function logs
            made = job()
            loaded = sorted(name for name in sys.modules if name.partition(".")[0] in _PACKAGES)
            os.write(write, json.dumps({"modules": loaded, "clients": made}).encode())
        except BaseException:
            sys.excepthook(*sys.exc_info())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    assert said, "see above"
    found: dict[str, list[str]] = json.loads(said)
    return found


def _imported(module: str) -> list[str]:
    importlib.import_module(module)
    return []


def main() -> None:
    """Do all jobs."""
    jobs: dict[str, Recorded | None] = pickle.load(sys.stdin.buffer)
    importlib.import_module("app")
    report = {}
    for name, job in jobs.items():
        if job is None:
            report[name] = _in_a_fork(lambda name=name: _imported(name))
        else:
            report[name] = _in_a_fork(lambda name=name, job=job: first_call(name, job))
    print(json.dumps(report))


if __name__ == "__main__":
    main()
