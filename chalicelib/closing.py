"""What no Catch sees: an execution that timed out, was aborted or broke is closed from outside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.errors import InvalidInputError
from chalicelib.models import RiderPhoto, UploadStatus
from chalicelib.observability import correlate, logger
from chalicelib.originals import identified
from chalicelib.rows import Row, has_ended, status_of
from chalicelib.uploads_table import UploadsTable
from chalicelib.wiring import call

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sqs import SQSClient

    from chalicelib.settings import Settings


def close_execution(
    detail: Mapping[str, Any],
    table: UploadsTable,
    dynamodb: DynamoDBClient,
    rekognition: RekognitionClient,
    s3: S3Client,
    sqs: SQSClient,
    cognito: CognitoIdentityProviderClient,
    ses: SESV2Client,
    settings: Settings,
) -> str | None:
    """Undo what an ended execution left open, through the same compensation that the machine uses.

    Parameters
    ----------
    detail
        Of a "Step Functions Execution Status Change": `executionArn`, `status` (FAILED, TIMED_OUT or
        ABORTED) and `input`, the JSON text.

    Returns
    -------
    str or None
        What `undo` found the upload to be; None if the execution had ended it itself, or its input
        names no photo.

    """
    execution_arn = detail.get("executionArn")
    try:
        if not isinstance(execution_arn, str):
            raise InvalidInputError("The event's detail has no 'executionArn'.")
        correlate(execution_arn)
        state = _input_of(detail)
        event = {
            "executionArn": execution_arn,
            "state": {**state, "errorInfo": {"Error": f"Execution.{detail.get('status')}", "Cause": ""}},
        }
        photo = RiderPhoto.from_state(event)
    except InvalidInputError as error:
        # No step can have done anything with it either, so there is nothing to undo.
        logger.error("execution had no valid input", extra={"why": str(error)})
        return None
    photo = identified(photo, s3)
    if _is_closed(table.row_of(photo)):
        return None
    from chalicelib.steps.undo import undo

    undone = undo(photo, event, table, dynamodb, rekognition, s3, sqs, settings)
    if undone["status"] == UploadStatus.FAILED:
        from chalicelib.steps.notify_rider import notify_rider

        notify_rider(photo, event, table, cognito, ses, settings)
    return str(undone["status"])


def close_lost(photo: RiderPhoto, status: str) -> None:
    """Close an upload whose execution is gone, for the audit: as if the execution's end had been heard of."""
    detail = {"executionArn": photo.execution_arn, "status": status, "input": photo.as_execution_input()}
    try:
        call(close_execution, detail=detail)
    finally:
        correlate(None)  # what the audit says next is of other uploads


def _is_closed(row: Row | None) -> bool:
    """Whether there is nothing left to do: a failure counts only once the rider's mail was seen to."""
    if status_of(row) is UploadStatus.FAILED:
        return row is not None and f"mail_{UploadStatus.FAILED}" in row
    return has_ended(row)


def _input_of(detail: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        state = json.loads(detail.get("input") or "")
    except (TypeError, ValueError) as error:
        raise InvalidInputError("The event's detail has no input, or one that is not JSON.") from error
    if not isinstance(state, dict):
        raise InvalidInputError("The execution's input is not an object.")
    return state
