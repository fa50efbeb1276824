"""Object versions in events and in partial reads.

Upstream leaves ``version-id`` out of the EventBridge event of an object in a versioned
bucket, and answers a GetObject for part of a given version with the whole of it.
"""

import contextvars
import functools
import json
from typing import Any

from local.emulator import upstream

_NAME = "s3_versions"
_version_of_event: contextvars.ContextVar[str | None] = contextvars.ContextVar("version-id", default=None)

Response = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Wrap the sending of S3 events and GetObject."""
    s3 = upstream.module(_NAME, "services.s3")
    _send_versions(s3)
    _read_parts_of_versions(s3)


def _send_versions(s3: Any) -> None:
    events = upstream.module(_NAME, "services.eventbridge")
    fire = upstream.function(
        _NAME,
        s3,
        "_fire_s3_event",
        "bucket_name",
        "key",
        "event_name",
        "size",
        "etag",
        "deletion_type",
        "restore_event_data",
        "version_id",
        "sequencer",
        "object_extra",
        "record_extra",
    )
    dispatch = upstream.function(_NAME, events, "_dispatch_event", "event", "view")

    @functools.wraps(fire)
    def remembering_version(*args: Any, version_id: str | None = None, **kwargs: Any) -> None:
        token = _version_of_event.set(version_id)
        try:
            fire(*args, version_id=version_id, **kwargs)
        finally:
            _version_of_event.reset(token)

    @functools.wraps(dispatch)
    def with_version(event: dict[str, Any], view: Any = None) -> Any:
        version = _version_of_event.get()
        if version and event.get("Source") == "aws.s3":
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version
            event = {**event, "Detail": json.dumps(detail)}
        return dispatch(event, view)

    s3._fire_s3_event = remembering_version
    events._dispatch_event = with_version


def _read_parts_of_versions(s3: Any) -> None:
    get = upstream.function(_NAME, s3, "_get_object", "bucket_name", "key", "headers", "query_params")
    parse_range = upstream.function(_NAME, s3, "_parse_range", "range_header", "total")

    @functools.wraps(get)
    def get_part(
        bucket_name: str, key: str, headers: dict[str, str], query_params: dict[str, Any] | None = None
    ) -> Response:
        response: Response = get(bucket_name, key, headers, query_params)
        wanted = headers.get("range", "")
        status, answer, body = response
        if status != 200 or not wanted or not (query_params or {}).get("versionId"):
            return response
        found = parse_range(wanted, len(body))
        if found is None:
            error: Response = s3._error(
                "InvalidRange", "The requested range is not satisfiable", 416, f"/{bucket_name}/{key}"
            )
            return error
        first, last = found
        part = body[first : last + 1]
        # A checksum of the whole object would fail for a part of it.
        kept = {k: v for k, v in answer.items() if not k.lower().startswith("x-amz-checksum-")}
        kept["Content-Length"] = str(len(part))
        kept["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
        return 206, kept, part

    s3._get_object = get_part
