"""Keys, statuses and reasons: what a photo is called and can become. Neither boto3 nor PIL nor chalice."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from chalicelib.errors import InvalidInputError

UPLOAD_PREFIX = "uploads/"
# An ExternalImageId holds 255 characters; the uploadId and a colon take 37 of them.
USER_ID = re.compile(r"(?!\.{1,2}\Z)[a-zA-Z0-9_.\-:]{1,218}\Z", re.ASCII)
# Those below are compiled when first used. As S3's and Rekognition's APIs take it.
_BUCKET = r"[a-zA-Z0-9.\-_]{3,255}\Z"
UUID7 = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_UPLOAD_ID = rf"{UUID7}\Z"
_MINTED_FILE_NAME = rf"({UUID7})\.(?:jpg|png)\Z"
_EXTERNAL_IMAGE_ID = rf"(.+):({UUID7})\Z"

CONTENT_TYPES = {"image/jpeg": "jpg", "image/png": "png"}


class UploadStatus(StrEnum):
    """Status of an upload; the last four are terminal."""

    WAITING = "waiting"
    PROCESSING = "processing"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FAILED = "failed"
    SUPERSEDED = "superseded"


class Claim(StrEnum):
    """How far an upload's claim on its face has got: see `claims`."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


class Reason(StrEnum):
    """Why a photo was rejected."""

    NO_FACE = "NO_FACE"
    MULTIPLE_FACES = "MULTIPLE_FACES"
    SUNGLASSES = "SUNGLASSES"
    FACE_NOT_CLEAR = "FACE_NOT_CLEAR"
    FACE_ALREADY_EXISTS = "FACE_ALREADY_EXISTS"
    FACE_CHANGED = "FACE_CHANGED"
    UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT"
    IMAGE_TOO_LARGE = "IMAGE_TOO_LARGE"
    IMAGE_UNREADABLE = "IMAGE_UNREADABLE"


def is_upload_id(text: str) -> bool:
    """Whether the text is a UUIDv7 in its canonical, lower-case form."""
    return re.match(_UPLOAD_ID, text) is not None


