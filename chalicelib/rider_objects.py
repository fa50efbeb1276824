"""What lies in the buckets of a rider: originals in every version, and the small pictures made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.models import UNVERSIONED, UPLOAD_PREFIX, is_upload_id, upload_id_of_object
from chalicelib.pictures import THUMBNAIL_PREFIX, delete_objects
from chalicelib.rows import text_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from chalicelib.settings import Settings

# A bucket, and up to 1,000 versions of objects in it.
type _Batch = tuple[str, list[dict[str, str]]]


def delete_objects_of(
    user_id: str, rows: Sequence[Mapping[str, Any]], before: str, s3: S3Client, settings: Settings
) -> int:
    """Delete the originals and small pictures of a rider's uploads that were minted before an uploadId.

    Parameters
    ----------
    rows
        The rider's rows, and the item: they name photos that no form uploaded.

    Returns
    -------
    int
        How many versions were deleted.
    """
    photos, thumbnails = settings.photo_bucket, settings.thumbnail_bucket
    # Listed whole first: a page begins after the last version of the one before, which must be there.
    batches = [
        *_versions(photos, f"{UPLOAD_PREFIX}{user_id}/", before, s3),
        *_versions(thumbnails, f"{THUMBNAIL_PREFIX}{user_id}/", before, s3),
        *_elsewhere(rows, photos),
    ]
    for bucket, batch in batches:
        delete_objects(s3, bucket, batch)
    return sum(len(batch) for _, batch in batches)


def _versions(bucket: str, prefix: str, before: str, s3: S3Client) -> Iterator[_Batch]:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        batch = [
            {"Key": version["Key"], "VersionId": version["VersionId"]}
            for version in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
            if _upload_of(bucket, version) < before
        ]
        if batch:
            yield bucket, batch


def _elsewhere(rows: Sequence[Mapping[str, Any]], bucket: str) -> Iterator[_Batch]:
    """Photos that no form uploaded, so that they lie elsewhere: the very versions that the rider's rows name.

    Other versions under that key may be another rider's. What names another bucket than the stage's was a
    mistake of whoever started it by hand: no function could read it, and none may delete there.
    """
    for row in rows:
        key = text_of(row, "s3key")
        if key and not key.startswith(UPLOAD_PREFIX) and text_of(row, "s3bucket") == bucket:
            # Without versions there is one, which S3 calls so.
            version_id = text_of(row, "s3versionid") or UNVERSIONED
            yield bucket, [{"Key": key, "VersionId": version_id}]


def _upload_of(bucket: str, version: Mapping[str, Any]) -> str:
    """The uploadId that a version of an original or a thumbnail belongs to: its name, or from its age."""
    name = version["Key"].rpartition("/")[2].partition(".")[0]
    if is_upload_id(name):
        return str(name)
    return upload_id_of_object(bucket, version["Key"], version["VersionId"], version["LastModified"])
