"""Buckets, emptied with all their versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from deploy.errors import StackError, error_code

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef


def bucket_exists(s3: S3Client, bucket: str) -> bool:
    """Whether there is such a bucket that these credentials can see."""
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error_code(error) in ("404", "NoSuchBucket"):
            return False
        raise
    return True


def empty_bucket(s3: S3Client, bucket: str, prefix: str = "") -> int:
    """Delete every version and delete marker of a bucket, and return how many; none without a bucket.

    Parameters
    ----------
    prefix
        Of the keys that go.
    """
    deleted = 0
    try:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
            objects: list[ObjectIdentifierTypeDef] = [
                {"Key": entry["Key"], "VersionId": entry["VersionId"]}
                for entry in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            ]
            if not objects:
                continue
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
            if answer.get("Errors"):
                first = answer["Errors"][0]
                raise StackError(
                    f"{len(answer['Errors'])} objects of {bucket} couldn't be deleted, the first "
                    f"({first.get('Key')}) because of {first.get('Code')}: {first.get('Message')}"
                )
            deleted += len(objects)
    except ClientError as error:
        if error_code(error) != "NoSuchBucket":
            raise
    return deleted
