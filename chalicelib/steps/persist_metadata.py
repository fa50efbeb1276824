"""State PersistMetadata as a function, for the workshop's first variant: the machine persists natively."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.errors import InvalidInputError
from chalicelib.models import RiderPhoto, payload_of, state_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.settings import Settings


def persist_metadata(
    photo: RiderPhoto, event: Mapping[str, Any], dynamodb: DynamoDBClient, settings: Settings
) -> dict[str, Any]:
    """Write the rider's live photo: the workshop's item, with the upload it came from.

    Parameters
    ----------
    event
        The state, with `parallelResult` of ParallelProcessing: the face, then the thumbnail.

    Returns
    -------
    dict
        Empty, as in the workshop.

    Raises
    ------
    InvalidInputError
        If the state has no face or no thumbnail.
    """
    results = state_of(event).get("parallelResult")
    if not isinstance(results, list) or len(results) != 2:
        raise InvalidInputError(
            "The state needs 'parallelResult', a list of the indexed face and the thumbnail."
        )
    face_id = payload_of(results[0]).get("FaceId")
    thumbnail = payload_of(results[1]).get("thumbnail")
    if not face_id or not isinstance(thumbnail, Mapping):
        raise InvalidInputError(
            "'parallelResult' needs a 'FaceId' in its first entry, a 'thumbnail' in its second."
        )
    item: dict[str, Any] = {
        "Username": {"S": photo.user_id},
        "faceId": {"S": face_id},
        "s3bucket": {"S": photo.bucket},
        "s3key": {"S": photo.key},
    }
    for picture, place in (("thumbnail", thumbnail), ("avatar", payload_of(results[1]).get("avatar"))):
        if isinstance(place, Mapping):
            item[picture] = {"M": {name: {"S": place[name]} for name in ("s3bucket", "s3key")}}
    if photo.upload_id and photo.version_id:
        item |= {"uploadId": {"S": photo.upload_id}, "s3versionid": {"S": photo.version_id}}
    dynamodb.put_item(TableName=settings.rider_photo_table, Item=item)
    return {}
