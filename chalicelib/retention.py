"""How long originals are kept: a tag that the bucket's lifecycle rules read, set once an upload has ended.

What carries no tag never goes by itself: whatever fails here keeps a photo longer, and loses none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Final

from chalicelib.clients import error_code
from chalicelib.models import UNVERSIONED, UPLOAD_PREFIX, UploadStatus
from chalicelib.originals import GONE
from chalicelib.passes import Cursors, LookAfter
from chalicelib.rows import Row, iso, status_of, text_of
from chalicelib.uploads_table import UploadsTable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from chalicelib.settings import Settings

TAG: Final = "retention"
_ENDED: Final = (
    UploadStatus.REJECTED,
    UploadStatus.FAILED,
    UploadStatus.SUPERSEDED,
    UploadStatus.ACCEPTED,
)


class Kept(StrEnum):
    """Values of the tag; `resources.yaml` has a rule for each but the first."""

    LIVE = "live"  # for as long as it is the rider's photo
    ENDED = "ended"
    APPEALED = "appealed"  # until somebody has looked at it


class Retention:
    """Tags the originals of uploads that ended, or were replaced, since it last looked."""

    def __init__(self, table: UploadsTable, s3: S3Client, settings: Settings, cursors: Cursors) -> None:
        self._table = table
        self._s3 = s3
        self._settings = settings
        self._cursors = cursors

    def originals(self, settled: datetime, look_after: LookAfter) -> Iterator[None]:
        """Tag one original after the other, those of the longest unchanged rows first.

        Whatever changes a row, an appeal or a newer photo say, lets it come up again.
        """
        for status in _ENDED:
            name = f"originals-{status}"
            last = self._cursors.get(name) or ""
            since = last.partition(" ")[0]
            for row in self._table.rows_by_status(status, since=since, before=iso(settled)):
                cursor = f"{row['updatedAt']['S']} {row['uploadId']['S']}"
                # One that failed is passed over once another succeeds: what all meet is not the row's fault.
                if cursor != last and look_after(row["uploadId"]["S"], partial(self._tag, row)):
                    self._cursors.set(name, cursor)
                yield

    def _tag(self, row: Row) -> None:
        key = text_of(row, "s3key") or ""
        if not key.startswith(UPLOAD_PREFIX) or text_of(row, "s3bucket") != self._settings.photo_bucket:
            return  # no rider's upload: whoever put it there knows how long
        version_id = text_of(row, "s3versionid")
        version = {"VersionId": version_id} if version_id and version_id != UNVERSIONED else {}
        tags = [{"Key": TAG, "Value": str(kept_as(row, self._settings))}]
        try:
            self._s3.put_object_tagging(
                Bucket=self._settings.photo_bucket,
                Key=key,
                Tagging={"TagSet": tags},  # type: ignore[typeddict-item]
                **version,  # type: ignore[arg-type]
            )
        except self._s3.exceptions.ClientError as error:
            if error_code(error) not in GONE:
                raise


def kept_as(row: Row, settings: Settings) -> Kept:
    """How long the original of an upload that has ended is kept."""
    status = status_of(row)
    if status is UploadStatus.ACCEPTED and "replacedBy" not in row and settings.keep_originals:
        return Kept.LIVE
    if status is UploadStatus.REJECTED and "appeal" in row:
        return Kept.APPEALED
    return Kept.ENDED
