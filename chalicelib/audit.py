"""The audit: a scheduled sweep that finds, and where it is safe mends, what events and executions missed.

Each pass is bounded by a deadline and goes on where the last one stopped. It is idempotent, and safe
beside live executions: it acts on an upload only after its execution has ended, asked of Step Functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from chalicelib.clients import is_transient
from chalicelib.closing import close_lost
from chalicelib.erasure import Eraser
from chalicelib.models import RiderPhoto, UploadStatus, owner_of_face
from chalicelib.observability import count, logger
from chalicelib.passes import Cursors, LookAfter, Pace
from chalicelib.retention import Retention
from chalicelib.riders import live_item
from chalicelib.rows import Row, iso, text_of
from chalicelib.rules import MAX_MATCHES
from chalicelib.steps.retire_replaced import retire_older
from chalicelib.strays import Strays
from chalicelib.unfinished import Unfinished
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
    refused: list[str] = field(default_factory=list)
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
        self._unsearched = timedelta()

    def run(self) -> AuditReport:
        """Run the pass: unfinished uploads, faces that riders share, what no live photo accounts for.

        A row that can't be looked after is reported as refused. What ends a part of the pass is raised
        after all other parts.
        """
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
        unfinished = Unfinished(
            self._table,
            self._dynamodb,
            self._s3,
            self._step_functions,
            self._settings,
            self._cursors,
            self._close,
        )
        retention = Retention(self._table, self._s3, self._settings, self._cursors)
        # The last gets the time that all others leave: of what it has to do there is as much as of riders.
        parts = (
            *(unfinished.processing, unfinished.waiting, strays.faces, strays.thumbnails),
            *(retention.originals, self._shared_faces),
        )
        failure: Exception | None = None
        for number, part in enumerate(parts, start=1):
            # What one part leaves of its share of the time is the others'.
            now = datetime.now(UTC)
            share = now + (self._deadline - now) / (len(parts) - number + 1)
            try:
                for _ in part(settled, self._look_after):
                    if datetime.now(UTC) >= share:
                        self._report.complete = False
                        break
            except Exception as error:  # whatever ended one part, the others have their turn all the same
                logger.exception("part of the audit failed", extra={"part": part.__name__})
                failure = error
        unfinished.keep_place()
        self._report.closed, self._report.restarted = unfinished.closed, unfinished.restarted
        self._report.complete &= not unfinished.crowded
        self._report.faces_without_row += strays.faces_without_row
        self._report.faces_deleted = strays.faces_deleted
        self._report.thumbnails_deleted = strays.thumbnails_deleted
        for name in (entry.name for entry in fields(AuditReport) if entry.name != "complete"):
            found = getattr(self._report, name)
            if found:
                logger.warning("audit found", extra={"what": name, "ids": found[:100], "number": len(found)})
                count("AuditFound", what=name)
        logger.info(
            "audit done",
            extra={
                "oldestProcessingSeconds": int(unfinished.oldest.total_seconds()),
                "oldestUnsearchedSeconds": int(self._unsearched.total_seconds()),
                "complete": self._report.complete,
            },
        )
        if failure:
            raise failure
        return self._report

    def _look_after(self, name: str, do: Callable[[], object]) -> bool:
        try:
            do()
        except Exception as error:  # whatever is wrong with one row, those behind it are not to wait for it
            if is_transient(error):
                raise
            logger.exception("the audit could not look after it", extra={"id": name})
            self._report.refused.append(name)
            return False
        return True

    def _shared_faces(self, settled: datetime, look_after: LookAfter) -> Iterator[None]:
        """Search again the faces accepted since the last pass: a late index can hide a rival."""
        since = self._cursors.get(_SHARED) or ""
        for row in self._table.rows_by_status(UploadStatus.ACCEPTED, since=since, before=iso(settled)):
            self._unsearched = settled - datetime.fromisoformat(row["updatedAt"]["S"])
            # One that failed is passed over once another succeeds: what all meet is not the row's fault.
            if look_after(row["uploadId"]["S"], partial(self._look_after_accepted, row)):
                self._cursors.set(_SHARED, row["updatedAt"]["S"])
            yield
        self._unsearched = timedelta()

    def _look_after_accepted(self, row: Row) -> None:
        live = live_item(row["userId"]["S"], self._dynamodb, self._settings.rider_photo_table)
        # What RetireReplacedPhoto left, if it failed for good.
        self._report.retired += retire_older(live, self._table, self._rekognition, self._s3, self._settings)
        if "faceId" in row and live.get("uploadId") == row["uploadId"]:
            self._search_again(row)

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
        from chalicelib.twins import are_twins

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
    now = datetime.now(UTC)
    # Riders who were erased wait neither for a pass that has much to do, nor for one that fails.
    deadline, end = (now + timedelta(milliseconds=milliseconds_left * share) for share in (0.7, 0.8))
    try:
        complete = call(Auditor, deadline=deadline, close=close_lost).run().complete
    except Exception:  # whatever it was
        call(Eraser).sweep(end)
        raise
    call(Eraser).sweep(end)
    return complete
