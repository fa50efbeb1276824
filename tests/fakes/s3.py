"""S3 in memory: versions, delete markers and ranges; presigned requests are signed by botocore itself."""

from __future__ import annotations

import functools
import hashlib
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import boto3
from botocore.config import Config
from botocore.handlers import validate_bucket_name
from botocore.response import StreamingBody

from tests.fakes.service import Answer, FakeClient, Parameters, operation

_RANGE = re.compile(r"bytes=(\d+)-(\d+)\Z")
_VERSION_ID = re.compile(r"null\Z|fake-version-\d{8}\Z")


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """A version of an object; a delete marker has no content."""

    version_id: str
    content: bytes | None
    content_type: str
    last_modified: datetime
    tags: Mapping[str, str] = field(default_factory=dict)


class FakeS3(FakeClient):
    """Buckets with or without versions.

    Parameters
    ----------
    buckets
        Name of each bucket, and whether it keeps versions.
    """

    service = "s3"
    _state: ClassVar = {"_objects": 3, "_minted": 0}

    def __init__(self, buckets: Mapping[str, bool]) -> None:
        super().__init__()
        self._versioned = dict(buckets)
        # The newest version of a key comes last.
        self._objects: dict[str, dict[str, list[ObjectVersion]]] = {bucket: {} for bucket in buckets}
        self._minted = 0
        self.page_size = 1000  # of list_object_versions
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def keys(self, bucket: str) -> list[str]:
        """Keys of the objects that a listing shows."""
        versions = self._objects[bucket].items()
        return sorted(key for key, stack in versions if stack and stack[-1].content is not None)

    def versions(self, bucket: str, key: str) -> list[ObjectVersion]:
        """All versions of an object, the newest last."""
        return list(self._objects[bucket].get(key, []))

    def content(self, bucket: str, key: str) -> bytes:
        """The object's newest content."""
        content = self.versions(bucket, key)[-1].content
        assert content is not None, f"{key} is deleted"
        return content

    def read(self, bucket: str, key: str, version_id: str | None = None) -> bytes:
        """What another service gets when it reads an object: no call of the app."""
        place = {"Bucket": bucket, "Key": key} | ({"VersionId": version_id} if version_id else {})
        content = self._find(place, "GetObject").content
        assert content is not None
        return content

    @operation
    def put_object(self, request: Parameters) -> Answer:
        stack = self._stack(request, "PutObject")
        body = request.get("Body", b"")
        version = ObjectVersion(
            version_id=self._mint(request["Bucket"]),
            content=bytes(body) if isinstance(body, bytes | bytearray) else body.read(),
            content_type=request.get("ContentType", "binary/octet-stream"),
            last_modified=self.now().replace(microsecond=0),
        )
        self._push(stack, version)
        return {"ETag": _etag(version)} | self._version_field(request["Bucket"], version)

    @operation
    def get_object(self, request: Parameters) -> Answer:
        version = self._find(request, "GetObject")
        assert version.content is not None
        content, answer = version.content, self._describe(request["Bucket"], version)
        if "Range" in request:
            content, answer["ContentRange"] = self._range(content, request["Range"])
            answer["ContentLength"] = len(content)
        answer["Body"] = StreamingBody(io.BytesIO(content), len(content))
        return answer

    @operation
    def head_object(self, request: Parameters) -> Answer:
        # An answer to HEAD has no body, so botocore has nothing but the status to make a code of.
        try:
            version = self._find(request, "HeadObject")
        except self.exceptions.ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            words = {400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed"}
            raise self.error(str(status), words[status], status=status, operation="HeadObject") from None
        return self._describe(request["Bucket"], version)

    @operation
    def put_object_tagging(self, request: Parameters) -> Answer:
        version = self._find(request, "PutObjectTagging")
        tags = {tag["Key"]: tag["Value"] for tag in request["Tagging"]["TagSet"]}
        stack = self._stack(request, "PutObjectTagging")
        stack[stack.index(version)] = replace(version, tags=tags)
        return self._version_field(request["Bucket"], version)

    @operation
    def delete_object(self, request: Parameters) -> Answer:
        bucket, version_id = request["Bucket"], request.get("VersionId")
        stack = self._stack(request, "DeleteObject")
        if version_id is not None:
            self._check_version_id(version_id, "DeleteObject")
            self._remove(stack, version_id)
            return {"VersionId": version_id}
        if not self._versioned[bucket]:
            stack.clear()
            return {}
        marker = ObjectVersion(self._mint(bucket), None, "", self.now().replace(microsecond=0))
        stack.append(marker)
        return {"DeleteMarker": True, "VersionId": marker.version_id}

    @operation
    def delete_objects(self, request: Parameters) -> Answer:
        objects = request["Delete"]["Objects"]
        if not 1 <= len(objects) <= 1000:
            raise self.error("MalformedXML", "The XML you provided was not well-formed")
        for target in objects:
            if "VersionId" not in target:
                self.delete_object(Bucket=request["Bucket"], Key=target["Key"])
                continue
            stack = self._stack({"Bucket": request["Bucket"], "Key": target["Key"]}, "DeleteObjects")
            self._remove(stack, target["VersionId"])
        return {} if request["Delete"].get("Quiet") else {"Deleted": [dict(target) for target in objects]}

    @operation
    def list_object_versions(self, request: Parameters) -> Answer:
        bucket, most = request["Bucket"], min(request.get("MaxKeys", 1000), self.page_size)
        if bucket not in self._objects:
            raise self.error("NoSuchBucket", "The specified bucket does not exist", status=404)
        listed = list(self._listing(bucket, request.get("Prefix", "")))
        if "KeyMarker" in request:
            # The page goes on after this version, or after the key, if the version is gone meanwhile.
            marker = (request["KeyMarker"], request.get("VersionIdMarker"))
            places = [(entry["Key"], entry["VersionId"]) for _, entry in listed]
            first = places.index(marker) + 1 if marker in places else 0  # type: ignore[arg-type]
            listed = listed[first:] if first else [pair for pair in listed if pair[1]["Key"] > marker[0]]
        page = listed[:most]
        answer: Answer = {"Name": bucket, "IsTruncated": len(listed) > most, "MaxKeys": most}
        for kind in ("Versions", "DeleteMarkers"):
            entries = [entry for which, entry in page if which == kind]
            answer |= {kind: entries} if entries else {}
        if answer["IsTruncated"]:
            last = page[-1][1]
            answer |= {"NextKeyMarker": last["Key"], "NextVersionIdMarker": last["VersionId"]}
        return answer

    @operation
    def list_objects_v2(self, request: Parameters) -> Answer:
        bucket, most = request["Bucket"], min(request.get("MaxKeys", 1000), self.page_size)
        listed = [
            {"Key": entry["Key"], "LastModified": entry["LastModified"]}
            for kind, entry in self._listing(bucket, request.get("Prefix", ""))
            if kind == "Versions" and entry["IsLatest"] and entry["Key"] > request.get("StartAfter", "")
        ]
        page = listed[:most]
        answer = {"Name": bucket, "IsTruncated": len(listed) > most, "MaxKeys": most, "KeyCount": len(page)}
        return answer | ({"Contents": page} if page else {})

    def grow_old(self, bucket: str, age: timedelta) -> None:
        """Let all versions in a bucket have been made so much earlier."""
        for stack in self._objects[bucket].values():
            stack[:] = [replace(version, last_modified=version.last_modified - age) for version in stack]

    def _listing(self, bucket: str, prefix: str) -> Iterator[tuple[str, Answer]]:
        for key in sorted(self._objects[bucket]):
            stack = self._objects[bucket][key] if key.startswith(prefix) else []
            for version in reversed(stack):
                entry = {
                    "Key": key,
                    "VersionId": version.version_id,
                    "IsLatest": version is stack[-1],
                    "LastModified": version.last_modified,
                }
                yield ("DeleteMarkers" if version.content is None else "Versions"), entry

    def generate_presigned_post(self, bucket: str, key: str, **options: Any) -> dict[str, Any]:
        """A presigned POST, signed by botocore with keys that open nothing."""
        return dict(_signer().generate_presigned_post(bucket, key, **options))

    def generate_presigned_url(self, client_method: str, **options: Any) -> str:
        """A presigned URL, signed by botocore with keys that open nothing."""
        return str(_signer().generate_presigned_url(client_method, **options))

    def _remove(self, stack: list[ObjectVersion], version_id: str) -> None:
        stack[:] = [version for version in stack if version.version_id != version_id]

    def _stack(self, request: Parameters, operation_name: str) -> list[ObjectVersion]:
        if self.checked:
            validate_bucket_name(dict(request))
        if len(request["Key"].encode()) > 1024:
            raise self.error("KeyTooLongError", "Your key is too long", operation=operation_name)
        if request["Bucket"] not in self._objects:
            raise self.error("NoSuchBucket", "The specified bucket does not exist", status=404)
        return self._objects[request["Bucket"]].setdefault(request["Key"], [])

    def _push(self, stack: list[ObjectVersion], version: ObjectVersion) -> None:
        if version.version_id == "null":
            stack.clear()
        stack.append(version)

    def _find(self, request: Parameters, operation_name: str) -> ObjectVersion:
        stack, version_id = self._stack(request, operation_name), request.get("VersionId")
        if version_id is None:
            if not stack or stack[-1].content is None:
                raise self.error("NoSuchKey", "The specified key does not exist.", status=404)
            return stack[-1]
        self._check_version_id(version_id, operation_name)
        for version in stack:
            if version.version_id == version_id:
                if version.content is None:
                    raise self.error("MethodNotAllowed", "A delete marker has no content", status=405)
                return version
        raise self.error("NoSuchVersion", "The specified version does not exist.", status=404)

    def _check_version_id(self, version_id: str, operation_name: str) -> None:
        if not _VERSION_ID.match(version_id):
            raise self.error("InvalidArgument", "Invalid version id specified", operation=operation_name)

    def _range(self, content: bytes, text: str) -> tuple[bytes, str]:
        match = _RANGE.match(text)
        assert match, f"the fake knows ranges as bytes=0-99 alone, not {text}"
        first, last = int(match[1]), min(int(match[2]), len(content) - 1)
        if first >= len(content):
            raise self.error("InvalidRange", "The requested range is not satisfiable", status=416)
        return content[first : last + 1], f"bytes {first}-{last}/{len(content)}"

    def _describe(self, bucket: str, version: ObjectVersion) -> Answer:
        assert version.content is not None
        return {
            "ContentLength": len(version.content),
            "ContentType": version.content_type,
            "ETag": _etag(version),
            "LastModified": version.last_modified,
        } | self._version_field(bucket, version)

    def _version_field(self, bucket: str, version: ObjectVersion) -> dict[str, str]:
        return {"VersionId": version.version_id} if self._versioned[bucket] else {}

    def _mint(self, bucket: str) -> str:
        if not self._versioned[bucket]:
            return "null"
        self._minted += 1
        return f"fake-version-{self._minted:08}"


def _etag(version: ObjectVersion) -> str:
    return f'"{hashlib.md5(version.content or b"", usedforsecurity=False).hexdigest()}"'


@functools.cache
def _signer() -> Any:
    return boto3.client(
        "s3",
        region_name="us-east-1",
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}),
    )
