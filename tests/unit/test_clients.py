from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from chalicelib import clients

SERVICES = {
    "s3": "s3",
    "rekognition": "rekognition",
    "dynamodb": "dynamodb",
    "ses": "sesv2",
    "sqs": "sqs",
    "step_functions": "stepfunctions",
    "cognito": "cognito-idp",
}


def client_error(code: str, status: int = 400) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Operation")  # type: ignore[typeddict-item]


@pytest.fixture
def fresh_clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    for name in SERVICES:
        getattr(clients, name).cache_clear()
    yield
    for name in SERVICES:
        getattr(clients, name).cache_clear()


@pytest.mark.usefixtures("fresh_clients")
@pytest.mark.parametrize(("name", "service"), SERVICES.items())
def test_a_client_is_made_once_and_gives_up_before_its_function_does(name: str, service: str) -> None:
    client = getattr(clients, name)()
    assert client is getattr(clients, name)()
    assert client.meta.service_model.service_name == service
    config = client.meta.config
    attempts = config.retries["total_max_attempts"]
    assert attempts * (config.connect_timeout + config.read_timeout) < 30
    assert attempts == (1 if name == "ses" else 3)


@pytest.mark.parametrize(
    "error",
    [
        client_error("ThrottlingException"),
        client_error("ProvisionedThroughputExceededException"),
        client_error("SlowDown", 503),
        client_error("TooManyRequestsException", 429),
        client_error("anything", 500),
        client_error("anything", 503),
        EndpointConnectionError(endpoint_url="https://s3"),
        ConnectTimeoutError(endpoint_url="https://s3"),
        ReadTimeoutError(endpoint_url="https://s3"),
        ResponseStreamingError(error="reset"),
        IncompleteReadError(actual_bytes=1, expected_bytes=2),
    ],
)
def test_what_a_moment_may_mend_is_transient(error: Exception) -> None:
    assert clients.is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        client_error("AccessDeniedException"),
        client_error("ResourceNotFoundException"),
        client_error("InvalidParameterException"),
        client_error("ConditionalCheckFailedException"),
        client_error("ServiceQuotaExceededException", 402),
        client_error("404", 404),
        ClientError({}, "Operation"),
        NoCredentialsError(),
        ParamValidationError(report="x"),
        ValueError("x"),
        TimeoutError("x"),
    ],
)
def test_what_no_moment_mends_is_not(error: Exception) -> None:
    assert not clients.is_transient(error)


def test_the_code_of_an_error_is_read_where_there_is_one() -> None:
    assert clients.error_code(client_error("SlowDown")) == "SlowDown"
    assert clients.error_code(ValueError("x")) == ""
