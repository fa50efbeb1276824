"""The uploads table: a row an upload, which says what became of it.

A row has the key `userId`, `uploadId` and, as far as they are known, `status`, `reason`, `message`,
`s3bucket`, `s3key`, `s3versionid`, `faceId`, `thumbnail`, `executionArn`, `mail`, `replacedBy`,
`createdAt`, `updatedAt` (ISO 8601, UTC) and `expiresAt` (epoch seconds, absent while the photo is live).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.models import Reason, RiderPhoto, UploadStatus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.settings import Settings

_TERMINAL = (UploadStatus.ACCEPTED, UploadStatus.REJECTED, UploadStatus.FAILED, UploadStatus.SUPERSEDED)


class UploadsTable:
    """The rows of the uploads table."""

    def __init__(self, dynamodb: DynamoDBClient, settings: Settings) -> None:
        self._dynamodb = dynamodb
        self._table = settings.uploads_table
        self._keep = timedelta(days=settings.upload_days)

    def create(self, user_id: str, upload_id: str) -> None:
        """Write the row of a form that was just minted: status waiting."""
        now = datetime.now(UTC)
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                "userId": {"S": user_id},
                "uploadId": {"S": upload_id},
                "status": {"S": UploadStatus.WAITING},
                "createdAt": {"S": iso(now)},
                "updatedAt": {"S": iso(now)},
                "expiresAt": self._expiry(),
            },
        )

    def bind(self, photo: RiderPhoto) -> bool:
        """Bind the row to one version of the object, and set it processing unless it has ended.

        Returns
        -------
        bool
            False if the row is bound to another version already: the form was used twice.
        """
        return self._update(
            photo,
            {**_object_of(photo), "status": {"S": UploadStatus.PROCESSING}, "expiresAt": self._expiry()},
            condition="(attribute_not_exists(s3versionid) OR s3versionid = :s3versionid) AND "
            "(attribute_not_exists(#status) OR #status IN (:waiting, :status))",
            names={"#status": "status"},
            values={":waiting": {"S": UploadStatus.WAITING}},
        ) or self._is_bound_to(photo)

    def claim(self, photo: RiderPhoto) -> None:
        """Say, before a face is indexed, that this execution is about to."""
        processing = {
            **_object_of(photo),
            "status": {"S": UploadStatus.PROCESSING},
            "expiresAt": self._expiry(),
        }
        self._update(photo, processing, **_NOT_ENDED)

    def record_face(self, photo: RiderPhoto, face_id: str) -> None:
        """Keep the face that was indexed for this upload."""
        self._update(photo, {"faceId": {"S": face_id}})

    def end(
        self,
        photo: RiderPhoto,
        status: UploadStatus,
        *,
        reason: Reason | None = None,
        message: str | None = None,
        thumbnail: Mapping[str, str] | None = None,
    ) -> bool:
        """Set a terminal status, unless another one is set already.

        Returns
        -------
        bool
            Whether the row now has this status.
        """
        values = {**_object_of(photo), "status": {"S": status}}
        if reason:
            values["reason"] = {"S": reason}
        if message:
            values["message"] = {"S": message}
        if thumbnail:
            values["thumbnail"] = {"M": {name: {"S": text} for name, text in thumbnail.items()}}
        live = status is UploadStatus.ACCEPTED
        if not live:
            values["expiresAt"] = self._expiry()
        return self._update(photo, values, live=live, **_NOT_ENDED) or self.status(photo) is status

    def retire(self, row: Mapping[str, Any], replaced_by: str) -> None:
        """Note in an accepted upload's row that a newer photo took its place, and what it named is gone."""
        self._dynamodb.update_item(
            TableName=self._table,
            Key={"userId": row["userId"], "uploadId": row["uploadId"]},
            UpdateExpression="SET replacedBy = :by, expiresAt = :expires REMOVE faceId, thumbnail",
            ConditionExpression="attribute_exists(uploadId)",
            ExpressionAttributeValues={":by": {"S": replaced_by}, ":expires": self._expiry()},
        )

    def mark_mail(self, photo: RiderPhoto, outcome: str, *, expected: str | None) -> bool:
        """Move the row's `mail` from one state to the next, so that no mail is sent twice.

        Returns
        -------
        bool
            False if `mail` was not in the expected state.
        """
        condition, values = "attribute_not_exists(mail)", {}
        if expected is not None:
            condition, values = "mail = :expected", {":expected": {"S": expected}}
        return self._update(photo, {"mail": {"S": outcome}}, condition=condition, values=values)

    def row(self, user_id: str, upload_id: str) -> Mapping[str, Any] | None:
        """The row as DynamoDB has it, read consistently."""
        answer = self._dynamodb.get_item(
            TableName=self._table,
            Key={"userId": {"S": user_id}, "uploadId": {"S": upload_id}},
            ConsistentRead=True,
        )
        return answer.get("Item")

    def status(self, photo: RiderPhoto) -> UploadStatus | None:
        """The row's status, or None without a row."""
        row = self.row(photo.user_id, photo.known_upload_id)
        return UploadStatus(row["status"]["S"]) if row and "status" in row else None

    def older_rows_with_face(self, photo: RiderPhoto) -> list[Mapping[str, Any]]:
        """The rider's earlier uploads that still name a face."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="userId = :user AND uploadId < :mine",
            FilterExpression="attribute_exists(faceId)",
            ExpressionAttributeValues={":user": {"S": photo.user_id}, ":mine": {"S": photo.known_upload_id}},
        )
        return [row for page in pages for row in page["Items"]]

    def _is_bound_to(self, photo: RiderPhoto) -> bool:
        row = self.row(photo.user_id, photo.known_upload_id) or {}
        return bool(row.get("s3versionid", {}).get("S") == photo.version_id)

    def _expiry(self) -> dict[str, str]:
        return {"N": str(int((datetime.now(UTC) + self._keep).timestamp()))}

    def _update(
        self,
        photo: RiderPhoto,
        attributes: Mapping[str, Any],
        *,
        condition: str | None = None,
        names: Mapping[str, str] | None = None,
        values: Mapping[str, Any] | None = None,
        live: bool = False,
    ) -> bool:
        """Set attributes; False if the condition did not hold. The row of a live photo does not expire."""
        attributes = {**attributes, "updatedAt": {"S": iso(datetime.now(UTC))}}
        sets = ", ".join(f"#{name} = :{name}" for name in attributes)
        request: dict[str, Any] = {
            "TableName": self._table,
            "Key": {"userId": {"S": photo.user_id}, "uploadId": {"S": photo.known_upload_id}},
            "UpdateExpression": f"SET {sets}, createdAt = if_not_exists(createdAt, :updatedAt)"
            + (" REMOVE expiresAt" if live else ""),
            "ExpressionAttributeNames": {f"#{name}": name for name in attributes} | dict(names or {}),
            "ExpressionAttributeValues": {f":{name}": value for name, value in attributes.items()}
            | dict(values or {}),
        }
        if condition:
            request["ConditionExpression"] = condition
        try:
            self._dynamodb.update_item(**request)
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True


_NOT_ENDED: dict[str, Any] = {
    "condition": "attribute_not_exists(#status) OR NOT #status IN "
    f"({', '.join(f':{status}' for status in _TERMINAL)})",
    "names": {"#status": "status"},
    "values": {f":{status}": {"S": status} for status in _TERMINAL},
}


def _object_of(photo: RiderPhoto) -> dict[str, Any]:
    attributes = {"s3bucket": {"S": photo.bucket}, "s3key": {"S": photo.key}}
    if photo.version_id:
        attributes["s3versionid"] = {"S": photo.version_id}
    if photo.execution_arn:
        attributes["executionArn"] = {"S": photo.execution_arn}
    return attributes


def iso(moment: datetime) -> str:
    """A moment as ISO 8601 in UTC, with milliseconds."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
