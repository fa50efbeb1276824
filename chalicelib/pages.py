"""The rider's page and its files, served by the API itself: text and SVG, from the package's own folder."""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from chalicelib.models import CONTENT_TYPES

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from chalicelib.settings import Settings

_FOLDER: Final = Path(__file__).parent / "web"
_INDEX: Final = "index.html"
TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Kept, but asked for again each time: after a deployment no page mixes old files with new ones.
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file as it is answered."""

    body: str
    headers: Mapping[str, str]
    status: int = field(default=200)


def page(path: str, asked_for: str | None, s3: S3Client, settings: Settings) -> PageFile:
    """The page itself.

    Parameters
    ----------
    path
        Under which it was asked for, the API's stage included: `/api` or `/api/`.
    asked_for
        The request's If-None-Match.
    """
    # With it relative addresses mean the same under both.
    base = f'<base href="{html.escape(path.rstrip("/"))}/">'
    body = _text(_INDEX).replace("<head>", f"<head>\n{base}", 1)
    policy = {"Content-Security-Policy": _content_security_policy(s3, settings)}
    return _answer(body, "text/html; charset=utf-8", asked_for, policy)


def page_file(name: str, asked_for: str | None, settings: Settings) -> PageFile | None:
    """A file of the page, `config.json` included; None for any other name."""
    if name == "config.json":
        return _answer(json.dumps(_config(settings)), "application/json", asked_for)
    # A name that is not among the folder's own is looked for nowhere.
    content_type = TYPES.get(Path(name).suffix) if name in _names() else None
    return _answer(_text(name), content_type, asked_for) if content_type else None


def _config(settings: Settings) -> dict[str, object]:
    """What the page has to know of its stage; nothing of it is secret."""
    return {
        "region": _region(settings),
        "userPoolId": settings.user_pool_id,
        "userPoolClientId": settings.user_pool_client_id,
        "cognitoEndpoint": settings.cognito_endpoint,
        "hostedLogin": settings.hosted_login,
        "maxBytes": settings.photo_rules.max_bytes,
        "contentTypes": list(CONTENT_TYPES),
    }


def _content_security_policy(s3: S3Client, settings: Settings) -> str:
    cognito = settings.cognito_endpoint or f"https://cognito-idp.{_region(settings)}.amazonaws.com"
    connect = [_origin(cognito), _bucket_origin(settings.photo_bucket, s3)]
    if settings.hosted_login:
        connect.append(_origin(settings.hosted_login))
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' blob: {_bucket_origin(settings.thumbnail_bucket, s3)}",
            f"connect-src 'self' {' '.join(dict.fromkeys(connect))}",
            "form-action 'none'",
            "base-uri 'self'",
            "frame-ancestors 'none'",
        )
    )


def _answer(
    body: str, content_type: str, asked_for: str | None, headers: Mapping[str, str] | None = None
) -> PageFile:
    etag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
    all_headers = {**_HEADERS, **(headers or {}), "Content-Type": content_type, "ETag": etag}
    known = {tag.strip().removeprefix("W/") for tag in (asked_for or "").split(",")}
    return PageFile("", all_headers, 304) if etag in known else PageFile(body, all_headers)


@cache
def _names() -> frozenset[str]:
    return frozenset(path.name for path in _FOLDER.iterdir() if path.is_file())


@cache
def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _region(settings: Settings) -> str:
    """A user pool's id begins with its region."""
    return settings.user_pool_id.partition("_")[0]


def _bucket_origin(bucket: str, s3: S3Client) -> str:
    """Where presigned requests for the bucket go, which depends on region and endpoint."""
    return _origin(s3.generate_presigned_url("head_bucket", Params={"Bucket": bucket}))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
