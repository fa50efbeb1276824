"""State UndoExecution: what an execution did that will not be accepted is taken back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.claims import withdraw
from chalicelib.clients import is_transient
from chalicelib.errors import SupersededError, UploadEndedError
from chalicelib.models import (
    Claim,
    RiderPhoto,
    UploadStatus,
    minted_upload_id,
    payload_of,
    state_of,
)
from chalicelib.observability import count
from chalicelib.originals import identified
from chalicelib.outcome import error_message, reason_of
from chalicelib.pictures import delete_pictures, places_of, possible_keys
from chalicelib.riders import live_item, refuse_late_write
from chalicelib.rows import Row, has_ended, status_of, text_of
from chalicelib.rules import MAX_MATCHES
from chalicelib.uploads_table import UploadsTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

    from chalicelib.settings import Settings

_FAILED_MESSAGE = "The photo could not be processed. It is not the photo's fault: please try again later."
DECIDED = "decided"
_NOT_A_FAILURE = {SupersededError.__name__, UploadEndedError.__name__}


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
    """Withdraw the claim, the face and the pictures of this execution, and say so in the upload's row.

    The rider's live photo is never touched: if it is this very one, nothing is undone and the upload
    counts as accepted. Nor is an upload that another execution works on. A technical failure is put
    into the dead-letter queue with all that is needed to start again.

    Returns
    -------
    dict
        `{"status", "uploadId", "s3VersionId"}`; status "rejected" (recorded, with its reason, by the
        state that tells the rider), "failed", "superseded", "accepted", or "decided" if the upload had
        ended before, is another execution's, or its rider was erased.
    """
    state = state_of(event)
    error, message = error_message(state.get("errorInfo"))
    photo = identified(photo, s3)
    row = table.row_of(photo)
    if text_of(row, "claim") == Claim.CONFIRMED and text_of(row, "executionArn") == photo.execution_arn:
        refuse_late_write(photo, dynamodb, settings.rider_photo_table)
    live = live_item(photo.user_id, dynamodb, settings.rider_photo_table)
    status: str | None = _take_back(photo, state, row, live, table, rekognition, s3, settings)
    if status is None and reason_of(error, message):
        status = UploadStatus.REJECTED
    elif status is None:
        # Whatever failed: with a newer photo, or after an erasure, this one can't be accepted any more.
        overtaken = (text_of(live, "uploadId") or "") > photo.known_upload_id
        if overtaken or error in _NOT_A_FAILURE:
            status = UploadStatus.SUPERSEDED
            table.end(photo, status)
        else:
            status = UploadStatus.FAILED
            # First, so that whoever finds the row failed knows that the letter was sent.
            _send_letter(photo, state, error, sqs, settings)
            table.end(photo, status, message=_FAILED_MESSAGE)
    elif status == UploadStatus.ACCEPTED and error not in _NOT_A_FAILURE:
        _send_letter(photo, state, error, sqs, settings)
    count("UploadUndone", status=status)
    return {"status": status, "uploadId": photo.upload_id, "s3VersionId": photo.version_id}


def _take_back(
    photo: RiderPhoto,
    state: Mapping[str, Any],
    row: Row | None,
    live: Mapping[str, Any],
    table: UploadsTable,
    rekognition: RekognitionClient,
    s3: S3Client,
    settings: Settings,
) -> str | None:
    """Undo what this execution did; None if the upload has no outcome yet."""
    if text_of(live, "uploadId") == photo.known_upload_id:
        table.end(photo, UploadStatus.ACCEPTED, pictures=places_of(live))
        return UploadStatus.ACCEPTED
    if row and text_of(row, "executionArn") not in {None, photo.execution_arn}:
        return DECIDED  # another execution works on it, or has decided it
    if status_of(row) is UploadStatus.ACCEPTED:
        return DECIDED  # and replaced since: whoever replaced it cleans up
    withdraw(photo, table)
    _delete_faces(photo, state, row, rekognition, settings)
    minted = minted_upload_id(photo.user_id, photo.key) is not None
    # Before there is a row another execution, started by hand for the same photo, may be about to claim
    # it: what nobody claims in the end, the audit deletes.
    if row or minted:
        delete_pictures(s3, settings.thumbnail_bucket, possible_keys(photo))
    status = status_of(row)
    if status in {UploadStatus.FAILED, UploadStatus.SUPERSEDED}:
        return status  # as when it was undone before, and only the answer got lost
    was_erased = row is None and minted
    return DECIDED if was_erased or has_ended(row) else None


def _delete_faces(
    photo: RiderPhoto,
    state: Mapping[str, Any],
    row: Row | None,
    rekognition: RekognitionClient,
    settings: Settings,
) -> None:
    """Delete the faces of this upload: the one in the state, in the row, or else any that a search finds.

    The search finds the face of a step that indexed it and was killed before it could say so.
    """
    results = state.get("parallelResult")
    indexed = payload_of(results[0] if isinstance(results, list) and results else None).get("FaceId")
    face_ids = {face_id for face_id in (indexed, text_of(row, "faceId")) if face_id}
    if not face_ids and (row is None or "claim" in row):
        face_ids = _faces_of_upload(photo, rekognition, settings)
    if not face_ids:
        return
    try:
        rekognition.delete_faces(CollectionId=settings.collection_id, FaceIds=sorted(face_ids))
    except rekognition.exceptions.ResourceNotFoundException:
        return  # the collection itself is gone, and the face with it


def _faces_of_upload(photo: RiderPhoto, rekognition: RekognitionClient, settings: Settings) -> set[str]:
    try:
        answer = rekognition.search_faces_by_image(
            CollectionId=settings.collection_id,
            Image=photo.as_rekognition_image(),  # type: ignore[arg-type]
            FaceMatchThreshold=settings.photo_rules.similarity_threshold,
            MaxFaces=MAX_MATCHES,
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


def _send_letter(
    photo: RiderPhoto, state: Mapping[str, Any], error: str, sqs: SQSClient, settings: Settings
) -> None:
    """Send all that is needed to start again; causes, with stack traces, stay in the execution's history."""
    start_again = {
        name: state[name] for name in ("userId", "s3Bucket", "s3Key", "s3VersionId") if name in state
    }
    letter = {
        "source": "execution",
        "executionArn": photo.execution_arn,
        "error": error,
        "input": start_again,
    }
    sqs.send_message(QueueUrl=settings.dead_letter_queue_url, MessageBody=json.dumps(letter))
