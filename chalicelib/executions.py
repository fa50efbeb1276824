"""From an S3 event to an execution of the state machine, exactly one for each version of an object."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from chalicelib.errors import InvalidInputError
from chalicelib.models import (
    UNVERSIONED,
    RiderPhoto,
    minted_upload_id,
    object_digest,
    upload_id_of_object,
    user_id_of_key,
    utf8,
)
from chalicelib.uploads_table import UploadsTable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient


class Started(StrEnum):
    """What became of an event."""

    STARTED = "started"
    ALREADY_STARTED = "already-started"
    SUPERSEDED = "superseded"


def photo_of_event(detail: Mapping[str, Any]) -> RiderPhoto:
    """The photo that an "Object Created" event speaks of.

    Parameters
    ----------
    detail
        The event's `detail`: `{"bucket": {"name"}, "object": {"key", "version-id", …}, …}`.

    Raises
    ------
    InvalidInputError
        If a field is missing or the key carries no valid userId.
    """
    bucket = _field(detail, "bucket").get("name")
    s3_object = _field(detail, "object")
    key, version_id = s3_object.get("key"), s3_object.get("version-id")
    if not isinstance(bucket, str) or not isinstance(key, str) or not bucket or not key:
        raise InvalidInputError("The event's detail needs 'bucket.name' and 'object.key'.")
    if version_id is not None and not isinstance(version_id, str):
        raise InvalidInputError("The event's 'object.version-id' is not a string.")
    for field, text in (
        ("bucket.name", bucket),
        ("object.key", key),
        ("object.version-id", version_id or ""),
    ):
        utf8(text, field)
    user_id = user_id_of_key(key)
    return RiderPhoto(
        user_id=user_id,
        bucket=bucket,
        key=key,
        version_id=version_id or UNVERSIONED,
        upload_id=minted_upload_id(user_id, key),
    )


def execution_name(photo: RiderPhoto) -> str:
    """The execution's name, the same for the same version of the same object.

    The uploadId leads where the key carries one, so that an operator finds the execution by it; 69
    characters at most, of the 80 that Step Functions allows.
    """
    digest = object_digest(photo.bucket, photo.key, photo.version_id).hex()[:32]
    return f"{photo.upload_id}-{digest}" if photo.upload_id else digest


def start_processing(
    photo: RiderPhoto,
    table: UploadsTable,
    s3: S3Client,
    step_functions: SFNClient,
    state_machine_arn: str,
) -> Started:
    """Bind the upload's row to this version of the object, and start the execution.

    An execution that exists already is success. A second object version under the same form is
    removed: the first one is being checked.
    """
    name = execution_name(photo)
    execution_arn = f"{state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
    if photo.upload_id and not table.bind(replace(photo, execution_arn=execution_arn)):
        s3.delete_object(**photo.as_s3_object())
        return Started.SUPERSEDED
    state = {"userId": photo.user_id, "s3Bucket": photo.bucket, "s3Key": photo.key}
    if photo.real_version_id:
        state["s3VersionId"] = photo.real_version_id
    try:
        step_functions.start_execution(stateMachineArn=state_machine_arn, name=name, input=json.dumps(state))
    except step_functions.exceptions.ExecutionAlreadyExists:
        return Started.ALREADY_STARTED
    return Started.STARTED


def identify(photo: RiderPhoto, s3: S3Client) -> RiderPhoto:
    """The photo with its version and uploadId, asking S3 for what is not known yet."""
    if photo.version_id and photo.upload_id:
        return photo
    head = s3.head_object(**photo.as_s3_object())
    version_id = photo.version_id or head.get("VersionId", UNVERSIONED)
    upload_id = photo.upload_id or upload_id_of_object(
        photo.bucket, photo.key, version_id, head["LastModified"]
    )
    return replace(photo, version_id=version_id, upload_id=upload_id)


def dead_letter(event: Mapping[str, Any], why: str, sqs: SQSClient, queue_url: str) -> None:
    """Put an event that can never be processed into the dead-letter queue, where an operator finds it."""
    sqs.send_message(
        QueueUrl=queue_url,
        MessageBody=json.dumps(event, default=str),
        MessageAttributes={"why": {"DataType": "String", "StringValue": why[:1024]}},
    )


def _field(detail: object, name: str) -> Mapping[str, Any]:
    value = detail.get(name) if isinstance(detail, Mapping) else None
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"The event's detail needs {name!r}.")
    return value
