"""The page as the API serves it, and what two riders may ask for: consent, forms, their own photo."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urljoin

import pytest

from local import web
from local.riders import Rider, sign_in_newcomer
from local.stack import Stack
from tests.e2e.support import ended, faces_of, post
from tests.e2e.world import assert_invariants

FORMS_AN_HOUR = 30
FORM = b'{"contentType": "image/jpeg"}'


@contextmanager
def opened(url: str) -> Iterator[HTTPResponse]:
    """A GET with its headers, without a proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=60) as answer:
        yield answer


class Links(HTMLParser):
    """The base of a page, and what it refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.base: str | None = None
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "base":
            self.base = given["href"]
        elif target := given.get("src") or given.get("href"):
            self.targets.append(target)


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_page_and_all_it_refers_to_are_served_with_and_without_a_slash(stack: Stack, slash: str) -> None:
    url = stack.endpoints.api_url + slash
    links = Links()
    with opened(url) as answer:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        policy = answer.headers["Content-Security-Policy"]
        links.feed(answer.read().decode())
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    base = urljoin(url, links.base or "")
    assert base == stack.endpoints.api_url + "/"
    for target in links.targets:
        if not target.startswith("#"):
            with opened(urljoin(base, target)) as answer:
                assert answer.status == 200, target
    with opened(urljoin(base, "web/config.json")) as answer:
        config = json.load(answer)
    assert config["userPoolClientId"] == stack.endpoints.user_pool_client_id
    assert config["cognitoEndpoint"] == stack.endpoints.aws_endpoint
    assert stack.endpoints.aws_endpoint in policy


@pytest.mark.parametrize("name", ["nothing.js", "index.html", "..%2fapi.py", "%2e%2e%2f%2e%2e%2fapp.py"])
def test_no_other_file_of_the_app_is_served(stack: Stack, name: str) -> None:
    answer = web.request("GET", f"{stack.endpoints.api_url}/web/{name}")
    assert answer.status in {403, 404}
    assert b"import" not in answer.body


def test_consent_comes_before_the_first_form_and_its_withdrawal_erases(
    stack: Stack, empty_world: None, samples: dict[str, Path]
) -> None:
    rider = sign_in_newcomer(stack.endpoints, "newcomer@wildrydes.example")
    refused = rider.call("POST", "/uploads", FORM)
    assert (refused.status, refused.json()["Code"]) == (403, "ForbiddenError")
    assert rider.call("GET", "/consent").json()["given"] is False
    assert rider.call("POST", "/consent", b'{"version": "another"}').status == 400
    rider.consent()
    assert rider.call("GET", "/consent").json()["given"] is True
    assert ended(rider, post(rider, samples["obama"])) == ("accepted", None)
    assert rider.call("DELETE", "/consent").status == 204
    assert faces_of(stack) == []
    assert rider.call("GET", "/photo").status == 404
    assert rider.call("GET", "/consent").json()["given"] is False
    assert rider.call("POST", "/uploads", FORM).status == 403
    assert_invariants(stack)


def test_too_many_forms_are_refused_with_when_to_try_again(new_rider: Callable[[], Rider]) -> None:
    rider, most = new_rider(), FORMS_AN_HOUR
    answers = [rider.call("POST", "/uploads", FORM) for _ in range(most + 1)]
    assert [answer.status for answer in answers] == [201] * most + [429]
    assert set(answers[-1].json()) == {"Code", "Message"}
    assert 3000 < int(answers[-1].headers["Retry-After"]) <= 3600
    assert new_rider().call("POST", "/uploads", FORM).status == 201


def test_of_two_riders_each_has_their_own_photo_and_reaches_nothing_of_the_others(
    stack: Stack, empty_world: None, new_rider: Callable[[], Rider], samples: dict[str, Path]
) -> None:
    anna, ben = new_rider(), new_rider()
    annas, bens = post(anna, samples["obama"]), post(ben, samples["no_face"])
    assert ended(anna, annas) == ("accepted", None)
    assert ended(ben, bens) == ("rejected", "NO_FACE")
    mine = anna.call("GET", "/photo").json()
    assert mine["uploadId"] == annas.upload_id
    with opened(mine["thumbnailUrl"]) as answer:
        assert answer.read(3) == b"\xff\xd8\xff"

    note = b'{"message": "mine"}'
    for path in (f"/uploads/{annas.upload_id}", f"/uploads/{annas.upload_id}%2f", "/photo"):
        assert ben.call("GET", path).status in {403, 404}, path
    assert ben.call("POST", f"/uploads/{annas.upload_id}/appeal", note).status == 404
    assert anna.call("GET", f"/uploads/{bens.upload_id}").status == 404
    assert anna.call("POST", f"/uploads/{bens.upload_id}/appeal", note).status == 404
    for path in ("/photo", "/consent"):
        assert ben.call("DELETE", path).status == 204
    assert anna.call("GET", "/photo").json()["uploadId"] == annas.upload_id
    assert anna.call("GET", "/consent").json()["given"] is True
    assert len(faces_of(stack)) == 1
    assert_invariants(stack)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/consent"),
        ("POST", "/consent"),
        ("DELETE", "/consent"),
        ("GET", "/photo"),
        ("DELETE", "/photo"),
        ("POST", "/uploads/01a203fb-6cec-7171-a294-a1e86038e23b/appeal"),
    ],
)
def test_without_a_token_nothing_of_a_rider_is_answered(stack: Stack, method: str, path: str) -> None:
    assert web.request(method, stack.endpoints.api_url + path, body=b"{}").status == 401
