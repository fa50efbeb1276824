"""What a call of boto3 needs of IAM: actions, each on the ARN of a resource.

Source: the Service Authorization Reference, which names actions and resource types of each service.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from tests.fakes import ENVIRONMENT

PREFIX: Final = "us-east-1:123456789012"
# A key of one's own, with which everything is encrypted that can be.
KEY: Final = f"arn:aws:kms:{PREFIX}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
# By actions: what their service then does with the key in the caller's name. For a write too DynamoDB
# decrypts, namely the table's own key; all else it does by grants, or for whoever makes the table.
_WITH_KEY: Final[Mapping[str, tuple[str, ...]]] = {
    "dynamodb:.*": ("kms:Decrypt",),
    "s3:GetObject(Version)?": ("kms:Decrypt",),
    "s3:PutObject": ("kms:GenerateDataKey",),
    "sqs:SendMessage": ("kms:GenerateDataKey", "kms:Decrypt"),
}


class Need(NamedTuple):
    """An action that somebody needs, on a resource, asked for with these condition keys."""

    action: str
    resource: str
    keys: tuple[tuple[str, str], ...] = ()


def needs_of(service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[Need]:
    """All that the caller must be allowed for this call; a KeyError for a call that nobody described."""
    for need in _SERVICES[service](operation, parameters):
        yield need
        yield from _of_key(need)


def _of_key(need: Need) -> Iterator[Need]:
    via = f"{need.action.partition(':')[0]}.{PREFIX.partition(':')[0]}.amazonaws.com"
    for pattern, actions in _WITH_KEY.items():
        if re.fullmatch(pattern, need.action):
            yield from (Need(action, KEY, (("kms:ViaService", via),)) for action in actions)


def _dynamodb(operation: str, p: Mapping[str, Any]) -> Iterator[Need]:
    index = f"/index/{p['IndexName']}" if "IndexName" in p else ""
    yield Need(f"dynamodb:{_pascal(operation)}", f"arn:aws:dynamodb:{PREFIX}:table/{p['TableName']}{index}")


def _s3(operation: str, p: Mapping[str, Any]) -> Iterator[Need]:
    bucket = f"arn:aws:s3:::{p['Bucket']}"
    if operation == "list_object_versions":
        yield Need("s3:ListBucketVersions", bucket)
    elif operation == "list_objects_v2":
        yield Need("s3:ListBucket", bucket)
    elif operation in ("delete_object", "delete_objects"):
        for entry in p["Delete"]["Objects"] if operation == "delete_objects" else [p]:
            # "you must always have the s3:DeleteObject permission", for a version the other as well
            yield from {
                Need(action, f"{bucket}/{entry['Key']}")
                for action in ("s3:DeleteObject", _versioned("s3:DeleteObject", entry))
            }
    else:
        action = {
            "get_object": "s3:GetObject",
            "head_object": "s3:GetObject",
            "put_object": "s3:PutObject",
            "put_object_tagging": "s3:PutObjectTagging",
        }[operation]
        yield Need(_versioned(action, p), f"{bucket}/{p['Key']}")


def _rekognition(operation: str, p: Mapping[str, Any]) -> Iterator[Need]:
    known = "CollectionId" in p
    resource = f"arn:aws:rekognition:{PREFIX}:collection/{p['CollectionId']}" if known else "*"
    yield Need(f"rekognition:{_pascal(operation)}", resource)
    place = p.get("Image", {}).get("S3Object")
    if place:  # which Rekognition reads as the caller
        action = "s3:GetObjectVersion" if "Version" in place else "s3:GetObject"
        yield Need(action, f"arn:aws:s3:::{place['Bucket']}/{place['Name']}")


def _sesv2(operation: str, p: Mapping[str, Any]) -> Iterator[Need]:
    if operation == "get_suppressed_destination":
        yield Need("ses:GetSuppressedDestination", "*")
        return
    sender = p["FromEmailAddress"]
    resources = [f"identity/{sender}", f"configuration-set/{p['ConfigurationSetName']}"]
    # In SES's sandbox a recipient is an identity of the account, which SES asks for as well.
    resources += [f"identity/{recipient}" for recipient in p["Destination"]["ToAddresses"]]
    for resource in resources:
        yield Need("ses:SendEmail", f"arn:aws:ses:{PREFIX}:{resource}", (("ses:FromAddress", sender),))


def _sqs(operation: str, p: Mapping[str, Any]) -> Iterator[Need]:
    yield Need(f"sqs:{_pascal(operation)}", f"arn:aws:sqs:{PREFIX}:{p['QueueUrl'].rpartition('/')[2]}")


def _stepfunctions(operation: str, p: Mapping[str, Any]) -> Iterator[Need]:
    yield Need(f"states:{_pascal(operation)}", p.get("executionArn") or p["stateMachineArn"])


def _cognito(operation: str, p: Mapping[str, Any]) -> Iterator[Need]:
    assert p["UserPoolId"] == ENVIRONMENT["USER_POOL_ID"]
    yield Need(f"cognito-idp:{_pascal(operation)}", ENVIRONMENT["USER_POOL_ARN"])


def _pascal(operation: str) -> str:
    return "".join(word.capitalize() for word in operation.split("_"))


def _versioned(action: str, p: Mapping[str, Any]) -> str:
    if not p.get("VersionId"):
        return action
    return "s3:PutObjectVersionTagging" if action == "s3:PutObjectTagging" else f"{action}Version"


_SERVICES: Final[Mapping[str, Callable[[str, Mapping[str, Any]], Iterator[Need]]]] = {
    "cognito-idp": _cognito,
    "dynamodb": _dynamodb,
    "rekognition": _rekognition,
    "s3": _s3,
    "sesv2": _sesv2,
    "sqs": _sqs,
    "stepfunctions": _stepfunctions,
}
