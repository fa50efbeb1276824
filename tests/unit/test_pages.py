from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib import pages
from tests.fakes import FakeAws

WEB = Path(pages.__file__).parent / "web"
TYPES = {".html", ".css", ".js", ".svg"}


def page(aws: FakeAws, path: str = "/api", **changes: Any) -> pages.PageFile:
    return pages.page(path, None, aws.s3, replace(aws.settings, **changes))  # type: ignore[arg-type]


def policy(aws: FakeAws, **changes: Any) -> dict[str, list[str]]:
    text = page(aws, **changes).headers["Content-Security-Policy"]
    return {name: sources for name, *sources in (directive.split() for directive in text.split("; "))}


@pytest.mark.parametrize(
    ("path", "base"),
    [("/api", "/api/"), ("/api/", "/api/"), ("/", "/"), ("/x/y/api", "/x/y/api/")],
)
def test_relative_addresses_mean_the_same_with_and_without_a_slash(
    aws: FakeAws, path: str, base: str
) -> None:
    assert f'<head>\n<base href="{base}">' in page(aws, path).body


def test_a_path_cannot_break_out_of_the_page(aws: FakeAws) -> None:
    assert '<base href="/&quot;&gt;&lt;script&gt;/">' in page(aws, '/"><script>').body


def test_only_the_page_itself_its_buckets_and_the_user_pool_are_reached(aws: FakeAws) -> None:
    buckets = [
        f"https://{bucket}.s3.amazonaws.com"
        for bucket in (aws.settings.photo_bucket, aws.settings.thumbnail_bucket)
    ]
    assert policy(aws) == {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "blob:", buckets[1]],
        "connect-src": ["'self'", "https://cognito-idp.us-east-1.amazonaws.com", buckets[0]],
        "form-action": ["'none'"],
        "base-uri": ["'self'"],
        "frame-ancestors": ["'none'"],
    }


def test_another_endpoint_and_a_hosted_login_are_reached_where_there_are_such(aws: FakeAws) -> None:
    found = policy(
        aws, cognito_endpoint="http://127.0.0.1:4566/", hosted_login="https://rides.auth.example.com/login"
    )
    assert {"http://127.0.0.1:4566", "https://rides.auth.example.com"} <= set(found["connect-src"])
    assert "https://cognito-idp.us-east-1.amazonaws.com" not in found["connect-src"]


def test_the_page_learns_its_stage_and_nothing_secret(aws: FakeAws) -> None:
    file = pages.page_file("config.json", None, aws.settings)
    assert file is not None
    assert json.loads(file.body) == {
        "region": "us-east-1",
        "userPoolId": aws.settings.user_pool_id,
        "userPoolClientId": aws.settings.user_pool_client_id,
        "cognitoEndpoint": None,
        "hostedLogin": None,
        "maxBytes": 15 * 1024 * 1024,
        "contentTypes": ["image/jpeg", "image/png"],
    }


@pytest.mark.parametrize("name", sorted(path.name for path in WEB.iterdir() if path.name != "index.html"))
def test_every_file_of_the_folder_is_served_as_what_it_is(aws: FakeAws, name: str) -> None:
    file = pages.page_file(name, None, aws.settings)
    assert file is not None
    assert file.body == (WEB / name).read_text(encoding="utf-8")
    kind = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}[Path(name).suffix]
    assert file.headers["Content-Type"].startswith(kind)
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert file.headers["Cache-Control"] == "no-cache"


def test_the_folder_holds_text_and_svg_alone() -> None:
    assert all(path.is_file() and path.suffix in TYPES for path in WEB.iterdir())
    assert "<head>" in (WEB / "index.html").read_text(encoding="utf-8")
