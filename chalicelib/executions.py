"""From an S3 event to an execution of the state machine, exactly one for each version of an object."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from chalicelib.admission import deliver_at, delivered, take_turn
from chalicelib.errors import InvalidInputError
from chalicelib.models import (
    UNVERSIONED,
    RiderPhoto,
    UploadStatus,
    minted_upload_id,
    object_digest,
    user_id_of_key,
    utf8,
    valid_bucket,
)
from chalicelib.observability import correlate, count, logger
from chalicelib.rows import has_ended, text_of
from chalicelib.uploads_table import RESTARTABLE, UploadsTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

    from chalicelib.settings import Settings


# The longest that an upload takes: its form is valid for minutes, and a slow phone's transfer for hours.
FORM_LIFE = timedelta(days=1)
# The longest that an execution runs: the machine's own TimeoutSeconds, and a function's after it.
EXECUTION_LIFE = timedelta(seconds=5400 + 60)


class Started(StrEnum):
    """What became of an event."""

    STARTED = "started"
    ALREADY_STARTED = "already-started"
    SUPERSEDED = "superseded"
    WAITING = "waiting"


def handle_object_created(
    event: Mapping[str, Any],
    table: UploadsTable,
    dynamodb: DynamoDBClient,
    s3: S3Client,
    sqs: SQSClient,
    step_functions: SFNClient,
    settings: Settings,
) -> str:
    """Start the execution that an "Object Created" event asks for.

    An event that can never be processed is logged, counted and put into the dead-letter queue, where an
    operator finds it: no repetition can mend it, so it is not raised.

    Returns
    -------
    str
        "started", "already-started", "superseded", "waiting" for its turn in a burst, or "refused".
    """
    correlate(None)
    try:
        photo = photo_of_event(event.get("detail"))
    except InvalidInputError as error:
        why = str(error)
        logger.error("event refused", extra={"why": why, "eventId": event.get("id")})
        count("EventRefused")
        sqs.send_message(
            QueueUrl=settings.dead_letter_queue_url,
            MessageBody=json.dumps(event, default=str),
            MessageAttributes={"why": {"DataType": "String", "StringValue": why[:1024]}},
        )
        return "refused"
    logger.set_correlation_id(execution_name(photo))
    # An upload without a form has no row that could say that it waits: an operator's, it goes ahead.
    turn = take_turn(dynamodb, settings) if photo.upload_id else None
    if turn and table.wait_for_turn(photo, turn):
        deliver_at(turn, event, sqs, settings)
        outcome = Started.WAITING
        count("UploadDelayed")
    else:
        outcome = start_processing(photo, table, dynamodb, s3, step_functions, settings)
    logger.info(
        "event handled", extra={"outcome": outcome, "uploadId": photo.upload_id, "userId": photo.user_id}
    )
    return outcome


def start_waiting(
    records: Sequence[Mapping[str, Any]],
    table: UploadsTable,
    dynamodb: DynamoDBClient,
    s3: S3Client,
    sqs: SQSClient,
    step_functions: SFNClient,
    settings: Settings,
) -> list[str]:
    """Start the executions of uploads whose turn has come; what came too early is delayed again.

    Parameters
    ----------
    records
        Messages of the admission queue.

    Returns
    -------
    list of str
        Ids of the messages that failed: they come again, and the others don't. If all failed, the last
        one's error is raised, so that Lambda counts it.
    """
    failed: list[str] = []
    for record in records:
        correlate(None)
        try:
            event, turn = delivered(record)
            if turn:
                deliver_at(turn, event, sqs, settings)
                continue
            photo = photo_of_event(event["detail"])
            logger.set_correlation_id(execution_name(photo))
            outcome = start_processing(photo, table, dynamodb, s3, step_functions, settings)
            logger.info("turn came", extra={"outcome": outcome, "uploadId": photo.upload_id})
        except Exception:  # whatever is wrong with one message, those behind it are not to wait for it
            failed.append(record["messageId"])
            logger.exception("message failed", extra={"messageId": record["messageId"]})
            if len(failed) == len(records):
                raise
    return failed


def photo_of_event(detail: object) -> RiderPhoto:
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
        bucket=valid_bucket(bucket),
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
    dynamodb: DynamoDBClient,
    s3: S3Client,
    step_functions: SFNClient,
    settings: Settings,
) -> Started:
    """Bind the upload's row to this version of the object, and start the execution.

    An execution that exists already is success. A second object version under the same form is
    removed, as is an upload that was minted before its rider was erased. What is gone already is left.
    """
    execution_arn = f"{_executions_of(settings.state_machine_arn)}:{execution_name(photo)}"
    photo = replace(photo, execution_arn=execution_arn)
    if photo.upload_id and not table.bind(photo):
        row = table.row_of(photo)
        if row is None:
            from chalicelib.originals import is_kept
            from chalicelib.riders import live_item

            if not is_kept(photo, s3):
                return Started.SUPERSEDED  # its rider was erased, longer ago than the tombstone lasts
            live = live_item(photo.user_id, dynamodb, settings.rider_photo_table)
            unwanted = (text_of(live, "uploadId") or "") > photo.upload_id
            if not unwanted:
                table.adopt(photo)
        else:
            unwanted = text_of(row, "s3versionid") not in {None, photo.version_id}
        if unwanted:
            s3.delete_object(**photo.as_s3_object())
            return Started.SUPERSEDED
    return start(photo, step_functions, settings.state_machine_arn)


def restart(
    photo: RiderPhoto,
    from_execution: str | None,
    table: UploadsTable,
    step_functions: SFNClient,
    state_machine_arn: str,
    statuses: Collection[UploadStatus] = RESTARTABLE,
) -> Started:
    """Start an upload again whose execution failed, was lost, or never began.

    Parameters
    ----------
    from_execution
        The execution that the upload's row is bound to; the new one's name carries the next attempt.
    statuses
        Those that the upload may have.

    Returns
    -------
    Started
        SUPERSEDED if the row says that there is nothing to start again.
    """
    first = execution_name(photo)
    attempt = 1
    if from_execution:
        # An execution that was started by hand may be called anything: it counts as the first.
        last = from_execution.rpartition(":")[2].removeprefix(f"{first}-")
        attempt = 1 + (int(last) if last.isdecimal() and len(last) < 4 else 1)
    name = first if attempt == 1 else f"{first}-{attempt}"
    photo = replace(photo, execution_arn=f"{_executions_of(state_machine_arn)}:{name}")
    if not table.take_over(photo, from_execution, statuses):
        row = table.row_of(photo)
        # Whoever took it over before may have been stopped before the start.
        if text_of(row, "executionArn") != photo.execution_arn or has_ended(row):
            return Started.SUPERSEDED
    return start(photo, step_functions, state_machine_arn)


def start(photo: RiderPhoto, step_functions: SFNClient, state_machine_arn: str) -> Started:
    """Start the execution whose ARN the photo carries; one that exists already is success."""
    name = (photo.execution_arn or "").rpartition(":")[2]
    data = photo.as_execution_input()
    try:
        step_functions.start_execution(stateMachineArn=state_machine_arn, name=name, input=data)
    except step_functions.exceptions.ExecutionAlreadyExists:
        return Started.ALREADY_STARTED
    return Started.STARTED


def _executions_of(state_machine_arn: str) -> str:
    return state_machine_arn.replace(":stateMachine:", ":execution:")


def _field(detail: object, name: str) -> Mapping[str, Any]:
    value = detail.get(name) if isinstance(detail, Mapping) else None
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"The event's detail needs {name!r}.")
    return value