def uuid7(milliseconds: int, entropy: bytes) -> str:
    """A UUIDv7 (RFC 9562): its order is the order of time.

    Parameters
    ----------
    milliseconds
        Unix time, 48 bits.
    entropy
        At least 10 bytes.
    """
    from uuid import UUID

    value = (milliseconds & (1 << 48) - 1) << 80 | int.from_bytes(entropy[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(UUID(int=value))


def object_digest(bucket: str, key: str, version_id: str | None) -> bytes:
    """32 bytes that stand for one version of one object, and for no other."""
    import hashlib

    # Lengths first: no other bucket, key and version can give the same bytes.
    parts = [part.encode() for part in (bucket, key, version_id or "")]
    return hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()


def upload_id_of_object(bucket: str, key: str, version_id: str | None, last_modified: datetime) -> str:
    """The uploadId of an object that was not uploaded by a form of this app, always the same one."""
    digest = object_digest(bucket, key, version_id)
    return uuid7(int(last_modified.timestamp() * 1000), digest)


def upload_key(user_id: str, upload_id: str, extension: str) -> str:
    """Where a rider's form uploads to: `uploads/{userId}/{uploadId}.{extension}`."""
    return f"{UPLOAD_PREFIX}{user_id}/{upload_id}.{extension}"


def user_id_of_key(key: str) -> str:
    """The rider whose upload this key is.

    Raises
    ------
    InvalidInputError
        If the key is not of the form `uploads/{userId}/{file}` with a valid userId.
    """
    parts = key.split("/")
    if len(parts) != 3 or f"{parts[0]}/" != UPLOAD_PREFIX or not parts[2]:
        raise InvalidInputError(f"The key {key[:200]!r} is not of the form 'uploads/{{userId}}/{{file}}'.")
    return valid_user_id(parts[1])


def minted_upload_id(user_id: str, key: str) -> str | None:
    """The uploadId that the key carries if a form of this app minted it for that rider, else None."""
    folder, _, file_name = key.rpartition("/")
    match = re.match(_MINTED_FILE_NAME, file_name)
    return match[1] if match and folder == f"{UPLOAD_PREFIX}{user_id}" else None


def valid_user_id(user_id: object) -> str:
    """The userId itself, if Rekognition's ExternalImageId and the key can carry it.

    Raises
    ------
    InvalidInputError
        Otherwise, saying what a userId may hold.
    """
    if not isinstance(user_id, str) or not USER_ID.match(user_id):
        raise InvalidInputError(
            f"{str(user_id)[:230]!r} is not a valid userId: use 1 to 218 of a-z A-Z 0-9 _ . - :"
        )
    return user_id


def valid_bucket(bucket: str) -> str:
    """The bucket's name itself, if a bucket can be called so.

    Raises
    ------
    InvalidInputError
        Otherwise.
    """
    if not re.match(_BUCKET, bucket):
        raise InvalidInputError(f"{bucket[:260]!r} is no bucket's name: use 3 to 255 of a-z A-Z 0-9 . _ -")
    return bucket


def external_image_id(user_id: str, upload_id: str) -> str:
    """Under which name a face is indexed: a match names its rider and its upload."""
    return f"{user_id}:{upload_id}"


def owner_of_face(image_id: str) -> tuple[str, str | None]:
    """(userId, uploadId) behind an ExternalImageId; no uploadId where another program indexed the face."""
    match = re.match(_EXTERNAL_IMAGE_ID, image_id)
    return (match[1], match[2]) if match else (image_id, None)


@dataclass(frozen=True, slots=True)
class RiderPhoto:
    """One version of one object that a rider uploaded, as an execution sees it.

    Attributes
    ----------
    user_id, bucket, key
        The workshop's three fields: `userId`, `s3Bucket`, `s3Key`.
    version_id
        The object's version; None as long as no step has looked at the object.
    upload_id
        A UUIDv7; None as long as it is neither in the key nor derived from the object.
    execution_arn
        The execution that works on it; None when the workshop's own definitions run.
    """

    user_id: str
    bucket: str
    key: str
    version_id: str | None = None
    upload_id: str | None = None
    execution_arn: str | None = None

    @classmethod
    def from_state(cls, event: Mapping[str, Any]) -> Self:
        """Read a state: the workshop's fields, bare or wrapped as `{"executionArn", "state"}`.

        What FaceDetection found out about the object (`s3VersionId`, `uploadId`) is taken from
        `detectedFaceDetails`, or from `undone` where FaceDetection failed, with or without the `Payload`
        that `lambda:invoke` puts around it.

        Raises
        ------
        InvalidInputError
            Naming the field that is missing or of the wrong type.
        """
        state = state_of(event)
        execution_arn = event.get("executionArn") if state is not event else None
        found = payload_of(state.get("detectedFaceDetails")) or payload_of(state.get("undone"))
        user_id = valid_user_id(_text(state, "userId"))
        key = _text(state, "s3Key")
        version_id = None if state.get("s3VersionId") is None else _text(state, "s3VersionId")
        return cls(
            user_id=user_id,
            bucket=valid_bucket(_text(state, "s3Bucket")),
            key=key,
            version_id=version_id or (_text(found, "s3VersionId") if found.get("s3VersionId") else None),
            upload_id=minted_upload_id(user_id, key) or _upload_id(found.get("uploadId")),
            execution_arn=execution_arn,
        )

    @property
    def external_image_id(self) -> str:
        """The face's name in the collection; needs the uploadId."""
        return external_image_id(self.user_id, self.known_upload_id)

    @property
    def known_upload_id(self) -> str:
        """The uploadId, once it is known.

        Raises
        ------
        InvalidInputError
            If no step has looked at the object yet.
        """
        if self.upload_id is None:
            raise InvalidInputError("The uploadId is not known yet: FaceDetection finds it.")
        return self.upload_id

    @property
    def real_version_id(self) -> str | None:
        """The version to name in a read; None in a bucket without versions."""
        return None if self.version_id == UNVERSIONED else self.version_id

    def as_rekognition_image(self) -> dict[str, Any]:
        """The `Image` parameter of Rekognition's calls: always the version that was looked at."""
        s3_object = {"Bucket": self.bucket, "Name": self.key}
        if self.real_version_id:
            s3_object["Version"] = self.real_version_id
        return {"S3Object": s3_object}

    def as_execution_input(self) -> str:
        """The JSON that an execution starts with: the workshop's fields, and the version."""
        data = {"userId": self.user_id, "s3Bucket": self.bucket, "s3Key": self.key}
        if self.real_version_id:
            data["s3VersionId"] = self.real_version_id
        return json.dumps(data)

    def as_s3_object(self) -> dict[str, Any]:
        """`Bucket`, `Key` and `VersionId` of S3's calls."""
        version = {"VersionId": self.real_version_id} if self.real_version_id else {}
        return {"Bucket": self.bucket, "Key": self.key, **version}


# What S3 calls the only version of an object in a bucket without versions.
UNVERSIONED = "null"


def state_of(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The state inside an event of the state machine, which wraps it with the execution's ARN."""
    if not isinstance(event, Mapping):
        raise InvalidInputError("The execution's input must be an object with 'userId', 's3Bucket', 's3Key'.")
    state = event.get("state")
    return state if isinstance(state, Mapping) else event


def payload_of(result: object) -> Mapping[str, Any]:
    """A step's result, without the `Payload` that `lambda:invoke` puts around it; {} if there is none."""
    if not isinstance(result, Mapping):
        return {}
    payload = result.get("Payload", result)
    return payload if isinstance(payload, Mapping) else {}


def _upload_id(value: object) -> str | None:
    if value is None or (isinstance(value, str) and is_upload_id(value)):
        return value
    raise InvalidInputError(f"{str(value)[:50]!r} is not an uploadId: leave 'detectedFaceDetails' out.")


def _text(state: Mapping[str, Any], field: str) -> str:
    value = state.get(field)
    if not isinstance(value, str) or not value:
        raise InvalidInputError(f"The execution's input needs {field!r}, a string that is not empty.")
    if len(utf8(value, field)) > 1024:
        raise InvalidInputError(f"{field!r} is longer than 1,024 bytes: no object can be called so.")
    return value


def utf8(text: str, field: str) -> bytes:
    """The text as UTF-8, or InvalidInputError: JSON can hold half a surrogate pair, a request can't."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInputError(f"{field!r} is not valid Unicode: it holds half a surrogate pair.") from error
