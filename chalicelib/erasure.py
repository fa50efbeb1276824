"""Erasing a rider: faces, photos in every version, thumbnails, avatars, rows; nothing brings them back.

First the rider's item becomes a tombstone with an uploadId that is newer than all uploads so far:
PersistMetadata refuses whatever is older, `start_processing` removes it, and `index_face` deletes the
face it has indexed when its row is gone. What was under way all the same is swept by the audit, until
every form and every execution of that time has expired; then the tombstone goes too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from chalicelib.claims import withdraw
from chalicelib.clients import error_code
from chalicelib.executions import EXECUTION_LIFE, FORM_LIFE
from chalicelib.models import RiderPhoto, UploadStatus, uuid7
from chalicelib.observability import logger
from chalicelib.rider_objects import delete_objects_of
from chalicelib.riders import live_item
from chalicelib.rows import Row, iso, status_of, text_of
from chalicelib.uploads_table import UploadsTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

    from chalicelib.settings import Settings

# Partitions of the uploads table that no rider can have: "#" is not in a userId's alphabet.
ERASED_RIDERS: Final = "#erased"
ERASURES: Final = "#erasures"
_LAST = b"\xff" * 4
# What comes in later than forms and executions usually last is looked for this often, not at each sweep.
_LATER_SWEEPS = timedelta(hours=1)
_TOMBSTONE_LIFE = FORM_LIFE + EXECUTION_LIFE


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was deleted: numbers alone, nothing personal."""

    faces: int = 0
    objects: int = 0
    rows: int = 0
    executions: int = 0


