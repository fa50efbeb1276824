"""Lost, slow and refused connections in the middle of an upload, and reloads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Request, expect

from local.stack import Stack
from tests.browser.cable import Cable
from tests.browser.drawn import noise
from tests.browser.riding import ACCEPTED, CHOOSE, SENDING, WATCHING, RiderPage, ready

NO_FACE = "We could not find a face"


@pytest.fixture
def cable(stack: Stack) -> Iterator[Cable]:
    port = urlsplit(stack.endpoints.aws_endpoint).port
    assert port is not None
    with Cable(port) as cable:
        yield cable


@pytest.fixture
def on_the_road(new_page: Callable[..., RiderPage], cable: Cable) -> RiderPage:
    """A rider before the first photo, whose connection is the cable."""
    return ready(new_page(proxy={"server": cable.url}))


@pytest.mark.parametrize("known", [True, False], ids=["the browser knows", "the browser does not notice"])
def test_offline_in_the_middle_of_an_upload_is_told_and_it_goes_on_by_itself(
    on_the_road: RiderPage, cable: Cable, known: bool
) -> None:
    rider = on_the_road
    cable.bytes_a_second = 300_000
    rider.send(noise(1600, 1200))
    rider.sees(SENDING)
    rider.reads(re.compile(r"of \d+\.\d MB · [1-9]\d? % sent"))
    cable.pull()
    rider.page.context.set_offline(known)
    # A busy machine's Chromium may lose the cut; the page itself gives a connection up after 45 s.
    rider.reads("The connection is gone. We go on as soon as it is back", seconds=60)
    cable.plug_in()
    rider.page.context.set_offline(False)
    rider.sees(NO_FACE)


def test_offline_while_the_photo_is_looked_at_is_told_and_it_goes_on(rider: RiderPage) -> None:
    page = rider.page
    page.route("**/uploads/*", lambda route: route.fulfill(json=_view("processing")))
    rider.send()
    rider.sees(WATCHING)
    page.context.set_offline(True)
    page.unroute("**/uploads/*")
    rider.reads("No connection at the moment. Your photo is safe with us")
    page.context.set_offline(False)
    rider.sees(NO_FACE)


@pytest.mark.parametrize("inside", [False, True], ids=["before the answer", "in the middle of it"])
def test_a_connection_that_dies_without_a_word_is_told_and_it_goes_on(rider: RiderPage, inside: bool) -> None:
    page = rider.page
    page.clock.install()
    page.evaluate(_FALL_SILENT, inside)
    rider.send()
    rider.sees(WATCHING)
    page.wait_for_function("fetch.silent")
    page.clock.fast_forward(34_000)  # API Gateway itself may take 29 s
    expect(page.get_by_text("No connection at the moment.").filter(visible=True)).to_have_count(0)
    page.clock.fast_forward(2000)
    rider.reads("No connection at the moment. Your photo is safe with us")
    page.evaluate("fetch.speakAgain()")
    page.clock.fast_forward(6000)
    rider.sees(NO_FACE)


# Of the answers to "what became of my upload?" nothing comes, or the headers and no more: a browser's own
# `fetch` would wait for good, too.
_FALL_SILENT = """inside => {
  const real = fetch;
  window.fetch = async (url, options) => {
    if (!/uploads\\/./.test(url)) return real(url, options);
    window.fetch.silent = true;
    const end = fail => options.signal?.addEventListener("abort", () => fail(options.signal.reason));
    if (inside) return new Response(new ReadableStream({ start: stream => end(() => stream.error()) }));
    return new Promise((_, reject) => end(reject));
  };
  window.fetch.speakAgain = () => { window.fetch = real; };
}"""


def test_a_slow_upload_shows_its_progress_and_can_be_cancelled(on_the_road: RiderPage, cable: Cable) -> None:
    rider = on_the_road
    cable.bytes_a_second = 300_000
    rider.send(noise(1600, 1200))
    rider.sees(SENDING)
    bar = rider.page.get_by_role("progressbar", name="Upload progress")
    expect(bar).to_have_attribute("value", re.compile("[1-9]"))
    rider.press("Cancel")
    rider.sees(CHOOSE)
    rider.reads("Cancelled. You can choose a photo again.")


@pytest.fixture
def all_sent(on_the_road: RiderPage, cable: Cable) -> RiderPage:
    """A rider whose photo is at S3 with its last byte, while S3's answer is still on its way."""
    rider = on_the_road
    s3, bucket = rider.stack.client("s3"), rider.stack.endpoints.photo_bucket
    before = s3.list_objects_v2(Bucket=bucket)["KeyCount"]
    cable.bytes_a_second = 300_000
    rider.send(noise(1600, 1200))
    rider.sees(SENDING)
    rider.reads(re.compile(r"of \d+\.\d MB · [1-9]\d? % sent"))
    cable.hold_answers()
    cable.bytes_a_second = None
    rider.reads(re.compile("100 % sent"))
    for _ in range(200):
        if s3.list_objects_v2(Bucket=bucket)["KeyCount"] > before:
            return rider
        rider.page.wait_for_timeout(50)
    raise AssertionError("the photo did not arrive")


