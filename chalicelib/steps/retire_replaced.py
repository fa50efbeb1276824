"""State RetireReplacedPhoto: accept the upload, remove what it replaces, tell the rider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.claims import withdraw
from chalicelib.errors import SupersededError
from chalicelib.models import RiderPhoto, UploadStatus, payload_of, state_of
from chalicelib.pictures import PICTURES, delete_pictures
from chalicelib.riders import live_item
from chalicelib.rows import status_of, text_of
from chalicelib.uploads_table import UploadsTable

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sesv2 import SESV2Client

    from chalicelib.settings import Settings


def retire_replaced(
    photo: RiderPhoto,
    event: Mapping[str, Any],
    table: UploadsTable,
    dynamodb: DynamoDBClient,
    rekognition: RekognitionClient,
    s3: S3Client,
    cognito: CognitoIdentityProviderClient,
    ses: SESV2Client,
    settings: Settings,
) -> dict[str, Any]:
    """Accept the upload, then remove face and pictures of the rider's older ones, then mail the rider.

    It works from the rider's own rows, and never touches what the live item names. The mail comes last,
    and nothing that it meets changes what was done before; a photo that was replaced meanwhile gets none.

    Returns
    -------
    dict
        `{"retired": [uploadId, …]}`.

    Raises
    ------
    SupersededError
        If this photo is not the live one any more.
    RiderNotToldError
        If all is done but the mail, which may be sent later.
    """
    live = live_item(photo.user_id, dynamodb, settings.rider_photo_table)
    if text_of(live, "uploadId") != photo.known_upload_id:
        raise SupersededError("A newer photo has replaced this one already, or the rider was erased.")
    made = payload_of(state_of(event)["parallelResult"][1])
    pictures = {name: made[name] for name in PICTURES if name in made}
    table.end(photo, UploadStatus.ACCEPTED, pictures=pictures)
    # Read again: a newer photo that came in between looked for accepted ones before this one was, so
    # this one has to remove itself.
    live = live_item(photo.user_id, dynamodb, settings.rider_photo_table)
    retired = retire_older(live, table, rekognition, s3, settings)
    if settings.mail_on_accepted and text_of(live, "uploadId") == photo.known_upload_id:
        from chalicelib.mail.delivery import tell_rider

        tell_rider(photo, UploadStatus.ACCEPTED, table, cognito, ses, settings)
    return {"retired": retired}


def retire_older(
    live: Mapping[str, Any],
    table: UploadsTable,
    rekognition: RekognitionClient,
    s3: S3Client,
    settings: Settings,
) -> list[str]:
    """Remove face and pictures of all accepted uploads of a rider that are older than the live item's.

    Returns
    -------
    list of str
        Their uploadIds.
    """
    newest, retired = text_of(live, "uploadId"), list[str]()
    if newest is None:
        return retired
    user_id = live["Username"]["S"]
    for row in table.rows_of_rider(user_id, before=newest):
        # An older upload that is still being processed finds the newer photo, and cleans up after itself.
        if status_of(row) is not UploadStatus.ACCEPTED or "replacedBy" in row:
            continue
        withdraw(RiderPhoto(user_id, "", "", upload_id=row["uploadId"]["S"]), table)
        if "faceId" in row and row["faceId"] != live.get("faceId"):
            rekognition.delete_faces(CollectionId=settings.collection_id, FaceIds=[row["faceId"]["S"]])
        replaced = [row[name]["M"] for name in PICTURES if name in row and row[name] != live.get(name)]
        if replaced:
            bucket = replaced[0]["s3bucket"]["S"]
            delete_pictures(s3, bucket, [place["s3key"]["S"] for place in replaced])
        table.retire(row, replaced_by=newest)
        retired.append(row["uploadId"]["S"])
    return retired
