"""One stack and one Chromium for all browser tests; each test has riders and a profile of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext

from deploy import NoProgress
from local.places import CACHE
from local.samples import ensure_samples
from local.stack import Directories, Stack
from tests.browser.chromium import chromium
from tests.browser.riding import PHONE, RiderPage, ready
from tests.e2e.world import empty

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; without one the tests fail, saying how to install it."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def samples() -> dict[str, Path]:
    """The sample photos by name."""
    return ensure_samples(CACHE)


@pytest.fixture(scope="session")
def stack(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The running stack, started only where there is a browser for it."""
    directory = tmp_path_factory.mktemp("browser-stack")
    with Stack(Directories(data=directory / "data", app=directory / "app"), NoProgress()) as running:
        yield running
        running.check()


@pytest.fixture
def new_page(browser: Browser, stack: Stack) -> Iterator[Callable[..., RiderPage]]:
    """Returns a function that opens a tab for a rider whom no other test knows; `beside` shares a profile.

    The console of each must have stayed without errors, a broken content security policy included.
    """
    contexts: list[BrowserContext] = []
    pages: list[RiderPage] = []

    def open_tab(beside: RiderPage | None = None, **options: Any) -> RiderPage:
        if beside is None:
            contexts.append(
                browser.new_context(**({"viewport": PHONE, "has_touch": True, "is_mobile": True} | options))
            )
            page = contexts[-1].new_page()
            email = f"browser{next(_numbers)}@wildrydes.example"
        else:
            page, email = beside.page.context.new_page(), beside.email
        page.set_default_timeout(10_000)
        pages.append(RiderPage(page, stack, email))
        return pages[-1]

    yield open_tab
    for context in contexts:
        context.close()
    assert [error for page in pages for error in page.errors] == []


@pytest.fixture
def rider(new_page: Callable[..., RiderPage]) -> RiderPage:
    """A rider's phone, signed in and with consent given, before the first photo."""
    return ready(new_page())


@pytest.fixture
def empty_world(stack: Stack) -> None:
    """Nobody holds a face: what earlier tests left is removed."""
    empty(stack)
