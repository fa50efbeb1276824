"""Rows and items as DynamoDB has them: attributes with their types, `{"status": {"S": "waiting"}}`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from chalicelib.models import RiderPhoto, UploadStatus

type Row = Mapping[str, Any]

TERMINAL: Final = (
    UploadStatus.ACCEPTED,
    UploadStatus.REJECTED,
    UploadStatus.FAILED,
    UploadStatus.SUPERSEDED,
)


def key_of(row: Row) -> dict[str, Any]:
    """The key of a row."""
    return {"userId": row["userId"], "uploadId": row["uploadId"]}


def status_of(row: Row | None) -> UploadStatus | None:
    """The row's status, or None."""
    return UploadStatus(row["status"]["S"]) if row and "status" in row else None


def text_of(row: Row | None, attribute: str) -> str | None:
    """A row's or an item's string attribute, or None."""
    value = row.get(attribute, {}).get("S") if row else None
    return value if isinstance(value, str) else None


def has_ended(row: Row | None) -> bool:
    """Whether the row has a terminal status."""
    return status_of(row) in TERMINAL


def iso(moment: datetime) -> str:
    """A moment as ISO 8601 in UTC, with milliseconds."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def object_of(photo: RiderPhoto) -> dict[str, Any]:
    """What a row notes of its object and its execution, as far as they are known."""
    attributes = {"s3bucket": {"S": photo.bucket}, "s3key": {"S": photo.key}}
    if photo.version_id:
        attributes["s3versionid"] = {"S": photo.version_id}
    if photo.execution_arn:
        attributes["executionArn"] = {"S": photo.execution_arn}
    return attributes


def photo_of_row(row: Row) -> RiderPhoto:
    """The photo that a row is about."""
    return RiderPhoto(
        user_id=row["userId"]["S"],
        bucket=text_of(row, "s3bucket") or "",
        key=text_of(row, "s3key") or "",
        version_id=text_of(row, "s3versionid"),
        upload_id=row["uploadId"]["S"],
        execution_arn=text_of(row, "executionArn"),
    )
