"""Errors of a deployment, each with a sentence that says what to do.

DeployError
├── CheckError       something is missing before anything was changed
├── StackError       CloudFormation gave up: names the resource, its reason and what remains
├── PackageError     what would be uploaded can't run in Lambda
└── ChaliceError     `chalice` ended with an error
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

# What a HEAD answers to whom the bucket's policy or their own refuses.
FORBIDDEN = "403"
NO_PHOTO_READER = "AWS doesn't let you read the photo: `up --photo-readers` says who may (docs/operate.md)."


class DeployError(Exception):
    """A deployment or its removal couldn't be finished."""


class CheckError(DeployError):
    """Something is missing; nothing was changed."""


class StackError(DeployError):
    """CloudFormation couldn't apply or delete the stack."""


class PackageError(DeployError):
    """The package of dependencies wouldn't run in Lambda."""


class ChaliceError(DeployError):
    """`chalice` ended with an error."""


@contextmanager
def aws_errors_explained() -> Iterator[None]:
    """Turn what boto3 raises into a DeployError that a person can read."""
    try:
        yield
    except ClientError as error:
        answer = error.response.get("Error", {})
        raise DeployError(
            f"AWS refused {error.operation_name}: {answer.get('Code', 'unknown error')}: "
            f"{answer.get('Message', 'no message')}"
        ) from error
    except BotoCoreError as error:
        raise DeployError(f"AWS couldn't be asked: {error}") from error


def error_code(error: ClientError) -> str:
    """The error's code, as in the API reference of its operation."""
    return error.response.get("Error", {}).get("Code", "")
