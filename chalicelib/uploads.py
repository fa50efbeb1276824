"""Uploads: the presigned form a rider uploads with, and the answer to what became of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.errors import InvalidInputError
from chalicelib.models import (
    CONTENT_TYPES,
    Reason,
    UploadStatus,
    is_upload_id,
    upload_key,
    uuid7,
)
from chalicelib.records import RiderRecords
from chalicelib.riders import signed_url
from chalicelib.rows import iso
from chalicelib.uploads_table import UploadsTable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from chalicelib.settings import Settings


@dataclass(frozen=True, slots=True)
class UploadForm:
    """What `POST /uploads` answers: a presigned POST and until when, and how many bytes, it takes."""

    upload_id: str
    url: str
    fields: Mapping[str, str]
    expires_at: datetime
    max_bytes: int

    def as_json(self) -> dict[str, Any]:
        """The body of the answer."""
        return {
            "uploadId": self.upload_id,
            "upload": {"url": self.url, "fields": dict(self.fields)},
            "expiresAt": iso(self.expires_at),
            "maxBytes": self.max_bytes,
        }


@dataclass(frozen=True, slots=True)
class UploadView:
    """What `GET /uploads/{uploadId}` answers."""

    status: UploadStatus
    reason: Reason | None = None
    message: str | None = None
    thumbnail_url: str | None = None
    avatar_url: str | None = None
    appealed: bool = False

    def as_json(self) -> dict[str, Any]:
        """The body of the answer; fields that say nothing are null."""
        return {
            "status": self.status,
            "reason": self.reason,
            "message": self.message,
            "thumbnailUrl": self.thumbnail_url,
            "avatarUrl": self.avatar_url,
            "appealed": self.appealed,
        }


def create_upload(
    user_id: str,
    content_type: object,
    table: UploadsTable,
    records: RiderRecords,
    s3: S3Client,
    settings: Settings,
) -> UploadForm:
    """Mint an upload: a row, and a presigned POST for exactly one key, type and range of sizes.

    Parameters
    ----------
    content_type
        image/jpeg or image/png.

    Raises
    ------
    InvalidInputError
        For any other content type.
    ConsentMissingError
        If the rider has not agreed to the processing of the face.
    TooManyUploadsError
        If the rider had too many forms of late.
    """
    from chalicelib.consent import require_consent
    from chalicelib.limits import count_form

    extension = CONTENT_TYPES.get(content_type) if isinstance(content_type, str) else None
    if extension is None or not isinstance(content_type, str):
        raise InvalidInputError("'contentType' must be 'image/jpeg' or 'image/png'.")
    now = datetime.now(UTC)
    upload_id = uuid7(int(now.timestamp() * 1000), os.urandom(10))
    key = upload_key(user_id, upload_id, extension)
    # After the uploadId is minted: consent that is withdrawn from now on erases this upload too.
    require_consent(user_id, records)
    count_form(user_id, records, settings)
    table.create(user_id, upload_id, settings.photo_bucket, key)
    max_bytes = settings.photo_rules.max_bytes
    form = s3.generate_presigned_post(
        settings.photo_bucket,
        key,
        Fields={"Content-Type": content_type},
        Conditions=[{"Content-Type": content_type}, ["content-length-range", 1, max_bytes]],
        ExpiresIn=settings.upload_seconds,
    )
    return UploadForm(
        upload_id=upload_id,
        url=form["url"],
        fields=form["fields"],
        expires_at=now + timedelta(seconds=settings.upload_seconds),
        max_bytes=max_bytes,
    )


def view_upload(user_id: str, upload_id: str, table: UploadsTable, s3: S3Client) -> UploadView | None:
    """What became of a rider's own upload; None if the rider has no such upload."""
    row = table.row(user_id, upload_id) if is_upload_id(upload_id) else None
    if row is None:
        return None
    return UploadView(
        status=UploadStatus(row["status"]["S"]),
        reason=Reason(row["reason"]["S"]) if "reason" in row else None,
        message=row.get("message", {}).get("S"),
        thumbnail_url=signed_url(row, "thumbnail", s3),
        avatar_url=signed_url(row, "avatar", s3),
        appealed="appeal" in row,
    )
