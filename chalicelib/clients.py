"""boto3 clients: made when first used, then kept, since every function imports the same app.py."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.config import Config
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

# Codes of botocore's ClientError that the same call may not give a second later.
_TRANSIENT_CODES = frozenset(
    {
        "InternalError",
        "InternalServerError",
        "InternalServiceError",
        "InternalFailure",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)


def _config(**options: Any) -> Config:
    from botocore.config import Config

    # Three attempts of at most 9 s stay below the functions' own 30 s.
    return Config(
        connect_timeout=2, read_timeout=7, retries={"mode": "standard", "total_max_attempts": 3}, **options
    )


@cache
def s3() -> S3Client:
    """S3, signing so that presigned requests work in every region."""
    import boto3

    return boto3.client("s3", config=_config(signature_version="s3v4", s3={"addressing_style": "virtual"}))


@cache
def rekognition() -> RekognitionClient:
    """Rekognition."""
    import boto3

    return boto3.client("rekognition", config=_config())


@cache
def dynamodb() -> DynamoDBClient:
    """DynamoDB."""
    import boto3

    return boto3.client("dynamodb", config=_config())


@cache
def ses() -> SESV2Client:
    """SES v2: one attempt, since a mail whose fate is unknown must not be sent again."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        "sesv2", config=Config(connect_timeout=2, read_timeout=15, retries={"total_max_attempts": 1})
    )


@cache
def sqs() -> SQSClient:
    """SQS."""
    import boto3

    return boto3.client("sqs", config=_config())


@cache
def step_functions() -> SFNClient:
    """Step Functions."""
    import boto3

    return boto3.client("stepfunctions", config=_config())


@cache
def cognito() -> CognitoIdentityProviderClient:
    """The user pool's API."""
    import boto3

    return boto3.client("cognito-idp", config=_config())


def error_code(error: Exception) -> str:
    """The code of a botocore ClientError, or an empty string for any other exception."""
    response = getattr(error, "response", None)
    return response.get("Error", {}).get("Code", "") if isinstance(response, dict) else ""


def is_transient(error: Exception) -> bool:
    """Whether an AWS call failed in a way that the same call may not fail a moment later."""
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, IncompleteReadError

    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or error_code(error) in _TRANSIENT_CODES
    return isinstance(error, ConnectionError | HTTPClientError | IncompleteReadError)
