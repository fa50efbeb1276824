"""Faces and thumbnails that no live photo accounts for: left by what was killed, or came late."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from chalicelib.executions import EXECUTION_LIFE
from chalicelib.models import is_upload_id, owner_of_face
from chalicelib.passes import Cursors, Pace
from chalicelib.pictures import THUMBNAIL_PREFIX
from chalicelib.riders import live_item
from chalicelib.rows import has_ended, iso, text_of
from chalicelib.uploads_table import UploadsTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_s3 import S3Client

    from chalicelib.settings import Settings

_FACES: Final = "faces"
_THUMBNAILS: Final = "thumbnails"


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
        pace: Pace,
    ) -> None:
        self._table = table
        self._dynamodb = dynamodb
        self._rekognition = rekognition
        self._s3 = s3
        self._settings = settings
        self._pace = pace
        self._cursors = Cursors(table, dynamodb, settings)
        self.faces_without_row: list[str] = []
        self.faces_deleted: list[str] = []
        self.thumbnails_deleted: list[str] = []

    def faces(self, settled: datetime) -> Iterator[None]:
        """Look at each face of the collection; deleted if its upload ended before `settled`."""
        request: dict[str, Any] = {"CollectionId": self._settings.collection_id, "MaxResults": 1000}
        cursor = self._cursors.get(_FACES)
        while True:
            self._pace.wait()
            try:
                page = self._rekognition.list_faces(**request | ({"NextToken": cursor} if cursor else {}))
            except self._rekognition.exceptions.InvalidPaginationTokenException:
                cursor = None  # the collection was made anew
                continue
            for face in page["Faces"]:
                self._look_after_face(face["FaceId"], face.get("ExternalImageId", ""), settled)
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
        has_row, is_stray = self._is_stray(user_id, upload_id, settled)
        if is_stray:
            self._pace.wait()
            self._rekognition.delete_faces(CollectionId=self._settings.collection_id, FaceIds=[face_id])
            self.faces_deleted.append(face_id)
        elif not has_row:
            self.faces_without_row.append(face_id)

    def thumbnails(self, settled: datetime) -> Iterator[None]:
        """Look at each thumbnail; deleted if its upload ended before `settled`."""
        bucket = self._settings.thumbnail_bucket
        cursor = self._cursors.get(_THUMBNAILS)
        while True:
            page = self._s3.list_objects_v2(Bucket=bucket, Prefix=THUMBNAIL_PREFIX, StartAfter=cursor or "")
            for thumbnail in page.get("Contents", []):
                if thumbnail["LastModified"] < settled:
                    self._look_after_thumbnail(thumbnail["Key"], thumbnail["LastModified"], settled)
                cursor = thumbnail["Key"]
                yield
            if not page.get("IsTruncated"):
                cursor = None
            self._cursors.set(_THUMBNAILS, cursor)
            if cursor is None:
                return

    def _look_after_thumbnail(self, key: str, made: datetime, settled: datetime) -> None:
        user_id, _, name = key.removeprefix(THUMBNAIL_PREFIX).rpartition("/")
        upload_id = name.partition(".")[0]
        if not is_upload_id(upload_id):
            return  # whoever put it there knows what for
        has_row, is_stray = self._is_stray(user_id, upload_id, settled)
        # An execution started by hand may be at work, and have no row yet.
        forgotten = not has_row and made < settled - EXECUTION_LIFE and not self._is_live(user_id, upload_id)
        if is_stray or forgotten:
            self._s3.delete_object(Bucket=self._settings.thumbnail_bucket, Key=key)
            self.thumbnails_deleted.append(upload_id)

    def _is_stray(self, user_id: str, upload_id: str, settled: datetime) -> tuple[bool, bool]:
        """Whether the upload has a row, and whether what is there of it should not be.

        Rejected, failed, superseded or replaced for good, or made for a rider who was erased then:
        whoever should have deleted it was killed, or it came after.
        """
        row = self._table.row(user_id, upload_id)
        live_upload = text_of(
            live_item(user_id, self._dynamodb, self._settings.rider_photo_table), "uploadId"
        )
        if row is None:
            return False, (live_upload or "") > upload_id
        return True, has_ended(row) and row["updatedAt"]["S"] < iso(settled) and live_upload != upload_id

    def _is_live(self, user_id: str, upload_id: str) -> bool:
        live = live_item(user_id, self._dynamodb, self._settings.rider_photo_table)
        return text_of(live, "uploadId") == upload_id
