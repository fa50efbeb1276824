"""State Thumbnail: small, upright pictures without any metadata: the whole photo, and the face."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.models import RiderPhoto, payload_of, state_of
from chalicelib.pictures import avatar_key, thumbnail_key
from chalicelib.rendering import render

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from chalicelib.settings import Settings


def make_thumbnail(
    photo: RiderPhoto, event: Mapping[str, Any], s3: S3Client, settings: Settings
) -> dict[str, dict[str, str]]:
    """Make the photo's thumbnail and avatar, and store them in the thumbnails' bucket.

    Parameters
    ----------
    event
        The state, with the face's `BoundingBox` in `detectedFaceDetails`; without it the avatar is the
        middle of the photo.

    Returns
    -------
    dict
        `{"thumbnail": {"s3bucket", "s3key"}, "avatar": {"s3bucket", "s3key"}}`. The keys carry rider and
        upload, so that no two photos share one and a repetition writes the same.

    Raises
    ------
    PhotoDoesNotMeetRequirementError
        If the picture has too many pixels or cannot be decoded.
    """
    original = s3.get_object(**photo.as_s3_object())["Body"].read()
    box = (settings.thumbnail_width, settings.thumbnail_height)
    face = payload_of(state_of(event).get("detectedFaceDetails")).get("BoundingBox")
    thumbnail, avatar = render(original, box, face, settings.photo_rules)
    places = {}
    for name, picture, key_of in (("thumbnail", thumbnail, thumbnail_key), ("avatar", avatar, avatar_key)):
        key = key_of(photo, picture.extension)
        s3.put_object(
            Bucket=settings.thumbnail_bucket,
            Key=key,
            Body=picture.content,
            ContentType=picture.content_type,
        )
        places[name] = {"s3bucket": settings.thumbnail_bucket, "s3key": key}
    return places
