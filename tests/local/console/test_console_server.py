"""Who may ask the console what: this machine's browser, by its own name, from its own page."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from local import aws
from local.console import Console, Places

NOWHERE = "http://127.0.0.1:9"
THREADS = {"console", "console-feed"}


@pytest.fixture(scope="module")
def console() -> Iterator[Console]:
    """A console whose AWS is gone: what is tested here comes before it is asked."""
    places = Places(
        client=lambda service: aws.client(service, NOWHERE),
        aws_endpoint=NOWHERE,
        region="us-east-1",
        state_machine_arn="arn:aws:states:us-east-1:000000000000:stateMachine:machine",
        photo_bucket="photos",
        thumbnail_bucket="thumbnails",
        rider_photo_table="riders",
        uploads_table="uploads",
        collection_id="collection",
        dead_letter_queue_url=f"{NOWHERE}/queue",
        environment={},
    )
    with Console(places) as running:
        yield running


def ask(
    console: Console, method: str, path: str, body: str | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", console.port, timeout=60)
    try:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, given)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def token_of(console: Console) -> str:
    token: str = json.loads(ask(console, "GET", "/api/session")[2])["token"]
    return token


def test_it_listens_on_the_loopback_interface_alone(console: Console) -> None:
    assert console._server.server_address[0] == "127.0.0.1"
    assert console.url == f"http://127.0.0.1:{console.port}/"


@pytest.mark.parametrize("path", ["/", "/main.js", "/console.css", "/icon.svg", "/api/session"])
def test_every_answer_forbids_all_that_the_page_does_not_need(console: Console, path: str) -> None:
    status, headers, body = ask(console, "GET", path)
    assert status == 200
    assert body
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1.evil.example"])
def test_another_name_for_this_machine_gets_nothing(console: Console, host: str) -> None:
    status, _, body = ask(console, "GET", "/api/session", Host=host)
    assert status == 421
    assert token_of(console).encode() not in body


def test_localhost_is_a_name_of_it_too(console: Console) -> None:
    assert ask(console, "GET", "/api/session", Host=f"localhost:{console.port}")[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"},
    ],
)
def test_another_site_gets_nothing(console: Console, headers: dict[str, str]) -> None:
    assert ask(console, "GET", "/api/session", **headers)[0] == 403


def test_a_link_from_another_site_leads_to_the_page(console: Console) -> None:
    followed = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    assert ask(console, "GET", "/", **followed)[0] == 200


@pytest.mark.parametrize("path", ["/api/redrive", "/api/stop"])
@pytest.mark.parametrize("token", ["", "wrong", "é"])
def test_nothing_is_changed_without_the_token(console: Console, path: str, token: str) -> None:
    status, _, body = ask(console, "POST", path, "{}", X_Console_Token=token)
    assert status == 403
    assert b"reload" in body
    assert ask(console, "GET", path)[0] == 404


def test_the_token_alone_does_not_help_another_site(console: Console) -> None:
    given = {"X_Console_Token": token_of(console), "Origin": "http://evil.example"}
    assert ask(console, "POST", "/api/stop", '{"name": "x"}', **given)[0] == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [("", 400), ("[]", 400), ('{"name": 1}', 400), ("{", 400), ('{"name": "a/b"}', 404), ("x" * 20_000, 413)],
)
def test_a_body_that_is_none_is_refused_by_name(console: Console, body: str, status: int) -> None:
    answered, _, said = ask(console, "POST", "/api/stop", body, X_Console_Token=token_of(console))
    assert answered == status
    assert json.loads(said)["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/../__init__.py",
        "/..%2f__init__.py",
        "//etc/passwd",
        "/server.py",
        "/static/main.js",
        "/main.js/",
        "/api/",
    ],
)
def test_no_other_file_is_given_out(console: Console, path: str) -> None:
    assert ask(console, "GET", path)[0] == 404


def test_an_aws_that_is_gone_is_told(console: Console) -> None:
    status, _, body = ask(console, "GET", "/api/mails")
    assert status == 502
    assert "embedded AWS" in json.loads(body)["message"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/executions?status=NO", 400),
        ("/api/uploads?status=no", 400),
        ("/api/execution?name=%00", 404),
        ("/api/upload?user=rider%23a&upload=consent", 404),
        ("/photo?user=a&upload=b&kind=../secret", 404),
    ],
)
def test_a_question_that_has_no_answer_is_refused(console: Console, path: str, status: int) -> None:
    assert ask(console, "GET", path)[0] == status


def test_it_ends_while_a_page_listens() -> None:
    before = set(threading.enumerate())
    places: Any = type("Gone", (), {"aws_endpoint": NOWHERE, "client": staticmethod(_gone)})()
    console = Console(places)
    console.start()
    assert {each.name for each in threading.enumerate() if each not in before} >= THREADS
    connection = http.client.HTTPConnection("127.0.0.1", console.port, timeout=60)
    connection.request("GET", "/api/feed")
    answer = connection.getresponse()
    assert answer.getheader("Content-Type", "").startswith("text/event-stream")
    told = answer.readline()
    assert json.loads(told.removeprefix(b"data: "))["counts"]["unreachable"]
    console.stop()
    assert answer.read().strip() == b""
    connection.close()
    # Other threads of this process are other tests'.
    assert not [each for each in threading.enumerate() if each.name in THREADS and each not in before]
    with pytest.raises(OSError, match="refused"):
        ask(console, "GET", "/")


def _gone(service: str) -> Any:
    raise ConnectionRefusedError(f"no {service}")
