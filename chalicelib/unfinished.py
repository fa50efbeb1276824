"""Uploads that have not ended: what an ended execution, a lost start or a lost event left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from chalicelib.admission import take_turn_at_once
from chalicelib.clients import error_code
from chalicelib.executions import FORM_LIFE, Started, restart
from chalicelib.models import UNVERSIONED, RiderPhoto, UploadStatus
from chalicelib.passes import Cursors, LookAfter
from chalicelib.rows import Row, has_ended, iso, key_of, photo_of_row, text_of
from chalicelib.uploads_table import UploadsTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

    from chalicelib.settings import Settings

_WAITING: Final = "waiting"
_MAX_ATTEMPTS = 3
# S3's answer to HEAD where there is no object; it has no body that could hold a code.
_UNUSED: Final = {"404", "NoSuchKey"}


class Unfinished:
    """Ends, or starts again, what nobody works on any more.

    Parameters
    ----------
    close
        Ends an upload whose execution has ended without doing so.

    Attributes
    ----------
    closed, restarted
        UploadIds.
    oldest
        How long the longest unchanged upload that is processed was not changed.
    crowded
        Whether uploads were left waiting as no turn was free for them.
    """

    def __init__(
        self,
        table: UploadsTable,
        dynamodb: DynamoDBClient,
        s3: S3Client,
        step_functions: SFNClient,
        settings: Settings,
        cursors: Cursors,
        close: Callable[[RiderPhoto, str], object],
    ) -> None:
        self._table = table
        self._dynamodb = dynamodb
        self._s3 = s3
        self._step_functions = step_functions
        self._settings = settings
        self._cursors = cursors
        self._close = close
        self.closed: list[str] = []
        self.restarted: list[str] = []
        self.oldest = timedelta()
        self.crowded = False
        self._since: str | None = None
        self._reached: str | None = None

    def processing(self, settled: datetime, look_after: LookAfter) -> Iterator[None]:
        """Close what an ended execution left processing; start what never began."""
        for row in self._table.rows_by_status(UploadStatus.PROCESSING, before=iso(settled)):
            unchanged = datetime.now(UTC) - datetime.fromisoformat(row["updatedAt"]["S"])
            self.oldest = max(self.oldest, unchanged)
            look_after(row["uploadId"]["S"], partial(self._look_after_processing, row))
            yield

    def waiting(self, settled: datetime, look_after: LookAfter) -> Iterator[None]:
        """Start what a lost event left waiting, as turns are free.

        Most of these rows are of forms that nobody used. So a pass goes on where the last one stopped, and
        begins anew after the end: a lost upload behind thousands of them comes up as well.
        """
        self._since = self._reached = self._cursors.get(_WAITING)
        since = (self._since or "").partition(" ")[0]
        for row in self._table.rows_by_status(UploadStatus.WAITING, since=since, before=iso(settled)):
            place = f"{row['updatedAt']['S']} {row['uploadId']['S']}"
            if place == self._since:
                continue
            look_after(row["uploadId"]["S"], partial(self._look_after_waiting, row, settled))
            if self.crowded:
                return  # no turn is free for the rows behind it either
            self._reached = place
            yield
        self._reached = None

    def keep_place(self) -> None:
        """Keep how far `waiting` has got: where the next pass goes on."""
        if self._reached != self._since:
            self._cursors.set(_WAITING, self._reached)

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
        self.closed.append(photo.known_upload_id)

    def _look_after_waiting(self, row: Row, settled: datetime) -> None:
        if (text_of(row, "startsAt") or "") > iso(settled):
            return  # it waits for its turn
        photo = photo_of_row(row)
        try:
            head = self._s3.head_object(Bucket=photo.bucket, Key=photo.key)
        except self._s3.exceptions.ClientError as error:
            if error_code(error) not in _UNUSED:
                raise
            # The form was not used yet. One that can't be any more is not asked for again and again.
            if (text_of(row, "createdAt") or "") < iso(datetime.now(UTC) - FORM_LIFE):
                self._forget(row)
            return
        self._restart(replace(photo, version_id=head.get("VersionId", UNVERSIONED)), None)

    def _forget(self, row: Row) -> None:
        """Delete the row of a form that nobody used; one that is not waiting any more stays."""
        try:
            self._dynamodb.delete_item(
                TableName=self._settings.uploads_table,
                Key=key_of(row),
                ConditionExpression="#status = :waiting",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={":waiting": {"S": UploadStatus.WAITING}},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return

    def _restart(self, photo: RiderPhoto, from_execution: str | None) -> None:
        if from_execution and from_execution.endswith(f"-{_MAX_ATTEMPTS}"):
            self._close(photo, "LOST")
            self.closed.append(photo.known_upload_id)
            return
        # In a crowd an event or a message is late rather than lost; the upload comes up again after it.
        self.crowded = self.crowded or not take_turn_at_once(self._dynamodb, self._settings)
        if self.crowded:
            return
        machine = self._settings.state_machine_arn
        if restart(photo, from_execution, self._table, self._step_functions, machine) is Started.STARTED:
            self.restarted.append(photo.known_upload_id)
