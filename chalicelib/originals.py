"""Originals: the objects that riders uploaded, as S3 has them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from chalicelib.clients import error_code, is_transient
from chalicelib.models import UNVERSIONED, RiderPhoto, upload_id_of_object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# What S3 answers where an object is not, or not any more: HEAD's have no body that could hold a code.
GONE: Final = {"NoSuchKey", "NoSuchVersion", "MethodNotAllowed", "400", "404", "405"}
_NO_AGE: Final = datetime.fromtimestamp(0, UTC)


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


def identified(photo: RiderPhoto, s3: S3Client) -> RiderPhoto:
    """The photo with its version and uploadId, also if the object is not there."""
    try:
        return identify(photo, s3)
    except s3.exceptions.ClientError as error:
        if is_transient(error):
            raise
    # There is no such object, so it has no age: its row is named after the input alone.
    version_id = photo.version_id or UNVERSIONED
    upload_id = photo.upload_id or upload_id_of_object(photo.bucket, photo.key, version_id, _NO_AGE)
    return replace(photo, version_id=version_id, upload_id=upload_id)


def is_kept(photo: RiderPhoto, s3: S3Client) -> bool:
    """Whether the original is still there, in the version that the photo names."""
    try:
        s3.head_object(**photo.as_s3_object())
    except s3.exceptions.ClientError as error:
        if error_code(error) not in GONE:
            raise
        return False
    return True
