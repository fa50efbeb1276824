"""The uploads table: a row an upload, which says what became of it.

A row has the key `userId`, `uploadId` and, as far as they are known, `status`, `claim` (see `claims`),
`reason`, `message`, `s3bucket`, `s3key`, `s3versionid`, `faceId`, `thumbnail`, `avatar`, `executionArn`
(the one execution that may change the row), `mail_{status}`, `replacedBy`, `appeal`, `appealedAt` and
`waived` (see `appeals`), `startsAt` (see `admission`), `acceptedAt`, `createdAt`, `updatedAt` (ISO 8601,
UTC) and `expiresAt` (epoch seconds, absent while the photo is live).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.models import Claim, Reason, RiderPhoto, UploadStatus, minted_upload_id
from chalicelib.observability import count
from chalicelib.rows import TERMINAL, Row, iso, key_of, object_of, photo_of_row, status_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.settings import Settings

RESTARTABLE = (UploadStatus.PROCESSING, UploadStatus.WAITING, UploadStatus.FAILED)
BY_STATUS_INDEX = "byStatus"


class UploadsTable:
    """The rows of the uploads table. Every write is conditional; one that is refused changes nothing."""

    def __init__(self, dynamodb: DynamoDBClient, settings: Settings) -> None:
        self._dynamodb = dynamodb
        self._table = settings.uploads_table
        self._keep = timedelta(days=settings.upload_days)

    def create(self, user_id: str, upload_id: str, bucket: str, key: str) -> None:
        """Write the row of a form that was just minted: status waiting."""
        now = {"S": iso(datetime.now(UTC))}
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                "userId": {"S": user_id},
                "uploadId": {"S": upload_id},
                "status": {"S": UploadStatus.WAITING},
                "s3bucket": {"S": bucket},
                "s3key": {"S": key},
                "createdAt": now,
                "updatedAt": now,
                "expiresAt": self.expiry(),
            },
        )

    def bind(self, photo: RiderPhoto) -> bool:
        """Bind a waiting row to one version of the object and to the execution, and set it processing.

        Returns
        -------
        bool
            False if the row is bound already, or there is none.
        """
        return self.update(
            photo,
            {**object_of(photo), "status": {"S": UploadStatus.PROCESSING}, "expiresAt": self.expiry()},
            condition="attribute_exists(userId) AND #status = :waiting",
            values={":waiting": {"S": UploadStatus.WAITING}},
        )

    def wait_for_turn(self, photo: RiderPhoto, turn: datetime) -> bool:
        """Note in a waiting row when its execution is to start; False if it does not wait any more."""
        return self.update(
            photo,
            {"startsAt": {"S": iso(turn)}},
            condition="attribute_exists(userId) AND #status = :waiting",
            values={":waiting": {"S": UploadStatus.WAITING}},
        )

    def adopt(self, photo: RiderPhoto) -> bool:
        """Write the row of an upload that has none though its key looks minted; False if it has one."""
        return self.update(
            photo,
            {**object_of(photo), "status": {"S": UploadStatus.PROCESSING}, "expiresAt": self.expiry()},
            condition="attribute_not_exists(userId)",
        )

    def open_claim(self, photo: RiderPhoto) -> bool:
        """Open the claim of an upload that this execution works on; False if it has one, or has ended."""
        return self.update(
            photo,
            {
                **object_of(photo),
                "status": {"S": UploadStatus.PROCESSING},
                "claim": {"S": Claim.OPEN},
                "expiresAt": self.expiry(),
            },
            condition="(attribute_not_exists(executionArn) OR executionArn = :executionArn) AND "
            "(attribute_not_exists(#status) OR #status IN (:status, :waiting)) AND "
            "(attribute_not_exists(claim) OR claim = :claim)",
            values={":waiting": {"S": UploadStatus.WAITING}},
        )

    def take_over(
        self, photo: RiderPhoto, from_execution: str | None, statuses: Collection[UploadStatus] = RESTARTABLE
    ) -> bool:
        """Bind a failed or deserted row to another execution, which begins it anew.

        Parameters
        ----------
        photo
            With the new execution's ARN.
        from_execution
            The execution that the row was bound to, and that has ended.
        statuses
            Those that the row may have.
        """
        allowed = {f":{status}_before": {"S": status} for status in statuses}
        owner = "executionArn = :from" if from_execution else "attribute_not_exists(executionArn)"
        return self.update(
            photo,
            {**object_of(photo), "status": {"S": UploadStatus.PROCESSING}, "expiresAt": self.expiry()},
            # With a claim an upload is being processed indeed, even if a moment ago it was not.
            condition=f"attribute_exists(userId) AND {owner} AND #status IN ({', '.join(allowed)})"
            " AND (attribute_not_exists(claim) OR #status <> :status)",
            values=allowed | ({":from": {"S": from_execution}} if from_execution else {}),
            remove=("claim", "faceId", "message", "reason", *(f"mail_{status}" for status in statuses)),
        )

    def record_face(self, photo: RiderPhoto, face_id: str) -> bool:
        """Keep the face that was indexed for this upload; False if its claim was withdrawn meanwhile."""
        return self.update(
            photo,
            {"faceId": {"S": face_id}},
            condition="claim IN (:open, :confirmed)",
            values={":open": {"S": Claim.OPEN}, ":confirmed": {"S": Claim.CONFIRMED}},
        )

    def end(
        self,
        photo: RiderPhoto,
        status: UploadStatus,
        *,
        reason: Reason | None = None,
        message: str | None = None,
        pictures: Mapping[str, Mapping[str, str]] | None = None,
    ) -> bool:
        """Set a terminal status, unless another one is set or another execution works on the upload.

        Returns
        -------
        bool
            Whether the row now has this status.
        """
        values = {**object_of(photo), "status": {"S": status}}
        if reason:
            values["reason"] = {"S": reason}
        if message:
            values["message"] = {"S": message}
        for name, place in (pictures or {}).items():
            values[name] = {"M": {part: {"S": text} for part, text in place.items()}}
        live = status is UploadStatus.ACCEPTED
        if live:
            values["acceptedAt"] = {"S": iso(datetime.now(UTC))}
        else:
            values["expiresAt"] = self.expiry()
        terminal = {f":{end}": {"S": end} for end in TERMINAL}
        # The row of a form exists as long as its rider was not erased: it is never made anew.
        exists = "attribute_exists(userId) AND " if minted_upload_id(photo.user_id, photo.key) else ""
        ended = self.update(
            photo,
            values,
            condition=f"{exists}(attribute_not_exists(#status) OR NOT #status IN ({', '.join(terminal)}))"
            + (
                " AND (attribute_not_exists(executionArn) OR executionArn = :executionArn)"
                if photo.execution_arn
                else ""
            ),
            values=terminal,
            remove=("expiresAt",) if live else (),
        )
        if ended:  # not when it is found to have ended so already
            count("UploadEnded", status=status, **({"reason": reason} if reason else {}))
        return ended or self.status(photo) is status

    def retire(self, row: Row, replaced_by: str) -> None:
        """Note in an accepted upload's row that a newer photo took its place, and what it named is gone.

        A row that has expired, or whose rider was erased, stays gone.
        """
        # With a new time the audit looks at the row again, and lets the original go.
        self.update(
            photo_of_row(row),
            {"replacedBy": {"S": replaced_by}, "expiresAt": self.expiry()},
            condition="attribute_exists(userId)",
            remove=("faceId", "thumbnail", "avatar"),
        )

    def row(self, user_id: str, upload_id: str) -> Row | None:
        """The row as DynamoDB has it, read consistently."""
        answer = self._dynamodb.get_item(
            TableName=self._table,
            Key={"userId": {"S": user_id}, "uploadId": {"S": upload_id}},
            ConsistentRead=True,
        )
        return answer.get("Item")

    def row_of(self, photo: RiderPhoto) -> Row | None:
        """The photo's own row."""
        return self.row(photo.user_id, photo.known_upload_id)

    def waived_reasons(self, photo: RiderPhoto) -> frozenset[Reason]:
        """The rules that an operator waived for this upload: see `appeals`."""
        row = self.row_of(photo) or {}
        return frozenset(Reason(reason["S"]) for reason in row.get("waived", {}).get("L", ()))

    def status(self, photo: RiderPhoto) -> UploadStatus | None:
        """The row's status, or None without a row."""
        return status_of(self.row_of(photo))

    def rows_of_rider(self, user_id: str, before: str | None = None) -> Iterator[Row]:
        """The rider's rows, oldest first; only those of uploads minted before that uploadId, if given."""
        condition, values = "userId = :user", {":user": {"S": user_id}}
        if before is not None:
            condition += " AND uploadId < :before"
            values[":before"] = {"S": before}
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
        )
        for page in pages:
            yield from page["Items"]

    def rows_by_status(self, status: UploadStatus, *, before: str, since: str = "") -> Iterator[Row]:
        """Rows with a status, the longest unchanged first; from an index, so not read consistently.

        Parameters
        ----------
        before, since
            Limits of `updatedAt`, ISO 8601; both inclusive.
        """
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            IndexName=BY_STATUS_INDEX,
            KeyConditionExpression="#status = :status AND updatedAt BETWEEN :since AND :before",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":status": {"S": status},
                ":since": {"S": since or "0"},
                ":before": {"S": before},
            },
        )
        for page in pages:
            yield from page["Items"]

    def delete(self, row: Row) -> None:
        """Delete a row; one that is gone already stays so."""
        self._dynamodb.delete_item(TableName=self._table, Key=key_of(row))

    def expiry(self) -> dict[str, str]:
        """When a row that is not live is deleted."""
        return {"N": str(int((datetime.now(UTC) + self._keep).timestamp()))}

    def update(
        self,
        photo: RiderPhoto,
        attributes: Mapping[str, Any],
        *,
        condition: str,
        values: Mapping[str, Any] | None = None,
        remove: tuple[str, ...] = (),
    ) -> bool:
        """Set and remove attributes of the photo's row, if the condition holds.

        The condition writes `#status` for the status and `:name` for what an attribute is set to.
        """
        attributes = {**attributes, "updatedAt": {"S": iso(datetime.now(UTC))}}
        sets = ", ".join(f"#{name} = :{name}" for name in attributes)
        names = {f"#{name}": name for name in attributes}
        if "#status" in condition:
            names["#status"] = "status"
        used = {f":{name}": value for name, value in attributes.items()} | dict(values or {})
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"userId": {"S": photo.user_id}, "uploadId": {"S": photo.known_upload_id}},
                UpdateExpression=f"SET {sets}, createdAt = if_not_exists(createdAt, :updatedAt)"
                + (f" REMOVE {', '.join(remove)}" if remove else ""),
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=used,
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True
