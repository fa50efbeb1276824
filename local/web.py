"""HTTP as a rider's browser speaks it: JSON, and a form with a file."""

from __future__ import annotations

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, of whatever status."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@cache
def _opener() -> urllib.request.OpenerDirector:
    """Made once: with each comes a context for TLS, and with that all certificates of this machine."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def request(
    method: str, url: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """Send one request to this machine, without a proxy.

    Raises
    ------
    OSError
        If nothing answers.
    """
    call = urllib.request.Request(url, data=body, method=method, headers=dict(headers or {}))
    try:
        with _opener().open(call, timeout=_TIMEOUT_SECONDS) as answer:
            return Answer(answer.status, answer.read(), dict(answer.headers))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read(), dict(error.headers))


def post_form(url: str, fields: Mapping[str, str], file: bytes) -> Answer:
    """Post a form with a file, as a browser does."""
    content_type, body = encode_form(fields, file)
    return request("POST", url, body=body, headers={"Content-Type": content_type})


def encode_form(fields: Mapping[str, str], file: bytes) -> tuple[str, bytes]:
    """A form as multipart/form-data (RFC 7578): its content type, and its body.

    The fields come first and the file last, as S3 asks.
    """
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="photo"\r\n'
    file_type = fields.get("Content-Type", "application/octet-stream")
    parts += [
        f"{head}Content-Type: {file_type}\r\n\r\n".encode(),
        file,
        f"\r\n--{boundary}--\r\n".encode(),
    ]
    return f"multipart/form-data; boundary={boundary}", b"".join(parts)
