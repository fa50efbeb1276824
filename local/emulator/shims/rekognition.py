"""Amazon Rekognition at the emulator's endpoint, answered by the face service.

Upstream has no Rekognition. Requests for it go on to the service whose URL is in
``REKOGNITION_BACKEND``, and its answer comes back unchanged; so one endpoint serves boto3,
Step Functions and CloudFormation. A photo in S3 goes along as bytes, where Rekognition takes
as many: it is in this process, and the service would ask for it while it has an engine.
"""

import base64
import http.client
import json
import os
import urllib.error
import urllib.request
from typing import Any

from local.emulator import upstream
from local.emulator.shims.authorization import fields_of, may_read_photo

_NAME = "rekognition"
BACKEND_VARIABLE = "REKOGNITION_BACKEND"
TIMEOUT_VARIABLE = "REKOGNITION_TIMEOUT"
_CONTENT_TYPE = "application/x-amz-json-1.1"
_MOST_PHOTO_BYTES = 5 * 1024 * 1024
_UNREADABLE = "Unable to get object metadata from S3. Check object key, region and/or access permissions."

Response = tuple[int, dict[str, str], bytes]


def call(target: str, body: bytes) -> Response:
    """Send one request to the face service and return status, headers and body of its answer.

    A service that is not there, or silent for ``REKOGNITION_TIMEOUT`` seconds (30 unless set),
    gives Rekognition's InternalServerError, which SDKs and state machines retry.
    """
    backend = os.environ[BACKEND_VARIABLE]
    request = urllib.request.Request(
        backend, data=body, method="POST", headers={"X-Amz-Target": target, "Content-Type": _CONTENT_TYPE}
    )
    try:
        with urllib.request.urlopen(request, timeout=float(os.environ.get(TIMEOUT_VARIABLE, "30"))) as answer:
            return answer.status, {"Content-Type": _CONTENT_TYPE}, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, {"Content-Type": _CONTENT_TYPE}, error.read()
    except (OSError, http.client.HTTPException) as error:
        return _error(500, "InternalServerError", f"The face service at {backend} does not answer: {error}")


def install() -> None:
    """Register the service with upstream's router.

    Raises
    ------
    ValueError
        If ``REKOGNITION_BACKEND`` is no loopback HTTP URL.
    """
    backend = os.environ.get(BACKEND_VARIABLE, "")
    if not backend.startswith(("http://127.0.0.1:", "http://localhost:")):
        raise ValueError(f"{BACKEND_VARIABLE} must be the face service's URL on loopback, not {backend!r}.")
    app = upstream.module(_NAME, "app")
    router = upstream.module(_NAME, "core.router")
    concurrency = upstream.module(_NAME, "core.concurrency")
    handlers = upstream.attribute(_NAME, app, "SERVICE_HANDLERS")
    patterns = upstream.attribute(_NAME, router, "SERVICE_PATTERNS")
    # The face service reads its photos from this server's S3, so a call needs a thread of its own:
    # from a bounded pool, as many calls as it has threads would wait for each other for ever.
    s3 = upstream.module(_NAME, "services.s3")
    upstream.function(_NAME, s3, "_get_object_data", "bucket_name", "key", "version_id")
    in_own_thread = upstream.function(_NAME, concurrency, "run_reentrant", "fn", "args", "thread_name")

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes | str, query_params: dict[str, Any]
    ) -> Response:
        data = body.encode() if isinstance(body, str) else body
        if not may_read_photo(headers, data):
            return _error(400, "InvalidS3ObjectException", _UNREADABLE)
        response: Response = await in_own_thread(
            call_with_photo, headers.get("x-amz-target", ""), data, thread_name="rekognition"
        )
        return response

    def call_with_photo(target: str, data: bytes) -> Response:
        return call(target, _with_photo(s3, data))

    handlers["rekognition"] = handle
    patterns["rekognition"] = {
        "target_prefixes": ["RekognitionService"],
        "host_patterns": [r"^rekognition\."],
    }


def _with_photo(s3: Any, data: bytes) -> bytes:
    """The request with the photo's bytes for its place; unchanged if S3 has none, or a larger one."""
    request = fields_of(data)
    match request.get("Image"):
        case {"S3Object": {"Bucket": str(bucket), "Name": str(name), **more}, **other} if not other:
            photo = s3._get_object_data(bucket, name, more.get("Version"))
        case _:
            return data
    if not photo or len(photo) > _MOST_PHOTO_BYTES:
        return data
    return json.dumps({**request, "Image": {"Bytes": base64.b64encode(photo).decode()}}).encode()


def _error(status: int, code: str, message: str) -> Response:
    body = json.dumps({"__type": code, "Message": message, "message": message})
    return status, {"Content-Type": _CONTENT_TYPE}, body.encode()
