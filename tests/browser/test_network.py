"""Lost, slow and refused connections in the middle of an upload, and reloads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Request, expect

from tests.browser.drawn import noise
from tests.browser.riding import ACCEPTED, CHOOSE, SENDING, WATCHING, RiderPage

NO_FACE = "We could not find a face"


def slow_down(tab: RiderPage, bytes_a_second: int) -> Callable[[bool], None]:
    """Slow the uploads of a tab down; the function given back goes offline and online."""
    session = tab.page.context.new_cdp_session(tab.page)

    def set_conditions(offline: bool) -> None:
        session.send(
            "Network.emulateNetworkConditions",
            {"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_a_second},
        )

    set_conditions(False)
    return set_conditions


def test_offline_in_the_middle_of_an_upload_is_told_and_it_goes_on_by_itself(rider: RiderPage) -> None:
    go_offline = slow_down(rider, 400_000)
    rider.send(noise(1000, 800))
    rider.sees(SENDING)
    rider.reads(re.compile(r"of \d+\.\d MB · (?!0 %)\d+ % sent"))
    go_offline(True)
    rider.reads("The connection is gone. We go on as soon as it is back")
    slow_down(rider, -1)(False)
    rider.sees(NO_FACE)


def test_offline_while_the_photo_is_looked_at_is_told_and_it_goes_on(rider: RiderPage) -> None:
    page = rider.page
    page.route("**/uploads/*", lambda route: route.fulfill(json=_view("processing")))
    rider.send()
    rider.sees(WATCHING)
    page.context.set_offline(True)
    rider.reads("No connection at the moment. Your photo is safe with us")
    page.unroute("**/uploads/*")
    page.context.set_offline(False)
    rider.sees(NO_FACE)


def test_a_slow_upload_shows_its_progress_and_can_be_cancelled(rider: RiderPage) -> None:
    slow_down(rider, 150_000)
    rider.send(noise(1000, 800))
    rider.sees(SENDING)
    bar = rider.page.get_by_role("progressbar", name="Upload progress")
    expect(bar).to_have_attribute("value", re.compile("[1-9]"))
    rider.press("Cancel")
    rider.sees(CHOOSE)
    rider.reads("Cancelled. Your photo was not used.")


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


def test_two_tabs_upload_without_disturbing_each_other(
    new_page: Callable[..., RiderPage], rider: RiderPage, samples: dict[str, Path]
) -> None:
    other = new_page(beside=rider)
    other.open()
    other.sign_in()
    other.sees(CHOOSE)
    rider.send(samples["biden"])
    other.send(samples["no_face"])
    rider.sees(ACCEPTED)
    other.sees(NO_FACE)
    # Erased in one tab: the other, asked again, has nothing to show any more.
    rider.press("Done")
    rider.press("Erase my photo")
    rider.press("Erase it")
    rider.sees(CHOOSE)
    other.page.reload()
    other.sees("Your photo did not arrive")
    other.press("Try another photo")
    other.sees(CHOOSE)


def _view(status: str) -> dict[str, object]:
    blank = {"reason": None, "message": None, "thumbnailUrl": None, "avatarUrl": None, "appealed": False}
    return blank | {"status": status}
