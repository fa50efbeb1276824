"""The audit: a scheduled sweep that finds, and where it is safe mends, what events and executions missed.

Each pass is bounded by a deadline and goes on where the last one stopped. It is idempotent, and safe
beside live executions: it acts on an upload only after its execution has ended, asked of Step Functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from chalicelib.clients import is_transient
from chalicelib.closing import close_lost
from chalicelib.erasure import Eraser
from chalicelib.executions import Started, restart
from chalicelib.models import UNVERSIONED, RiderPhoto, UploadStatus, owner_of_face
from chalicelib.observability import count, logger
from chalicelib.passes import Cursors, Pace
from chalicelib.retention import Retention
from chalicelib.riders import live_item
from chalicelib.rows import Row, has_ended, iso, photo_of_row, text_of
from chalicelib.rules import MAX_MATCHES
from chalicelib.steps.retire_replaced import retire_older
from chalicelib.strays import Strays
from chalicelib.twins import are_twins
from chalicelib.uploads_table import UploadsTable
from chalicelib.wiring import call

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

    from chalicelib.settings import Settings

_SHARED: Final = "shared"
# S3's event and its handling, retries included, take seconds; by then a lost one is lost.
_SETTLED_AFTER = timedelta(minutes=5)
# A form is valid for minutes, and a slow phone's upload under way then ends in hours.
_FORM_LIFE = timedelta(days=1)
_MAX_ATTEMPTS = 3


@dataclass(slots=True)
class AuditReport:
    """What one pass found. Lists hold uploadIds and faceIds, never users' names or addresses."""

    closed: list[str] = field(default_factory=list)
    restarted: list[str] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)
    shared_faces: list[tuple[str, str]] = field(default_factory=list)
    faces_without_row: list[str] = field(default_factory=list)
    faces_deleted: list[str] = field(default_factory=list)
    thumbnails_deleted: list[str] = field(default_factory=list)
    complete: bool = True


