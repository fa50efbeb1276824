"""The whole world of a stack, and whether the rules of truth hold in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.erasure import ERASED_RIDERS
from chalicelib.errors import InvalidInputError
from chalicelib.models import Claim, UploadStatus, owner_of_face, user_id_of_key
from chalicelib.pictures import PICTURES, places_of
from chalicelib.records import RECORDS
from chalicelib.rows import has_ended, status_of, text_of
from chalicelib.rules import PhotoRules
from local.stack import SENDER, Stack
from tests.e2e.support import eventually, executions, faces_of

_SETTLE_SECONDS = 120.0
_HEAL_SECONDS = 15.0
_ENDS = {
    # What could not be undone any more, since the photo is live, and what a newer photo has overtaken.
    UploadStatus.ACCEPTED: {"SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT"},
    UploadStatus.SUPERSEDED: {"SUCCEEDED", "ABORTED", "TIMED_OUT"},
    UploadStatus.REJECTED: {"SUCCEEDED"},
    UploadStatus.FAILED: {"FAILED", "ABORTED", "TIMED_OUT"},
}

type Row = Mapping[str, Any]
type Key = tuple[str, str]


@dataclass(frozen=True)
class World:
    """All that uploads leave behind, at one moment.

    Attributes
    ----------
    rows
        Of the uploads table, by userId and uploadId.
    twins
        Riders whom an operator found to be twins, as `{userId}#{userId}`.
    items
        Of the rider photo table, by userId.
    faces
        ExternalImageId by FaceId.
    alike
        By FaceId: the other faces of the collection that the app would take for the same person's.
    originals
        Key and version of each object in the photos' bucket.
    thumbnails
        Keys of the thumbnails' bucket: avatars lie there too.
    executions
        Status by ARN.
    mails
        How many mails the app sent to each rider of the user pool.
    erased
        Riders that were erased, by userId: rows that told of mails are gone with them.
    """

    rows: Mapping[Key, Row]
    twins: frozenset[str]
    items: Mapping[str, Row]
    faces: Mapping[str, str]
    alike: Mapping[str, frozenset[str]]
    originals: frozenset[Key]
    thumbnails: frozenset[str]
    executions: Mapping[str, str]
    mails: Mapping[str, int]
    erased: frozenset[str]

    @classmethod
    def of(cls, stack: Stack) -> World:
        """The world as it is now."""
        found = scan(stack, stack.deployment.outputs["UploadsTable"])
        rows = {
            (row["userId"]["S"], row["uploadId"]["S"]): row for row in found if "#" not in row["userId"]["S"]
        }
        faces = {face["FaceId"]: face["ExternalImageId"] for face in faces_of(stack)}
        mails = Counter(address for mail in stack.mails() if mail.sender == SENDER for address in mail.to)
        return cls(
            rows=rows,
            twins=frozenset(
                row["userId"]["S"].removeprefix(RECORDS) + row["uploadId"]["S"].removeprefix("twin")
                for row in found
                if row["userId"]["S"].startswith(RECORDS) and row["uploadId"]["S"].startswith("twin#")
            ),
            items={item["Username"]["S"]: item for item in scan(stack, stack.endpoints.rider_photo_table)},
            faces=faces,
            alike={face_id: _alike(stack, face_id) for face_id in faces},
            originals=frozenset(versions(stack, stack.endpoints.photo_bucket)),
            thumbnails=frozenset(key for key, _ in versions(stack, stack.endpoints.thumbnail_bucket)),
            executions={found["executionArn"]: found["status"] for found in executions(stack)},
            mails={user_id: mails[address] for user_id, address in _addresses(stack).items()},
            erased=frozenset(row["rider"]["S"] for row in found if row["userId"]["S"] == ERASED_RIDERS),
        )

    def statuses(self) -> Counter[str]:
        """How many uploads have each status."""
        return Counter(str(status_of(row)) for row in self.rows.values())

    def unsettled(self) -> list[str]:
        """What is still under way: nothing of it may be for ever."""
        running = [arn for arn, status in self.executions.items() if status == "RUNNING"]
        uploaded = {key for key, _ in self.originals}
        return running + [
            f"{key} is {status_of(row)}"
            for key, row in self.rows.items()
            if not has_ended(row)
            and not (status_of(row) is UploadStatus.WAITING and text_of(row, "s3key") not in uploaded)
        ]

    def violations(self) -> list[str]:
        """A sentence for each rule that does not hold."""
        return [
            *self._of_objects(),
            *self._of_faces(),
            *self._of_items(),
            *self._of_rows(),
            *self._of_mails(),
        ]

    def _of_objects(self) -> Iterator[str]:
        named = Counter((text_of(row, "s3key"), text_of(row, "s3versionid")) for row in self.rows.values())
        for key, version in self.originals:
            try:
                user_id_of_key(key)
            except InvalidInputError:
                continue  # not an upload
            if named[key, version] != 1:
                yield f"{named[key, version]} rows are about {key}, version {version}"
        kept = {place["s3key"] for item in self.items.values() for place in places_of(item).values()}
        yield from (f"the picture {key} is nobody's" for key in self.thumbnails - kept)
        yield from (f"the picture {key} is missing" for key in kept - self.thumbnails)

    def _of_faces(self) -> Iterator[str]:
        live = {
            item["faceId"]["S"]: f"{user_id}:{text_of(item, 'uploadId')}"
            for user_id, item in self.items.items()
            if "faceId" in item
        }
        for face_id, image_id in self.faces.items():
            if live.get(face_id) != image_id:
                yield f"the face {face_id} of {image_id} belongs to no live item"
            rider = owner_of_face(image_id)[0]
            for other in self.alike[face_id]:
                another = owner_of_face(self.faces[other])[0]
                if another != rider and f"{rider}#{another}" not in self.twins:
                    yield f"the faces of {image_id} and {self.faces[other]} are one person's"
        yield from (f"the live face of {live[face]} is missing" for face in live.keys() - self.faces.keys())

    def _of_items(self) -> Iterator[str]:
        for user_id, item in self.items.items():
            upload_id = text_of(item, "uploadId") or ""
            older = [key for key in self.rows if key[0] == user_id and key[1] < upload_id]
            if "faceId" not in item:
                if item.keys().isdisjoint({"erasedAt", "closedExecution"}):
                    yield f"the item of {user_id} has no face, and nothing says why"
                yield from (f"{key} is older than its rider's erasure" for key in older)
                continue
            row = self.rows.get((user_id, upload_id))
            if status_of(row) is not UploadStatus.ACCEPTED or text_of(row, "claim") != Claim.CONFIRMED:
                yield f"the item of {user_id} is not of an accepted upload with a confirmed claim"
            elif any(row.get(name) != item.get(name) for name in ("faceId", "s3versionid", *PICTURES)):
                yield f"the item of {user_id} and its row differ"

    def _of_rows(self) -> Iterator[str]:
        for key, row in self.rows.items():
            status = status_of(row)
            live = text_of(self.items.get(key[0]), "uploadId") == key[1]
            if status is UploadStatus.WAITING:
                continue
            if status is UploadStatus.ACCEPTED:
                newest = max(
                    upload_id
                    for (user_id, upload_id), other in self.rows.items()
                    if user_id == key[0] and status_of(other) is UploadStatus.ACCEPTED
                )
                if live == ("replacedBy" in row) or live != (key[1] == newest):
                    yield f"{key} is accepted, but neither the live photo nor replaced by a newer one"
            if not live and text_of(row, "claim") not in {None, Claim.WITHDRAWN}:
                yield f"{key} is not the live photo, but its claim is {text_of(row, 'claim')}"
            if (status is UploadStatus.REJECTED) != ("reason" in row):
                yield f"{key} is {status} with the reason {text_of(row, 'reason')}"
            ended = self.executions.get(text_of(row, "executionArn") or "")
            if ended not in _ENDS.get(status, {}):
                yield f"{key} is {status}, but its execution {ended}"

    def _of_mails(self) -> Iterator[str]:
        told = {
            UploadStatus.ACCEPTED: "mail_accepted",
            UploadStatus.REJECTED: "mail_rejected",
            UploadStatus.FAILED: "mail_failed",
        }
        least, most = Counter[str](), Counter[str]()
        for key, row in self.rows.items():
            status = status_of(row)
            # A photo that was accepted by closing its execution from outside, or replaced at that moment,
            # is not announced.
            must = status in told and status is not UploadStatus.ACCEPTED
            if must and told[status] not in row:
                yield f"nobody tried to tell the rider that {key} is {status}"
            marks = [text_of(row, name) for name in told.values()]
            least[key[0]] += marks.count("sent")
            # An execution that failed before a restart has told the rider of that.
            most[key[0]] += marks.count("sent") + marks.count("sending") + _restarts(row)
        for user_id in ({user_id for user_id, _ in self.rows} & self.mails.keys()) - self.erased:
            if not least[user_id] <= self.mails[user_id] <= most[user_id]:
                expected = f"{least[user_id]} to {most[user_id]}"
                yield f"{user_id} got {self.mails[user_id]} mails instead of {expected}"


def settle(stack: Stack) -> World:
    """Wait until nothing is under way any more; the world then."""

    def settled() -> World | None:
        # An upload's own execution first: without one that runs, only events are under way.
        if any(execution["status"] == "RUNNING" for execution in executions(stack)):
            return None
        world = World.of(stack)
        return None if world.unsettled() else world

    try:
        return eventually(settled, _SETTLE_SECONDS)
    except AssertionError:
        raise AssertionError(f"still under way: {World.of(stack).unsettled()}") from None


def assert_invariants(stack: Stack) -> World:
    """Wait until all has settled, and assert that the rules of truth hold in the whole world.

    The last thing that an execution does may come a moment after its end: the mail of a closing from
    outside, the removal of a second version. So what is amiss gets a moment to be mended by the app.
    """

    def whole() -> World | None:
        world = settle(stack)
        return None if world.violations() else world

    try:
        return eventually(whole, _HEAL_SECONDS)
    except AssertionError:
        raise AssertionError("\n".join(World.of(stack).violations())) from None


def empty(stack: Stack) -> None:
    """Wait until no execution runs, then remove all that uploads have left, but executions and mails."""
    eventually(lambda: all(found["status"] != "RUNNING" for found in executions(stack)), _SETTLE_SECONDS)
    faces = [face["FaceId"] for face in faces_of(stack)]
    if faces:
        stack.client("rekognition").delete_faces(CollectionId=stack.endpoints.collection_id, FaceIds=faces)
    dynamodb = stack.client("dynamodb")
    for table, key in (
        (stack.endpoints.rider_photo_table, ("Username",)),
        (stack.deployment.outputs["UploadsTable"], ("userId", "uploadId")),
    ):
        # Whoever has consented has not done so by an upload, and may go on.
        for item in (item for item in scan(stack, table) if text_of(item, "uploadId") != "consent"):
            dynamodb.delete_item(TableName=table, Key={name: item[name] for name in key})
    for bucket in (stack.endpoints.photo_bucket, stack.endpoints.thumbnail_bucket):
        batch = [{"Key": key, "VersionId": version} for key, version in versions(stack, bucket)]
        for start in range(0, len(batch), 1000):
            stack.client("s3").delete_objects(
                Bucket=bucket, Delete={"Objects": batch[start : start + 1000], "Quiet": True}
            )
    stack.client("sqs").purge_queue(QueueUrl=stack.deployment.outputs["DeadLetterQueueUrl"])


def scan(stack: Stack, table: str) -> list[Row]:
    """All items of a table."""
    pages = stack.client("dynamodb").get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return [item for page in pages for item in page["Items"]]


def versions(stack: Stack, bucket: str) -> list[Key]:
    """Key and version id of all objects of a bucket, with those that a newer version hides."""
    pages = stack.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket)
    return [
        (found["Key"], found["VersionId"])
        for page in pages
        for found in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
    ]


def _restarts(row: Row) -> int:
    """How often the upload was started again: the execution's name is `{uploadId}-{digest}[-{attempt}]`."""
    parts = (text_of(row, "executionArn") or "").rpartition(":")[2].split("-")
    return int(parts[6]) - 1 if len(parts) == 7 else 0


def _alike(stack: Stack, face_id: str) -> frozenset[str]:
    rekognition = stack.client("rekognition")
    try:
        matches = rekognition.search_faces(
            CollectionId=stack.endpoints.collection_id,
            FaceId=face_id,
            FaceMatchThreshold=PhotoRules().similarity_threshold,
        )["FaceMatches"]
    except rekognition.exceptions.InvalidParameterException:
        return frozenset()  # it was deleted meanwhile
    return frozenset(match["Face"]["FaceId"] for match in matches)


def _addresses(stack: Stack) -> dict[str, str]:
    """Mail addresses by userId."""
    pages = (
        stack.client("cognito-idp")
        .get_paginator("list_users")
        .paginate(UserPoolId=stack.endpoints.user_pool_id)
    )
    return {
        user["Username"]: attribute["Value"]
        for page in pages
        for user in page["Users"]
        for attribute in user["Attributes"]
        if attribute["Name"] == "email"
    }
