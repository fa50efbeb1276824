"""State RetireReplacedPhoto: what the new photo replaces is removed, and the upload is accepted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.models import RiderPhoto, UploadStatus, payload_of, state_of
from chalicelib.observability import count
from chalicelib.riders import live_item
from chalicelib.uploads_table import UploadsTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_s3 import S3Client

    from chalicelib.settings import Settings


def retire_replaced(
    photo: RiderPhoto,
    event: Mapping[str, Any],
    table: UploadsTable,
    dynamodb: DynamoDBClient,
    rekognition: RekognitionClient,
    s3: S3Client,
    settings: Settings,
) -> dict[str, Any]:
    """Accept the upload, then remove face and thumbnail of the rider's older ones.

    It works from the rider's own rows, and never touches what the live item names.

    Returns
    -------
    dict
        `{"retired": [uploadId, …]}`; empty too if the rider's live photo is a newer one, which
        supersedes this upload.
    """
    live = live_item(photo.user_id, dynamodb, settings.rider_photo_table)
    thumbnail = payload_of(state_of(event)["parallelResult"][1])["thumbnail"]
    if live.get("uploadId", {}).get("S", "") > photo.known_upload_id:
        # A newer photo took the place meanwhile; it removes this face, but knows no thumbnail of it yet.
        s3.delete_object(Bucket=thumbnail["s3bucket"], Key=thumbnail["s3key"])
        table.end(photo, UploadStatus.SUPERSEDED)
        count("UploadEnded", status=UploadStatus.SUPERSEDED)
        return {"retired": []}
    if table.end(photo, UploadStatus.ACCEPTED, thumbnail=thumbnail):
        count("UploadEnded", status=UploadStatus.ACCEPTED)
    retired = []
    for row in table.older_rows_with_face(photo):
        if row["faceId"] == live.get("faceId"):
            continue
        rekognition.delete_faces(CollectionId=settings.collection_id, FaceIds=[row["faceId"]["S"]])
        if "thumbnail" in row and row["thumbnail"] != live.get("thumbnail"):
            place = row["thumbnail"]["M"]
            s3.delete_object(Bucket=place["s3bucket"]["S"], Key=place["s3key"]["S"])
        table.retire(row, replaced_by=photo.known_upload_id)
        retired.append(row["uploadId"]["S"])
    return {"retired": retired}
