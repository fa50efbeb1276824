"""The API is as its OpenAPI document says, whoever asks for what: schemathesis finds nothing.

API Gateway answers 403 to a method or path that it has no route for, and an app behind it cannot change
that: so `unsupported_method`, which wants 405, is the one check that is left out.
"""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import yaml

from local import web
from local.riders import Rider
from local.stack import Stack
from tests.e2e.support import ended, post

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "reference" / "openapi.yaml"
_RUN: Final = "from schemathesis.cli import schemathesis; schemathesis()"


def assert_nothing_found(rider: Rider, document: Path, *options: str) -> None:
    """Run schemathesis as that rider; AssertionError with what it found."""
    run = subprocess.run(
        [
            *(sys.executable, "-c", _RUN, "run", str(document), "--url", rider.api_url),
            *("--header", f"Authorization:{rider.id_token}", "--exclude-checks", "unsupported_method"),
            *("--seed", "1", "--continue-on-failure", "--no-color", "--generation-database", "none"),
            *options,
        ],
        cwd=document.parent,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    assert "10 selected / 10 total" in run.stdout or "--exclude-method" in options, run.stdout[-4000:]


@pytest.mark.usefixtures("empty_world")
def test_a_rider_with_a_photo_gets_what_the_document_says(
    new_rider: Callable[[], Rider], samples: dict[str, Path], tmp_path: Path
) -> None:
    rider = new_rider()
    refused = post(rider, samples["no_face"])
    live = post(rider, samples["biden"])
    assert (ended(rider, refused)[0], ended(rider, live)[0]) == ("rejected", "accepted")
    document: dict[str, Any] = yaml.safe_load(DOCUMENT.read_text())
    upload_id = document["components"]["parameters"]["UploadId"]
    # Ids that exist, so that the answers of their routes are looked at too.
    upload_id["schema"]["enum"] = [refused.upload_id, live.upload_id]
    del upload_id["example"]
    known = tmp_path / "openapi.yaml"
    known.write_text(yaml.safe_dump(document))
    assert_nothing_found(rider, known, "--exclude-method", "DELETE", "--phases", "examples,coverage")
    assert rider.view(refused.upload_id)["appealed"] is True
    assert rider.call("GET", "/photo").status == 200


def test_a_rider_who_asks_for_anything_gets_what_the_document_says(
    new_rider: Callable[[], Rider], tmp_path: Path
) -> None:
    document = tmp_path / "openapi.yaml"
    document.write_bytes(DOCUMENT.read_bytes())
    assert_nothing_found(new_rider(), document, "--max-time", "7")


def raw(stack: Stack, rider: Rider, method: str, path: str, body: bytes, content_type: str) -> web.Answer:
    """Send what no well-behaved client sends."""
    address = urlsplit(stack.endpoints.api_url)
    connection = http.client.HTTPConnection(address.netloc, timeout=60)
    try:
        headers = {"Authorization": rider.id_token, "Content-Type": content_type}
        connection.request(method, address.path + path, body, headers)
        answer = connection.getresponse()
        return web.Answer(answer.status, answer.read())
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("method", "path", "body", "content_type"),
    [
        ("POST", "/uploads", b'{"contentType":' + b"[" * 100_000, "application/json"),
        ("POST", "/consent", b'{"version":' * 100_000, "application/json"),
        ("POST", "/uploads", b"9" * 6_000, "application/json"),
        ("POST", "/uploads", b"\xff\xfe{", "application/json"),
        ("POST", "/uploads", b" " * (5 << 20), "application/json"),
        ("POST", "/uploads", b"{}", "application/json;;;="),
        ("POST", "/uploads", b"{}", "image/jpeg"),
        ("POST", "/uploads/x/appeal", b'{"message": "' + b"x" * 1_000_000 + b'"}', "application/json"),
        ("GET", "/uploads/" + "a" * 8_000, b"", "application/json"),
        ("GET", "/uploads/%ff%fe", b"", "application/json"),
        ("GET", "/uploads/%00", b"", "application/json"),
        ("GET", "/web/%2e%2e%2fapi.py", b"", "application/json"),
        ("GET", "/photo?" + "a=%ff&" * 2_000, b"", "text/plain"),
        ("PUT", "/uploads", b"{}", "application/json"),
        ("BREW", "/photo", b"", "application/json"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_what_is_malformed_is_the_clients_mistake(
    stack: Stack,
    new_rider: Callable[[], Rider],
    method: str,
    path: str,
    body: bytes,
    content_type: str,
) -> None:
    answer = raw(stack, new_rider(), method, path, body, content_type)
    assert 400 <= answer.status < 500, answer.body[:500]
    assert answer.json().keys() in ({"Code", "Message"}, {"message"})
