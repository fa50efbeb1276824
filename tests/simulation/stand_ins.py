"""What the app's functions see of the world: clients whose answers are recorded, a clock, a context."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final, Self

import botocore.session
from botocore.errorfactory import ClientExceptionsFactory
from botocore.exceptions import ReadTimeoutError

from tests.simulation.cells import frozen
from tests.simulation.services import CONTENTS

type Json = Any

_PROVIDERS: Final = {
    "cognito": "cognito-idp",
    "dynamodb": "dynamodb",
    "rekognition": "rekognition",
    "s3": "s3",
    "ses": "sesv2",
    "sqs": "sqs",
    "step_functions": "stepfunctions",
}


@dataclass(frozen=True, slots=True)
class Request:
    """An AWS call that a run waits for."""

    service: str
    operation: str
    parameters: Mapping[str, Any] = field(compare=False)
    text: str

    def __str__(self) -> str:
        return f"{self.service} {self.operation} {self.text}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call gives: JSON, or an error as (code, message, HTTP status); code "" for no answer at all."""

    result: str | None = None
    error: tuple[str, str, int] | None = None

    def __str__(self) -> str:
        return self.error[0] or "no answer" if self.error else str(self.result)


class WaitsError(BaseException):
    """Ends a function at the first call that has no recorded answer; no `except Exception` sees it."""

    def __init__(self, request: Request) -> None:
        super().__init__()
        self.request = request


class Recording:
    """The answers that the function that runs now is given."""

    answers: ClassVar[tuple[Answer, ...]] = ()
    position: ClassVar[int] = 0
    now: ClassVar[float] = 0.0


class _Client:
    """A boto3 client whose calls are recorded answers, or end the run."""

    def __init__(self, service: str, exceptions: Any) -> None:
        self._service = service
        self.exceptions = exceptions

    def __getattr__(self, operation: str) -> Callable[..., Json]:
        return lambda **parameters: self._call(operation, parameters)

    def get_paginator(self, operation: str) -> _Paginator:
        return _Paginator(self, operation)

    def _call(self, operation: str, parameters: Mapping[str, Any]) -> Json:
        if Recording.position == len(Recording.answers):
            shown = {k: v if k != "Body" else f"{len(v)} bytes" for k, v in parameters.items()}
            raise WaitsError(Request(self._service, operation, parameters, frozen(shown)))
        answer = Recording.answers[Recording.position]
        Recording.position += 1
        if answer.error:
            raise self._error(operation, *answer.error)
        result = json.loads(answer.result or "null", object_hook=_with_times)
        if "Content" in result:
            content = CONTENTS[result["Content"]]
            result["Body"] = io.BytesIO(content)
            if result["Ranged"]:
                result["ContentRange"] = f"bytes 0-{len(content) - 1}/{len(content)}"
        return result

    def _error(self, operation: str, code: str, message: str, status: int) -> Exception:
        if not code:
            return ReadTimeoutError(endpoint_url=f"https://{self._service}.amazonaws.com")
        response = {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": status},
        }
        error: Exception = self.exceptions.from_code(code)(response, operation)
        return error


def _with_times(value: dict[str, Any]) -> dict[str, Any]:
    if "LastModified" in value:
        value["LastModified"] = datetime.fromisoformat(value["LastModified"])
    return value


class _Paginator:
    """All in one page: what a page misses, the scheduler lets happen before or after the call."""

    def __init__(self, client: _Client, operation: str) -> None:
        self._client = client
        self._operation = operation

    def paginate(self, **parameters: Any) -> Iterator[Json]:
        yield getattr(self._client, self._operation)(**parameters)


class Clock(datetime):
    """datetime, whose now() is the time of the run."""

    @classmethod
    def now(cls, tz: Any = None) -> Self:
        return cls.fromtimestamp(Recording.now, tz)


class Context:
    """What Lambda tells a function of its invocation."""

    function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "simulated"

    def get_remaining_time_in_millis(self) -> int:
        return 240_000


def _clients() -> dict[str, _Client]:
    session = botocore.session.Session()
    factory = ClientExceptionsFactory()
    return {
        name: _Client(service, factory.create_client_exceptions(session.get_service_model(service)))
        for name, service in _PROVIDERS.items()
    }


CLIENTS: Final = _clients()


class NoMetric:
    def add_dimension(self, name: str, value: str) -> None:
        """Metrics are not part of the world."""
