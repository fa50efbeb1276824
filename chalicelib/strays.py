"""Faces and thumbnails that no live photo accounts for: left by what was killed, or came late."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from chalicelib.executions import EXECUTION_LIFE
from chalicelib.models import is_upload_id, owner_of_face
from chalicelib.passes import Cursors, LookAfter, Pace
from chalicelib.pictures import THUMBNAIL_PREFIX
from chalicelib.riders import live_item
from chalicelib.rows import Row, has_ended, iso, text_of
from chalicelib.uploads_table import UploadsTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_s3 import S3Client

    from chalicelib.settings import Settings

_FACES: Final = "faces"
_THUMBNAILS: Final = "thumbnails"
# A pass keeps its place after each: two reads an entry, which its share of the time is enough for.
_PAGE: Final = 100


class Strays:
    """Looks through the collection and the thumbnails, a bounded piece at a time.

    Attributes
    ----------
    faces_without_row
        Faces that cannot be told to be anybody's: for an operator to look at.
    faces_deleted, thumbnails_deleted
        What was deleted, since its upload has ended, or its rider was erased.
    """

    def __init__(
        self,
        table: UploadsTable,
        dynamodb: DynamoDBClient,
        rekognition: RekognitionClient,
        s3: S3Client,
        settings: Settings,
        cursors: Cursors,
        pace: Pace,
    ) -> None:
        self._table = table
        self._dynamodb = dynamodb
        self._rekognition = rekognition
        self._s3 = s3
        self._settings = settings
        self._pace = pace
        self._cursors = cursors
        self.faces_without_row: list[str] = []
        self.faces_deleted: list[str] = []
        self.thumbnails_deleted: list[str] = []

    def faces(self, settled: datetime, look_after: LookAfter) -> Iterator[None]:
        """Look at each face of the collection; deleted if its upload ended before `settled`."""
        request: dict[str, Any] = {"CollectionId": self._settings.collection_id, "MaxResults": _PAGE}
        cursor = self._cursors.get(_FACES)
        while True:
            self._pace.wait()
            try:
                page = self._rekognition.list_faces(**request | ({"NextToken": cursor} if cursor else {}))
            except self._rekognition.exceptions.InvalidPaginationTokenException:
                cursor = None  # the collection was made anew
                continue
            for face in page["Faces"]:
                face_id, image_id = face["FaceId"], face.get("ExternalImageId", "")
                look_after(face_id, partial(self._look_after_face, face_id, image_id, settled))
                yield
            cursor = page.get("NextToken")
            self._cursors.set(_FACES, cursor)
            if not cursor:
                return

    def _look_after_face(self, face_id: str, image_id: str, settled: datetime) -> None:
        user_id, upload_id = owner_of_face(image_id)
        if upload_id is None:
            self.faces_without_row.append(face_id)
            return
        row, live_upload = self._row_and_live_upload(user_id, upload_id)
        if _is_stray(row, upload_id, live_upload, settled):
            self._pace.wait()
            self._rekognition.delete_faces(CollectionId=self._settings.collection_id, FaceIds=[face_id])
            self.faces_deleted.append(face_id)
        elif row is None:
            self.faces_without_row.append(face_id)

    def thumbnails(self, settled: datetime, look_after: LookAfter) -> Iterator[None]:
        """Look at each thumbnail; deleted if its upload ended before `settled`."""
        bucket = self._settings.thumbnail_bucket
        cursor = self._cursors.get(_THUMBNAILS)
        while True:
            page = self._s3.list_objects_v2(
                Bucket=bucket, Prefix=THUMBNAIL_PREFIX, StartAfter=cursor or "", MaxKeys=_PAGE
            )
            for thumbnail in page.get("Contents", []):
                key, made = thumbnail["Key"], thumbnail["LastModified"]
                if made < settled:
                    upload_id = _upload_of(key)
                    look_after(upload_id, partial(self._look_after_thumbnail, key, made, settled))
                cursor = key
                yield
            if not page.get("IsTruncated"):
                cursor = None
            self._cursors.set(_THUMBNAILS, cursor)
            if cursor is None:
                return

    def _look_after_thumbnail(self, key: str, made: datetime, settled: datetime) -> None:
        user_id, upload_id = key.removeprefix(THUMBNAIL_PREFIX).rpartition("/")[0], _upload_of(key)
        if not is_upload_id(upload_id):
            return  # whoever put it there knows what for
        row, live_upload = self._row_and_live_upload(user_id, upload_id)
        # An execution started by hand may be at work, and have no row yet.
        forgotten = row is None and made < settled - EXECUTION_LIFE and live_upload != upload_id
        if forgotten or _is_stray(row, upload_id, live_upload, settled):
            self._s3.delete_object(Bucket=self._settings.thumbnail_bucket, Key=key)
            self.thumbnails_deleted.append(upload_id)

    def _row_and_live_upload(self, user_id: str, upload_id: str) -> tuple[Row | None, str | None]:
        """The upload's row, and the uploadId of the rider's live photo or tombstone."""
        row = self._table.row(user_id, upload_id)
        live = live_item(user_id, self._dynamodb, self._settings.rider_photo_table)
        return row, text_of(live, "uploadId")


def _upload_of(key: str) -> str:
    return key.rpartition("/")[2].partition(".")[0]


def _is_stray(row: Row | None, upload_id: str, live_upload: str | None, settled: datetime) -> bool:
    """Whether what is there of an upload should not be.

    Rejected, failed, superseded or replaced for good, or made for a rider who was erased then: whoever
    should have deleted it was killed, or it came after.
    """
    if row is None:
        return (live_upload or "") > upload_id
    return has_ended(row) and row["updatedAt"]["S"] < iso(settled) and live_upload != upload_id
