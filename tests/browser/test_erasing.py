"""While an erasure is under way: it can't be called back, and the page says nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.browser.riding import CHOOSE, LIVE, RiderPage
from tests.browser.states import Answers, answer_as_told, pretend_signed_in


class Erasure:
    """A rider's page, on which a press has begun an erasure that the API has not answered yet."""

    def __init__(self, tab: RiderPage) -> None:
        self.tab = tab
        self._answers = Answers(has_photo=True)
        self._asked: list[Route] = []
        answer_as_told(tab, self._answers)
        tab.page.route(f"{tab.stack.endpoints.api_url}/photo", self._hold)
        pretend_signed_in(tab.page)
        tab.open()
        tab.sees(LIVE)
        tab.press("Erase my photo")
        with tab.page.expect_request(lambda request: request.method == "DELETE"):
            tab.press("Erase it")

    def _hold(self, route: Route) -> None:
        if route.request.method == "DELETE":
            self._asked.append(route)
        else:
            route.fallback()

    @property
    def dialog(self) -> Locator:
        return self.tab.page.get_by_role("dialog")

    def is_done(self) -> None:
        """Let the API answer that the photo is erased."""
        self._answers.has_photo = False
        (asked,) = self._asked
        asked.fulfill(status=204)

    def fails(self, status: int) -> None:
        """Let the API answer that it did not get to the end."""
        (asked,) = self._asked
        asked.fulfill(status=status, body="{}")


@pytest.fixture
def erasure(new_page: Callable[..., RiderPage]) -> Erasure:
    return Erasure(new_page())


def keep_it(erasure: Erasure) -> None:
    """Press it all the same; Playwright by itself would wait until it may be pressed."""
    erasure.dialog.get_by_role("button", name="Keep it").click(force=True)


def escape(erasure: Erasure) -> None:
    """Chromium lets a page refuse one Escape, and not a second one without a press in between."""
    for _ in range(3):
        erasure.tab.page.keyboard.press("Escape")


def go_elsewhere(erasure: Erasure) -> None:
    erasure.tab.page.evaluate("location.hash = '#/privacy'")
    expect(erasure.tab.page).to_have_title("Privacy · Wild Rydes")


def go_back(erasure: Erasure) -> None:
    """As a phone's back button does, which leads out of the page only from its first address."""
    erasure.tab.page.evaluate("history.replaceState(null, '', '#/privacy'); location.hash = '#/'")
    erasure.tab.page.evaluate("history.back()")
    expect(erasure.tab.page).to_have_title("Privacy · Wild Rydes")


def test_an_erasure_under_way_is_told_and_its_buttons_wait(erasure: Erasure) -> None:
    expect(erasure.dialog.get_by_role("status")).to_have_text("Erasing your photo. This takes a few seconds.")
    for name in ("Keep it", "Erase it"):
        expect(erasure.dialog.get_by_role("button", name=name)).to_be_disabled()
    expect(erasure.dialog.get_by_role("button", name="Erase it")).to_be_focused()


LEAVING = [keep_it, escape, go_elsewhere, go_back]


@pytest.mark.parametrize("leave", LEAVING)
def test_an_erasure_under_way_cannot_be_left_and_ends_without_the_photo(
    erasure: Erasure, leave: Callable[[Erasure], None]
) -> None:
    tab = erasure.tab
    leave(erasure)
    tab.page.wait_for_timeout(300)
    expect(erasure.dialog).to_be_visible()
    erasure.is_done()
    tab.sees(CHOOSE)
    tab.reads("Your photo is erased")
    expect(erasure.dialog).to_have_count(0)
    assert tab.page.evaluate("location.hash") in {"", "#/"}


def test_an_erasure_that_fails_says_so_and_may_be_left_or_repeated(erasure: Erasure) -> None:
    erasure.fails(503)
    expect(erasure.dialog.get_by_role("alert")).to_have_text(
        "Something went wrong on our side. Please try again in a moment."
    )
    expect(erasure.dialog.get_by_role("status")).to_be_empty()
    for name in ("Keep it", "Erase it"):
        expect(erasure.dialog.get_by_role("button", name=name)).to_be_enabled()
    erasure.tab.press("Keep it")
    expect(erasure.dialog).to_have_count(0)
    expect(erasure.tab.page.get_by_role("button", name="Erase my photo")).to_be_focused()


def test_a_session_that_ends_meanwhile_leads_to_the_sign_in_and_leaves_no_dialog(erasure: Erasure) -> None:
    tab = erasure.tab
    tab.page.evaluate("sessionStorage.clear()")
    erasure.fails(401)
    tab.sees("Sign in")
    tab.reads("You are signed out. Please sign in again to go on.")
    expect(erasure.dialog).to_have_count(0)