class Eraser:
    """Erases riders, and sweeps after those that were erased."""

    def __init__(
        self,
        table: UploadsTable,
        dynamodb: DynamoDBClient,
        rekognition: RekognitionClient,
        s3: S3Client,
        step_functions: SFNClient,
        settings: Settings,
    ) -> None:
        self._table = table
        self._dynamodb = dynamodb
        self._rekognition = rekognition
        self._s3 = s3
        self._step_functions = step_functions
        self._settings = settings

    def erase(self, user_id: str) -> Erasure:
        """Erase all that this project keeps of a rider; a repetition goes on where the last one stopped.

        The account in the user pool is not this project's to delete.
        """
        now = datetime.now(UTC)
        # Behind all uploads of this millisecond, and not the tombstone of another rider erased in it.
        tombstone = uuid7(int(now.timestamp() * 1000), _LAST + os.urandom(6))
        former = self._put_tombstone(user_id, tombstone, now)
        erasure = self._delete_all(user_id, tombstone)
        if former:  # the new one stands for all that it stood for
            self._table.delete(_marker(former))
        if not former or erasure != Erasure():
            self._record(tombstone, now, erasure)
        return erasure

    def sweep(self, deadline: datetime) -> int:
        """Delete what came in late for riders that were erased, and tombstones that have served.

        Parameters
        ----------
        deadline
            When to stop; the next sweep goes on.

        Returns
        -------
        int
            How many erased riders were looked at. What failed for one is raised after the others.
        """
        swept = 0
        failure: Exception | None = None
        due = [marker for marker in self._table.rows_of_rider(ERASED_RIDERS) if self._is_due(marker)]
        for marker in sorted(due, key=_last_swept):
            if datetime.now(UTC) >= deadline:
                break
            try:
                self._sweep_after(marker)
            except Exception as error:  # whatever stopped this one, the other riders are erased as well
                logger.exception("erased rider not swept", extra={"tombstone": marker["uploadId"]["S"]})
                failure = error
            swept += 1
        if failure:
            raise failure
        return swept

    def _is_due(self, marker: Row) -> bool:
        """Whether a rider who was erased is to be looked at: always at first, then now and then."""
        return self._is_recent(marker) or _last_swept(marker) < iso(datetime.now(UTC) - _LATER_SWEEPS)

    def _is_recent(self, marker: Row) -> bool:
        """Whether an upload or an execution of that time may still be under way as it usually is."""
        usual = timedelta(seconds=self._settings.upload_seconds) + EXECUTION_LIFE
        return datetime.fromisoformat(marker["erasedAt"]["S"]) + usual > datetime.now(UTC)

    def _sweep_after(self, marker: Row) -> None:
        user_id, tombstone = marker["rider"]["S"], marker["uploadId"]["S"]
        # The erasure may have been stopped before it came to the rider's item.
        self._refuse_older(user_id, tombstone, marker["erasedAt"]["S"])
        self._delete_all(user_id, tombstone)
        now = datetime.now(UTC)
        if datetime.fromisoformat(marker["erasedAt"]["S"]) + _TOMBSTONE_LIFE < now:
            self._remove_tombstone(user_id, tombstone)
            self._table.delete(marker)
        elif not self._is_recent(marker):
            self._dynamodb.put_item(
                TableName=self._settings.uploads_table, Item={**marker, "sweptAt": {"S": iso(now)}}
            )

    def _put_tombstone(self, user_id: str, tombstone: str, now: datetime) -> str | None:
        """Note who is to be swept, then refuse all older uploads; the item keeps its face for now.

        Returns
        -------
        str or None
            The tombstone that was there before.
        """
        self._dynamodb.put_item(
            TableName=self._settings.uploads_table,
            Item={
                **_marker(tombstone),
                "rider": {"S": user_id},
                "erasedAt": {"S": iso(now)},
            },
        )
        before = self._refuse_older(user_id, tombstone, iso(now))
        return text_of(before, "uploadId") if "erasedAt" in before else None

    def _refuse_older(self, user_id: str, tombstone: str, erased_at: str) -> Mapping[str, Any]:
        """Make the rider's item a tombstone; what it said before of that, nothing if it stays as it is."""
        try:
            answer = self._dynamodb.update_item(
                TableName=self._settings.rider_photo_table,
                Key={"Username": {"S": user_id}},
                UpdateExpression="SET uploadId = :tombstone, erasedAt = :now",
                ConditionExpression="attribute_not_exists(uploadId) OR uploadId < :tombstone",
                ExpressionAttributeValues={":tombstone": {"S": tombstone}, ":now": {"S": erased_at}},
                ReturnValues="UPDATED_OLD",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return {}  # it is refused already, or the rider has uploaded again
        return answer.get("Attributes", {})

    def _delete_all(self, user_id: str, tombstone: str) -> Erasure:
        live = live_item(user_id, self._dynamodb, self._settings.rider_photo_table)
        erased = "erasedAt" in live
        if erased:  # by this erasure, or by another one of the same moment
            tombstone = max(tombstone, live["uploadId"]["S"])
        rows = list(self._table.rows_of_rider(user_id, before=tombstone))
        executions = sum(self._stop(row) for row in rows)
        for row in rows:
            withdraw(_photo_of(row), self._table)
        # Read again: until its claim was withdrawn, a row could still be given its face.
        rows = list(self._table.rows_of_rider(user_id, before=tombstone))
        faces = {text_of(row, "faceId") for row in rows} | ({text_of(live, "faceId")} if erased else set())
        known_faces = sorted(face for face in faces if face)
        for start in range(0, len(known_faces), 4096):
            self._delete_faces(known_faces[start : start + 4096])
        named = [*rows, *([live] if erased else [])]
        objects = delete_objects_of(user_id, named, tombstone, self._s3, self._settings)
        for row in rows:
            self._table.delete(row)
        if erased:
            self._strip_tombstone(user_id, tombstone)
        return Erasure(len(known_faces), objects, len(rows), executions)

    def _stop(self, row: Row) -> bool:
        execution_arn = text_of(row, "executionArn")
        if not execution_arn or status_of(row) is not UploadStatus.PROCESSING:
            return False
        try:
            self._step_functions.stop_execution(executionArn=execution_arn, error="RiderErased")
        except self._step_functions.exceptions.ExecutionDoesNotExist:
            return False
        except self._step_functions.exceptions.ClientError as error:
            if error_code(error) != "ValidationException":
                raise
            return False  # it has ended just now
        return True

    def _delete_faces(self, face_ids: list[str]) -> None:
        try:
            self._rekognition.delete_faces(CollectionId=self._settings.collection_id, FaceIds=face_ids)
        except self._rekognition.exceptions.ResourceNotFoundException:
            return  # the collection itself is gone, and the faces with it

    def _strip_tombstone(self, user_id: str, tombstone: str) -> None:
        try:
            self._dynamodb.update_item(
                TableName=self._settings.rider_photo_table,
                Key={"Username": {"S": user_id}},
                UpdateExpression="REMOVE faceId, s3bucket, s3key, s3versionid, thumbnail, "
                "avatar, faceChangeAllowed, closedExecution",
                ConditionExpression="uploadId = :tombstone",
                ExpressionAttributeValues={":tombstone": {"S": tombstone}},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return  # the rider has uploaded again

    def _remove_tombstone(self, user_id: str, tombstone: str) -> None:
        try:
            self._dynamodb.delete_item(
                TableName=self._settings.rider_photo_table,
                Key={"Username": {"S": user_id}},
                ConditionExpression="uploadId = :tombstone",
                ExpressionAttributeValues={":tombstone": {"S": tombstone}},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return  # the rider has uploaded again

    def _record(self, tombstone: str, now: datetime, erasure: Erasure) -> None:
        """Keep that an erasure was done, when, and how much it deleted; not whose."""
        self._dynamodb.put_item(
            TableName=self._settings.uploads_table,
            Item={
                "userId": {"S": ERASURES},
                "uploadId": {"S": tombstone},
                "erasedAt": {"S": iso(now)},
                **{name: {"N": str(number)} for name, number in asdict(erasure).items()},
            },
        )


def _marker(tombstone: str) -> dict[str, Any]:
    """The key of the row that lets an erased rider be swept after."""
    return {"userId": {"S": ERASED_RIDERS}, "uploadId": {"S": tombstone}}


def _last_swept(marker: Row) -> str:
    return text_of(marker, "sweptAt") or marker["erasedAt"]["S"]


def _photo_of(row: Row) -> RiderPhoto:
    """The photo of a row, as far as the row's own updates need it."""
    return RiderPhoto(row["userId"]["S"], "", "", upload_id=row["uploadId"]["S"])