def test_a_photo_that_is_all_sent_cannot_be_cancelled_any_more(all_sent: RiderPage, cable: Cable) -> None:
    expect(all_sent.page.get_by_role("button", name="Cancel", exact=True)).to_be_disabled()
    cable.plug_in()
    all_sent.sees(NO_FACE)


def test_whoever_gives_up_a_photo_that_may_have_arrived_is_told_what_became_of_it(
    all_sent: RiderPage, cable: Cable
) -> None:
    rider = all_sent
    cable.pull()
    rider.reads("The connection is gone.")
    rider.press("Cancel")
    rider.sees(WATCHING)
    rider.reads("No connection at the moment. We look again when the connection is back.")
    cable.plug_in()
    rider.sees(NO_FACE)


def test_a_photo_that_may_have_arrived_is_not_said_to_have_failed_and_is_not_sent_twice(
    all_sent: RiderPage, cable: Cable
) -> None:
    rider = all_sent
    posts: list[str] = []
    rider.page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    cable.pull()
    rider.sees("Your photo may not have got through")
    cable.plug_in()
    rider.press("Send it again")
    rider.sees(NO_FACE)
    assert posts == []


def test_a_form_that_s3_refuses_is_replaced_by_a_fresh_one(rider: RiderPage) -> None:
    refused = "<Error><Code>AccessDenied</Code><Message>Invalid: Policy expired.</Message></Error>"
    bucket = rider.stack.endpoints.photo_bucket
    rider.page.route(
        f"**/{bucket}*", lambda route: route.fulfill(status=403, body=refused, headers=_ANY_ORIGIN), times=1
    )
    forms: list[str] = []
    rider.page.on("request", lambda request: forms.append(request.url) if _mints(request) else None)
    rider.send()
    rider.sees("Your photo did not get through")
    rider.press("Send it again")
    rider.sees(NO_FACE)
    assert len(forms) == 2


_ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}


def _mints(request: Request) -> bool:
    return request.method == "POST" and request.url.endswith("/uploads")


def test_a_reload_while_the_photo_is_looked_at_goes_on_watching(
    rider: RiderPage, samples: dict[str, Path]
) -> None:
    page = rider.page
    page.route("**/uploads/*", lambda route: route.fulfill(json=_view("processing")))
    rider.send(samples["no_face"])
    rider.sees(WATCHING)
    page.reload()
    rider.sees(WATCHING)
    page.unroute("**/uploads/*")
    rider.sees(NO_FACE)
    page.reload()
    rider.sees(NO_FACE)


def test_a_hidden_tab_asks_nothing_and_goes_on_when_it_is_seen(rider: RiderPage) -> None:
    page = rider.page
    page.route("**/uploads/*", lambda route: route.fulfill(json=_view("processing")))
    rider.send()
    rider.sees(WATCHING)
    page.evaluate(_HIDE, True)
    page.wait_for_timeout(1500)  # a question under way is answered, the next delay passes
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(1500)
    assert asked == []
    page.unroute("**/uploads/*")
    page.evaluate(_HIDE, False)
    rider.sees(NO_FACE)


_HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.mark.parametrize(
    ("retry_after", "words"),
    [("720", re.compile(r"You can try again at .*, in 12 minutes\.")), (None, "Please try again later.")],
)
def test_too_many_uploads_say_when_to_try_again(
    rider: RiderPage, retry_after: str | None, words: str | re.Pattern[str]
) -> None:
    body = json.dumps({"Code": "TooManyRequestsError", "Message": "At most 30."})
    headers = {"Retry-After": retry_after} if retry_after else {}
    rider.page.route(
        "**/uploads", lambda route: route.fulfill(status=429, body=body, headers=headers), times=1
    )
    rider.send()
    rider.sees("Your photo did not get through")
    rider.reads(words)
    rider.press("Send it again")
    rider.sees(NO_FACE)


def test_a_service_that_is_down_is_told_with_a_way_back(rider: RiderPage) -> None:
    rider.page.route("**/consent", lambda route: route.fulfill(status=503, body="{}"), times=1)
    rider.open()
    rider.sees("That did not work")
    rider.press("Try again")
    rider.sees(CHOOSE)


@pytest.mark.usefixtures("empty_world")
def test_two_tabs_upload_without_disturbing_each_other(
    new_page: Callable[..., RiderPage], rider: RiderPage, samples: dict[str, Path]
) -> None:
    other = new_page(beside=rider)
    other.open()
    other.sign_in()
    other.sees(CHOOSE)
    rider.send(samples["biden"])
    other.send(samples["no_face"])
    other.sees(NO_FACE)
    rider.page.bring_to_front()  # a hidden tab waits
    rider.sees(ACCEPTED)
    # Erased in one tab: the other, asked again, has nothing to show any more.
    rider.press("Done")
    rider.press("Erase my photo")
    rider.press("Erase it")
    rider.sees(CHOOSE)
    other.page.bring_to_front()
    other.page.reload()
    other.sees("Your photo did not arrive")
    other.press("Try another photo")
    other.sees(CHOOSE)


def _view(status: str) -> dict[str, object]:
    blank = {"reason": None, "message": None, "thumbnailUrl": None, "avatarUrl": None, "appealed": False}
    return blank | {"status": status}