class Auditor:
    """One pass of the audit.

    Parameters
    ----------
    close
        Ends an upload whose execution has ended without doing so: the compensation that
        `close_execution` runs, with the execution's ARN, its status and the photo.
    deadline
        When to stop.
    pace
        Of Rekognition's calls.
    """

    def __init__(
        self,
        table: UploadsTable,
        dynamodb: DynamoDBClient,
        rekognition: RekognitionClient,
        s3: S3Client,
        step_functions: SFNClient,
        settings: Settings,
        close: Callable[[RiderPhoto, str], object],
        deadline: datetime,
        pace: Pace,
    ) -> None:
        self._table = table
        self._dynamodb = dynamodb
        self._rekognition = rekognition
        self._s3 = s3
        self._step_functions = step_functions
        self._settings = settings
        self._close = close
        self._deadline = deadline
        self._pace = pace
        self._cursors = Cursors(table, dynamodb, settings)
        self._report = AuditReport()
        self._oldest = timedelta()

    def run(self) -> AuditReport:
        """Run the pass: unfinished uploads, faces that riders share, what no live photo accounts for."""
        settled = datetime.now(UTC) - _SETTLED_AFTER
        strays = Strays(
            self._table,
            self._dynamodb,
            self._rekognition,
            self._s3,
            self._settings,
            self._cursors,
            self._pace,
        )
        retention = Retention(self._table, self._s3, self._settings, self._cursors)
        parts = (
            *(self._unfinished_uploads, self._shared_faces, strays.faces, strays.thumbnails),
            retention.originals,
        )
        for number, part in enumerate(parts, start=1):
            # What one part leaves of its share of the time is the others'.
            now = datetime.now(UTC)
            share = now + (self._deadline - now) / (len(parts) - number + 1)
            for _ in part(settled):
                if datetime.now(UTC) >= share:
                    self._report.complete = False
                    break
        self._report.faces_without_row += strays.faces_without_row
        self._report.faces_deleted = strays.faces_deleted
        self._report.thumbnails_deleted = strays.thumbnails_deleted
        for name in (entry.name for entry in fields(AuditReport) if entry.name != "complete"):
            found = getattr(self._report, name)
            if found:
                logger.warning("audit found", extra={"what": name, "ids": found[:100], "number": len(found)})
                count("AuditFound", what=name)
        oldest = int(self._oldest.total_seconds())
        logger.info(
            "audit done", extra={"oldestProcessingSeconds": oldest, "complete": self._report.complete}
        )
        return self._report

    def _unfinished_uploads(self, settled: datetime) -> Iterator[None]:
        """Restart what a lost event left waiting; close what an ended execution left processing."""
        for row in self._table.rows_by_status(UploadStatus.PROCESSING, before=iso(settled)):
            unchanged = datetime.now(UTC) - datetime.fromisoformat(row["updatedAt"]["S"])
            self._oldest = max(self._oldest, unchanged)
            self._look_after_processing(row)
            yield
        for row in self._table.rows_by_status(UploadStatus.WAITING, before=iso(settled)):
            self._look_after_waiting(row, settled)
            yield

    def _look_after_processing(self, row: Row) -> None:
        photo = photo_of_row(row)
        if photo.execution_arn is None:
            return
        try:
            status = self._step_functions.describe_execution(executionArn=photo.execution_arn)["status"]
        except self._step_functions.exceptions.ExecutionDoesNotExist:
            # The row was bound, and the start was lost.
            self._restart(photo, photo.execution_arn)
            return
        if status in {"RUNNING", "PENDING_REDRIVE"} or has_ended(self._table.row_of(photo)):
            return
        self._close(photo, status)
        self._report.closed.append(photo.known_upload_id)

    def _look_after_waiting(self, row: Row, settled: datetime) -> None:
        if (text_of(row, "startsAt") or "") > iso(settled):
            return  # it waits for its turn
        photo = photo_of_row(row)
        try:
            head = self._s3.head_object(Bucket=photo.bucket, Key=photo.key)
        except self._s3.exceptions.ClientError as error:
            if is_transient(error):
                raise
            # The form was not used yet. One that can't be any more is not asked for again and again.
            if (text_of(row, "createdAt") or "") < iso(datetime.now(UTC) - _FORM_LIFE):
                self._table.delete_unused(row)
            return
        self._restart(replace(photo, version_id=head.get("VersionId", UNVERSIONED)), None)

    def _restart(self, photo: RiderPhoto, from_execution: str | None) -> None:
        if from_execution and from_execution.endswith(f"-{_MAX_ATTEMPTS}"):
            self._close(photo, "LOST")
            self._report.closed.append(photo.known_upload_id)
            return
        machine = self._settings.state_machine_arn
        if restart(photo, from_execution, self._table, self._step_functions, machine) is Started.STARTED:
            self._report.restarted.append(photo.known_upload_id)

    def _shared_faces(self, settled: datetime) -> Iterator[None]:
        """Search again the faces accepted since the last pass: a late index can hide a rival."""
        since = self._cursors.get(_SHARED) or ""
        for row in self._table.rows_by_status(UploadStatus.ACCEPTED, since=since, before=iso(settled)):
            live = live_item(row["userId"]["S"], self._dynamodb, self._settings.rider_photo_table)
            # What RetireReplacedPhoto left, if it failed for good.
            self._report.retired += retire_older(
                live, self._table, self._rekognition, self._s3, self._settings
            )
            if "faceId" in row and live.get("uploadId") == row["uploadId"]:
                self._search_again(row)
            self._cursors.set(_SHARED, row["updatedAt"]["S"])
            yield

    def _search_again(self, row: Row) -> None:
        self._pace.wait()
        try:
            matches = self._rekognition.search_faces(
                CollectionId=self._settings.collection_id,
                FaceId=row["faceId"]["S"],
                FaceMatchThreshold=self._settings.photo_rules.similarity_threshold,
                MaxFaces=MAX_MATCHES,
            )["FaceMatches"]
        except self._rekognition.exceptions.InvalidParameterException:
            self._report.faces_without_row.append(row["faceId"]["S"])
            return
        for match in matches:
            user_id, upload_id = owner_of_face(match["Face"].get("ExternalImageId", ""))
            mine = row["userId"]["S"]
            if (
                user_id != mine
                and self._is_live(user_id, upload_id)
                and not are_twins(mine, user_id, self._table)
            ):
                self._report.shared_faces.append((row["uploadId"]["S"], upload_id or "-"))

    def _is_live(self, user_id: str, upload_id: str | None) -> bool:
        if upload_id is None:
            return False
        live = live_item(user_id, self._dynamodb, self._settings.rider_photo_table)
        return text_of(live, "uploadId") == upload_id


def run_audit(milliseconds_left: int) -> bool:
    """Run one pass, and sweep after erased riders, in four fifths of the time that is left.

    Returns
    -------
    bool
        Whether it came to the end of everything.
    """
    deadline = datetime.now(UTC) + timedelta(milliseconds=milliseconds_left * 0.8)
    report = call(Auditor, deadline=deadline, close=close_lost).run()
    call(Eraser).sweep(deadline)
    return report.complete
