"""What each AWS call does to the world: lean, since a search makes millions of calls.

The full fakes of `tests.fakes` check every call against botocore's models and keep their state in place;
here each operation is a function from cells to cells, so that its outcome can be remembered.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.fakes import ENVIRONMENT, face
from tests.simulation.cells import Edit, RefusedError
from tests.simulation.dynamodb import delete_item, get_item, put_item, query, update_item

type Json = Any
type Parameters = Mapping[str, Any]
type Operation = Callable[[Edit, Parameters, str], Json]

PHOTOS: Final = ENVIRONMENT["PHOTO_BUCKET"]
THUMBNAILS: Final = ENVIRONMENT["THUMBNAIL_BUCKET"]
LAST_MODIFIED: Final = "2026-01-01T00:00:00+00:00"
# How far a face has got into the index: unknown, known to searches by its own id, found by all searches.
UNKNOWN, KNOWN, FOUND = range(3)
_PERSON: Final = re.compile(rb"person:([a-z]*);")
# Files by name, since cells are to be small.
CONTENTS: Final[dict[str, bytes]] = {}


def store(content: bytes) -> str:
    """Keep a file, and give its name."""
    name = hashlib.sha256(content).hexdigest()[:12]
    CONTENTS[name] = content
    return name


@functools.cache
def person_in(content_name: str) -> str | None:
    """The person in a picture: each letter a trait; people who share one are alike."""
    found = _PERSON.search(CONTENTS[content_name])
    return found[1].decode() if found else None


def alike(one: str, other: str) -> bool:
    """Whether a search takes two people for one."""
    return bool(set(one) & set(other))


def object_cell(bucket: str, key: str) -> str:
    """The cell of an object: its versions, (version, name of the content or None), the newest last."""
    return f"objects/{bucket}/{key}"


# --- S3 -------------------------------------------------------------------------------------------------


def _find(world: Edit, bucket: str, key: str, version: str | None) -> tuple[str, str]:
    versions = world.get(object_cell(bucket, key)) or ()
    wanted = [entry for entry in versions if version in (None, entry[0])]
    if not wanted or wanted[-1][1] is None:
        raise RefusedError("NoSuchVersion" if version else "NoSuchKey", status=404)
    return wanted[-1]


def _get_object(world: Edit, p: Parameters, tag: str) -> Json:
    version, content = _find(world, p["Bucket"], p["Key"], p.get("VersionId"))
    return {"Content": content, "VersionId": version, "LastModified": LAST_MODIFIED, "Ranged": "Range" in p}


def _head_object(world: Edit, p: Parameters, tag: str) -> Json:
    try:
        version, _ = _find(world, p["Bucket"], p["Key"], p.get("VersionId"))
    except RefusedError:
        raise RefusedError("404", "Not Found", status=404) from None
    return {"VersionId": version, "LastModified": LAST_MODIFIED}


def _put_object_tagging(world: Edit, p: Parameters, tag: str) -> Json:
    # How long a photo is kept changes nothing that this simulation looks at.
    _find(world, p["Bucket"], p["Key"], p.get("VersionId"))
    return {}


def _put_object(world: Edit, p: Parameters, tag: str) -> Json:
    world.set(object_cell(p["Bucket"], p["Key"]), (("null", store(p["Body"])),))
    return {}


def _delete_object(world: Edit, p: Parameters, tag: str) -> Json:
    cell = object_cell(p["Bucket"], p["Key"])
    versions = world.get(cell) or ()
    if p.get("VersionId") or p["Bucket"] == THUMBNAILS:
        gone = p.get("VersionId", "null")
        world.set(cell, tuple(entry for entry in versions if entry[0] != gone) or None)
    elif versions and versions[-1][1] is not None:
        world.set(cell, (*versions, (f"marker-{len(versions)}", None)))
    return {}


def _delete_objects(world: Edit, p: Parameters, tag: str) -> Json:
    for entry in p["Delete"]["Objects"]:
        if "VersionId" not in entry:
            _delete_object(world, {"Bucket": p["Bucket"], **entry}, tag)
            continue
        cell = object_cell(p["Bucket"], entry["Key"])
        kept = tuple(version for version in world.get(cell) or () if version[0] != entry["VersionId"])
        world.set(cell, kept or None)
    return {}


def _list_object_versions(world: Edit, p: Parameters, tag: str) -> Json:
    start = object_cell(p["Bucket"], "")
    found: dict[str, list[Json]] = {"Versions": [], "DeleteMarkers": []}
    for name in world.under(start + p.get("Prefix", "")):
        for version, content in world.get(name):
            kind = "DeleteMarkers" if content is None else "Versions"
            entry = {"Key": name.removeprefix(start), "VersionId": version, "LastModified": LAST_MODIFIED}
            found[kind].append(entry)
    return {kind: entries for kind, entries in found.items() if entries}


def _list_objects_v2(world: Edit, p: Parameters, tag: str) -> Json:
    start = object_cell(p["Bucket"], "")
    keys = [name.removeprefix(start) for name in world.under(start + p.get("Prefix", ""))]
    found = [{"Key": key, "LastModified": LAST_MODIFIED} for key in keys if key > p.get("StartAfter", "")]
    return {"IsTruncated": False, **({"Contents": found} if found else {})}


# --- Rekognition ----------------------------------------------------------------------------------------


def _person_in_image(world: Edit, p: Parameters) -> str | None:
    place = p["Image"]["S3Object"]
    try:
        _, content = _find(world, place["Bucket"], place["Name"], place.get("Version"))
    except RefusedError:
        raise RefusedError("InvalidS3ObjectException", "Unable to get object metadata from S3.") from None
    return person_in(content)


def _detect_faces(world: Edit, p: Parameters, tag: str) -> Json:
    return {"FaceDetails": [] if _person_in_image(world, p) is None else [face()]}


def _index_faces(world: Edit, p: Parameters, tag: str) -> Json:
    person, image_id = _person_in_image(world, p), p["ExternalImageId"]
    if person is None:
        return {"FaceRecords": [], "UnindexedFaces": []}
    place = p["Image"]["S3Object"]
    content = f"{place['Name']} {place.get('Version', '')}"
    minted = world.get(f"minted/{image_id}") or 0
    for number in range(minted):  # the same picture under the same name is stored once
        known = world.get(f"faces/{image_id}/{number}")
        if known and known[2] == content:
            return {"FaceRecords": [{"Face": _face(f"{image_id}/{number}")}], "UnindexedFaces": []}
    seen = FOUND if world.get("late index") is None else UNKNOWN
    world.set(f"faces/{image_id}/{minted}", (person, seen, content))
    world.set(f"minted/{image_id}", minted + 1)
    return {"FaceRecords": [{"Face": _face(f"{image_id}/{minted}")}], "UnindexedFaces": []}


def _face(face_id: str) -> Json:
    return {"FaceId": face_id, "ExternalImageId": face_id.rpartition("/")[0], "Confidence": 99.9}


def _matches(world: Edit, person: str, but: str = "") -> Json:
    found = [
        {"Similarity": 99.9, "Face": _face(name.removeprefix("faces/"))}
        for name in world.under("faces/")
        if name != f"faces/{but}" and world.get(name)[1] == FOUND and alike(person, world.get(name)[0])
    ]
    return {"FaceMatches": found}


def _search_faces_by_image(world: Edit, p: Parameters, tag: str) -> Json:
    person = _person_in_image(world, p)
    if person is None:
        raise RefusedError("InvalidParameterException", "There are no faces in the image.")
    return _matches(world, person)


def _search_faces(world: Edit, p: Parameters, tag: str) -> Json:
    known = world.get(f"faces/{p['FaceId']}")
    if known is None or known[1] < KNOWN:
        raise RefusedError("InvalidParameterException", "faceId was not found in the collection")
    return _matches(world, known[0], but=p["FaceId"])


def _list_faces(world: Edit, p: Parameters, tag: str) -> Json:
    names = [name.removeprefix("faces/") for name in world.under("faces/")]
    wanted = p.get("FaceIds")
    return {"Faces": [_face(name) for name in names if wanted is None or name in wanted]}


def _delete_faces(world: Edit, p: Parameters, tag: str) -> Json:
    for face_id in p["FaceIds"]:
        world.set(f"faces/{face_id}", None)
    return {"DeletedFaces": p["FaceIds"]}


# --- the others -----------------------------------------------------------------------------------------


def _admin_get_user(world: Edit, p: Parameters, tag: str) -> Json:
    address = {"Name": "email", "Value": f"{p['Username']}@example.com"}
    return {"UserAttributes": [address, {"Name": "email_verified", "Value": "true"}]}


def _get_suppressed_destination(world: Edit, p: Parameters, tag: str) -> Json:
    raise RefusedError("NotFoundException", status=404)


def _send_email(world: Edit, p: Parameters, tag: str) -> Json:
    cell = f"mails/{tag}/{p['Content']['Simple']['Subject']['Data']}"
    world.set(cell, (world.get(cell) or 0) + 1)
    return {"MessageId": "1"}


def _send_message(world: Edit, p: Parameters, tag: str) -> Json:
    if p["QueueUrl"] == ENVIRONMENT["ADMISSION_QUEUE_URL"]:
        turn = p["MessageAttributes"]["startsAt"]["StringValue"]
        world.set(f"turns/{turn}/{p['MessageBody']}", 1)
        return {"MessageId": "1"}
    world.set(f"letters/{p['MessageBody']}", 1)
    return {"MessageId": "1"}


def _start_execution(world: Edit, p: Parameters, tag: str) -> Json:
    arn = f"{p['stateMachineArn'].replace(':stateMachine:', ':execution:')}:{p['name']}"
    known = world.get(f"executions/{arn}")
    if known and known != ("RUNNING", p["input"]):
        raise RefusedError("ExecutionAlreadyExists")
    world.set(f"executions/{arn}", ("RUNNING", p["input"]))
    return {"executionArn": arn}


def _stop_execution(world: Edit, p: Parameters, tag: str) -> Json:
    known = world.get(f"executions/{p['executionArn']}")
    if known is None:
        raise RefusedError("ExecutionDoesNotExist")
    if known[0] == "RUNNING":
        world.set(f"executions/{p['executionArn']}", ("ABORTED", known[1]))
    return {}


def _describe_execution(world: Edit, p: Parameters, tag: str) -> Json:
    known = world.get(f"executions/{p['executionArn']}")
    if known is None:
        raise RefusedError("ExecutionDoesNotExist")
    return {"status": known[0]}


OPERATIONS: Final[Mapping[tuple[str, str], Operation]] = {
    **{
        ("dynamodb", operation.__name__): operation
        for operation in (get_item, put_item, update_item, delete_item, query)
    },
    **{
        ("s3", operation.__name__.lstrip("_")): operation
        for operation in (
            *(_get_object, _head_object, _put_object, _delete_object, _delete_objects),
            *(_list_object_versions, _list_objects_v2, _put_object_tagging),
        )
    },
    **{
        ("rekognition", operation.__name__.lstrip("_")): operation
        for operation in (
            *(_detect_faces, _index_faces, _search_faces_by_image, _search_faces, _list_faces),
            _delete_faces,
        )
    },
    ("cognito-idp", "admin_get_user"): _admin_get_user,
    ("sesv2", "send_email"): _send_email,
    ("sesv2", "get_suppressed_destination"): _get_suppressed_destination,
    ("sqs", "send_message"): _send_message,
    **{
        ("stepfunctions", operation.__name__.lstrip("_")): operation
        for operation in (_start_execution, _stop_execution, _describe_execution)
    },
}
