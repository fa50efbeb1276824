"""Uploads, riders and faces: what the tables, the buckets and the collection hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chalicelib.image_header import read_image_header
from chalicelib.models import UploadStatus, owner_of_face
from chalicelib.uploads_table import BY_STATUS_INDEX
from local.console.places import ConsoleError, Places, Row, page_of, plain

PAGE = 24
FACES_PAGE = 48
PHOTOS = ("original", "thumbnail", "avatar")
_MOST_PHOTO_BYTES = 20 * 1024 * 1024
_CONTENT_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png"}
_LATEST = "~"
# A partition of the uploads table that is no rider's has this in its key, which no userId has.
_NOT_A_RIDER = "#"


class Records:
    """Reads DynamoDB, S3 and Rekognition."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def uploads(
        self, status: str | None, search: str, cursor: str | None, *, appeals: bool = False
    ) -> dict[str, Any]:
        """A page of uploads, the last changed first.

        Parameters
        ----------
        search
            Part of a userId or of an uploadId.
        appeals
            Only those whose rider says that the rejection is a mistake.

        Raises
        ------
        ConsoleError
            400, for a status or a cursor that there isn't.
        """
        if status is not None and status not in set(UploadStatus):
            raise ConsoleError(400, f"There is no status {status!r}.")
        if search or appeals:
            rows = [
                row for row in self._found(search, appeals=appeals) if status in {None, row.get("status")}
            ]
            rows.sort(key=_order, reverse=True)
            page, following = page_of(rows, cursor, PAGE)
        else:
            page, following = self._latest([status] if status else list(UploadStatus), cursor)
        return {"uploads": page, "next": following}

    def upload(self, user_id: str, upload_id: str) -> Row:
        """An upload's row.

        Raises
        ------
        ConsoleError
            404, if there is none.
        """
        key = (("userId", user_id), ("uploadId", upload_id))
        if not user_id or not upload_id or _NOT_A_RIDER in user_id:
            raise ConsoleError(404, "There is no such upload.")
        row = self._places.rows_by_key(self._places.uploads_table, [key]).get(key)
        if row is None:
            raise ConsoleError(404, "There is no such upload; its row may have expired.")
        return row

    def riders(self, search: str, cursor: str | None) -> dict[str, Any]:
        """A page of riders with what is kept of each, the newest photo first."""
        items = [
            item
            for item in self._places.scanned(self._places.rider_photo_table)
            if search.lower() in str(item.get("Username", "")).lower()
        ]
        items.sort(key=lambda item: (str(item.get("uploadId", "")), str(item["Username"])), reverse=True)
        page, following = page_of(items, cursor, PAGE)
        keys = {
            item["Username"]: (("userId", f"rider#{item['Username']}"), ("uploadId", "consent"))
            for item in page
        }
        consents = self._places.rows_by_key(self._places.uploads_table, keys.values())
        riders = [{"item": item, "consent": consents.get(keys[item["Username"]])} for item in page]
        return {"riders": riders, "next": following, "number": len(items)}

    def faces(self, cursor: str | None) -> dict[str, Any]:
        """A page of the collection's faces, each with whose it is and whether it should be there.

        `state` is live (a rider's live photo), deciding (its upload is under way) or unaccounted.
        """
        rekognition = self._places.client("rekognition")
        asked: dict[str, Any] = {
            "CollectionId": self._places.collection_id,
            "MaxResults": FACES_PAGE,
            **({"NextToken": cursor} if cursor else {}),
        }
        try:
            answer = rekognition.list_faces(**asked)
        except rekognition.exceptions.InvalidPaginationTokenException:
            raise ConsoleError(400, "The page asked for is none of this list.") from None
        owners = {face["FaceId"]: owner_of_face(face.get("ExternalImageId", "")) for face in answer["Faces"]}
        items = self._places.rows_by_key(
            self._places.rider_photo_table, ((("Username", user),) for user, _ in owners.values() if user)
        )
        rows = self._places.rows_by_key(
            self._places.uploads_table,
            ((("userId", user), ("uploadId", upload)) for user, upload in owners.values() if user and upload),
        )
        faces = []
        for face in answer["Faces"]:
            user, upload = owners[face["FaceId"]]
            item = items.get((("Username", user),), {})
            row = rows.get((("userId", user), ("uploadId", upload)), {})
            faces.append(
                {**_face(face), "userId": user, "uploadId": upload, "state": _state(face, item, row)}
            )
        described = rekognition.describe_collection(CollectionId=self._places.collection_id)
        return {"faces": faces, "next": answer.get("NextToken"), "number": described["FaceCount"]}

    def photo(self, user_id: str, upload_id: str, kind: str) -> tuple[str, bytes]:
        """A picture of an upload: its content type and its bytes.

        Only what a row of the tables names is read, from the stage's own buckets, and only a file that
        begins as a JPEG or a PNG is given out: a rider may have uploaded anything.

        Raises
        ------
        ConsoleError
            404 if there is none, 415 if it is no picture, 413 if it is too large to be shown.
        """
        if kind not in PHOTOS:
            raise ConsoleError(404, "There is no such picture.")
        row = self._row_or_item(user_id, upload_id)
        place = row if kind == "original" else row.get(kind)
        bucket, key = (place.get("s3bucket"), place.get("s3key")) if isinstance(place, dict) else (None, None)
        if bucket not in {self._places.photo_bucket, self._places.thumbnail_bucket} or not key:
            raise ConsoleError(404, "There is no such picture.")
        s3 = self._places.client("s3")
        version = {"VersionId": row["s3versionid"]} if kind == "original" and "s3versionid" in row else {}
        try:
            answer = s3.get_object(Bucket=bucket, Key=key, **version)
        except s3.exceptions.ClientError as error:
            raise ConsoleError(404, f"The picture is gone: {error}") from error
        with answer["Body"] as body:
            content: bytes = body.read(_MOST_PHOTO_BYTES + 1)
        if len(content) > _MOST_PHOTO_BYTES:
            raise ConsoleError(413, "The picture is too large to be shown.")
        header = read_image_header(content)
        if header is None:
            raise ConsoleError(415, "The file is neither a JPEG nor a PNG.")
        return _CONTENT_TYPES[header.format], content

    def changed_since(self, moment: str) -> list[Row]:
        """The uploads whose rows changed since then (ISO 8601, inclusive), oldest first."""
        rows = [
            row
            for status in UploadStatus
            for row in self._by_status(status, moment, _LATEST, newest_first=False)
        ]
        return sorted(rows, key=_order)

    def counts(self) -> dict[str, int]:
        """How many uploads there are, by status."""
        counted = {}
        for status in UploadStatus:
            pages = (
                self._places.client("dynamodb")
                .get_paginator("query")
                .paginate(**self._query(status, "0", _LATEST), Select="COUNT")
            )
            counted[str(status)] = sum(page["Count"] for page in pages)
        return counted

    def appeals(self) -> int:
        """How many riders wait for somebody to look at a rejection."""
        return sum(row.get("status") == UploadStatus.REJECTED for row in self._found("", appeals=True))

    def _row_or_item(self, user_id: str, upload_id: str) -> Row:
        """The upload's row, or the rider's item where the live photo's row isn't there."""
        try:
            return self.upload(user_id, upload_id)
        except ConsoleError:
            key = (("Username", user_id),)
            item = self._places.rows_by_key(self._places.rider_photo_table, [key] if user_id else []).get(key)
            if item is None or item.get("uploadId") != upload_id:
                raise
            return item

    def _found(self, search: str, *, appeals: bool) -> list[Row]:
        conditions, values = ["NOT contains(userId, :other)"], {":other": {"S": _NOT_A_RIDER}}
        if search:
            conditions.append("(contains(userId, :search) OR contains(uploadId, :search))")
            values[":search"] = {"S": search}
        if appeals:
            conditions.append("attribute_exists(appeal)")
        return self._places.scanned(
            self._places.uploads_table,
            FilterExpression=" AND ".join(conditions),
            ExpressionAttributeValues=values,
        )

    def _latest(self, statuses: list[Any], cursor: str | None) -> tuple[list[Row], str | None]:
        """Of each status the latest, merged; a cursor is what the last row of a page is ordered by."""
        until, _, after = (cursor or _LATEST).partition("/")
        rows: list[Row] = []
        for status in statuses:
            found = 0
            for row in self._by_status(status, "0", until, newest_first=True):
                if cursor is None or _order(row) < (until, after):
                    rows.append(row)
                    found += 1
                if found > PAGE:
                    break
        rows.sort(key=_order, reverse=True)
        page = rows[:PAGE]
        return page, "/".join(_order(page[-1])) if len(rows) > PAGE else None

    def _by_status(self, status: str, since: str, until: str, *, newest_first: bool) -> Iterator[Row]:
        pages = (
            self._places.client("dynamodb")
            .get_paginator("query")
            .paginate(**self._query(status, since, until), ScanIndexForward=not newest_first)
        )
        for page in pages:
            yield from (plain(item) for item in page["Items"])

    def _query(self, status: str, since: str, until: str) -> dict[str, Any]:
        return {
            "TableName": self._places.uploads_table,
            "IndexName": BY_STATUS_INDEX,
            "KeyConditionExpression": "#status = :status AND updatedAt BETWEEN :since AND :until",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {
                ":status": {"S": status},
                ":since": {"S": since},
                ":until": {"S": until},
            },
        }


def _order(row: Row) -> tuple[str, str]:
    return str(row.get("updatedAt", "")), str(row.get("uploadId", ""))


def _face(face: Row) -> Row:
    return {
        "faceId": face["FaceId"],
        "confidence": face.get("Confidence"),
        "box": face.get("BoundingBox"),
        "externalImageId": face.get("ExternalImageId"),
    }


def _state(face: Row, item: Row, row: Row) -> str:
    if item.get("faceId") == face["FaceId"]:
        return "live"
    return "deciding" if row.get("status") == UploadStatus.PROCESSING else "unaccounted"
