"""Where the small pictures of an upload are stored, and how they are deleted together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from chalicelib.errors import ServiceUnavailableError
from chalicelib.models import RiderPhoto

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Avatars lie there too: what erases a rider lists one prefix.
THUMBNAIL_PREFIX: Final = "thumbnails/"
# Attributes of a rider's item and of an upload's row that name a picture.
PICTURES: Final = ("thumbnail", "avatar")


def thumbnail_key(photo: RiderPhoto, extension: str = "jpg") -> str:
    """Where the thumbnail of an upload is stored."""
    return f"{THUMBNAIL_PREFIX}{photo.user_id}/{photo.known_upload_id}.{extension}"


def avatar_key(photo: RiderPhoto, extension: str = "jpg") -> str:
    """Where the avatar of an upload is stored."""
    return thumbnail_key(photo, f"avatar.{extension}")


def possible_keys(photo: RiderPhoto) -> list[str]:
    """All keys under which pictures of an upload may be stored."""
    return [key(photo, extension) for key in (thumbnail_key, avatar_key) for extension in ("jpg", "png")]


def places_of(attributes: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The pictures that an item or a row names, as `{"thumbnail": {"s3bucket", "s3key"}, …}`."""
    return {
        name: {part: text["S"] for part, text in attributes[name]["M"].items()}
        for name in PICTURES
        if name in attributes
    }


def delete_pictures(s3: S3Client, bucket: str, keys: Iterable[str]) -> None:
    """Delete pictures by one call; those that are not there are none the less gone.

    Raises
    ------
    ServiceUnavailableError
        If S3 kept one of them.
    """
    objects = [{"Key": key} for key in keys]
    if objects:
        delete_objects(s3, bucket, objects)


def delete_objects(s3: S3Client, bucket: str, objects: list[dict[str, str]]) -> None:
    """Delete up to 1,000 objects, or versions of them, by one call.

    Raises
    ------
    ServiceUnavailableError
        If S3 kept one of them.
    """
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})  # type: ignore[typeddict-item]
    if answer.get("Errors"):
        raise ServiceUnavailableError(f"S3 kept {len(answer['Errors'])} objects: repeat.")
