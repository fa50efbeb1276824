"""State UndoExecution: what an execution did that will not be accepted is taken back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.clients import is_transient
from chalicelib.executions import identify
from chalicelib.models import (
    UNVERSIONED,
    RiderPhoto,
    UploadStatus,
    payload_of,
    reason_of,
    state_of,
    upload_id_of_object,
)
from chalicelib.observability import count
from chalicelib.outcome import error_message
from chalicelib.riders import live_item
from chalicelib.steps.make_thumbnail import thumbnail_key
from chalicelib.uploads_table import UploadsTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

    from chalicelib.settings import Settings

_NO_AGE = datetime.fromtimestamp(0, UTC)
_FAILED_MESSAGE = "The photo could not be processed. It is not the photo's fault: please try again later."
SUPERSEDED_ERROR = "DynamoDB.ConditionalCheckFailedException"


def undo(
    photo: RiderPhoto,
    event: Mapping[str, Any],
    table: UploadsTable,
    dynamodb: DynamoDBClient,
    rekognition: RekognitionClient,
    s3: S3Client,
    sqs: SQSClient,
    settings: Settings,
) -> dict[str, Any]:
    """Withdraw the face and the thumbnail of this execution, and say so in the upload's row.

    The rider's live photo is never touched: if it is this very one, nothing is undone and the upload
    counts as accepted. A technical failure is put into the dead-letter queue with the input to start again.

    Returns
    -------
    dict
        `{"status", "uploadId", "s3VersionId"}`; status "rejected" (recorded, with its reason, by the
        state that tells the rider), "failed", "superseded" or "accepted".
    """
    state = state_of(event)
    error, message = error_message(state.get("errorInfo"))
    photo = _identified(photo, s3)
    live = live_item(photo.user_id, dynamodb, settings.rider_photo_table)
    if live.get("uploadId", {}).get("S") == photo.known_upload_id:
        place = live.get("thumbnail", {}).get("M", {})
        thumbnail = {name: text["S"] for name, text in place.items()}
        table.end(photo, UploadStatus.ACCEPTED, thumbnail=thumbnail)
        status = UploadStatus.ACCEPTED
    else:
        _withdraw_faces(photo, state, table, rekognition, settings)
        for extension in ("jpg", "png"):
            s3.delete_object(Bucket=settings.thumbnail_bucket, Key=thumbnail_key(photo, extension))
        if reason_of(error, message):
            return _result(UploadStatus.REJECTED, photo)
        status = UploadStatus.SUPERSEDED if error == SUPERSEDED_ERROR else UploadStatus.FAILED
        table.end(photo, status, message=None if status is UploadStatus.SUPERSEDED else _FAILED_MESSAGE)
    if status is not UploadStatus.SUPERSEDED:
        sqs.send_message(
            QueueUrl=settings.dead_letter_queue_url, MessageBody=_dead_letter(photo, state, error)
        )
    count("UploadEnded", status=status)
    return _result(status, photo)


def _result(status: UploadStatus, photo: RiderPhoto) -> dict[str, Any]:
    return {"status": status, "uploadId": photo.upload_id, "s3VersionId": photo.version_id}


def _withdraw_faces(
    photo: RiderPhoto,
    state: Mapping[str, Any],
    table: UploadsTable,
    rekognition: RekognitionClient,
    settings: Settings,
) -> None:
    """Delete the faces of this upload: the one in the state, in the row, and any that the search finds.

    The search finds the face of a step that indexed it and was killed before it could say so.
    """
    results = state.get("parallelResult")
    row = table.row(photo.user_id, photo.known_upload_id) or {}
    face_ids = {
        row.get("faceId", {}).get("S"),
        payload_of(results[0] if isinstance(results, list) and results else None).get("FaceId"),
    }
    face_ids.discard(None)
    if not face_ids and "executionArn" in row:
        face_ids = _faces_of_upload(photo, rekognition, settings)
    if not face_ids:
        return
    try:
        rekognition.delete_faces(CollectionId=settings.collection_id, FaceIds=sorted(filter(None, face_ids)))
    except rekognition.exceptions.ResourceNotFoundException:
        return  # the collection itself is gone, and the face with it


def _faces_of_upload(
    photo: RiderPhoto, rekognition: RekognitionClient, settings: Settings
) -> set[str | None]:
    try:
        answer = rekognition.search_faces_by_image(
            CollectionId=settings.collection_id,
            Image=photo.as_rekognition_image(),  # type: ignore[arg-type]
            FaceMatchThreshold=settings.photo_rules.similarity_threshold,
            MaxFaces=4096,
        )
    except rekognition.exceptions.ClientError as error:
        if is_transient(error):
            raise
        return set()  # no picture, no face in it or no collection: nothing was indexed
    return {
        match["Face"]["FaceId"]
        for match in answer["FaceMatches"]
        if match["Face"].get("ExternalImageId") == photo.external_image_id
    }


def _identified(photo: RiderPhoto, s3: S3Client) -> RiderPhoto:
    try:
        return identify(photo, s3)
    except s3.exceptions.ClientError as error:
        if is_transient(error):
            raise
    # There is no such object, so it has no age: its row is named after the input alone.
    version_id = photo.version_id or UNVERSIONED
    upload_id = photo.upload_id or upload_id_of_object(photo.bucket, photo.key, version_id, _NO_AGE)
    return replace(photo, version_id=version_id, upload_id=upload_id)


def _dead_letter(photo: RiderPhoto, state: Mapping[str, Any], error: str) -> str:
    """All that is needed to start again; causes hold stack traces and stay in the execution's history."""
    start_again = {
        name: state[name] for name in ("userId", "s3Bucket", "s3Key", "s3VersionId") if name in state
    }
    return json.dumps(
        {"source": "execution", "executionArn": photo.execution_arn, "error": error, "input": start_again}
    )
