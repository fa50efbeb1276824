"""Chromium as Debian packages it, driven by Playwright; no browser is downloaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

# The first is Chromium without the parts that show windows: the same pages in half of the time.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_FLAGS = (
    # It asks nobody for updates, and tells nobody anything.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--no-first-run",
    # A container's /dev/shm is small.
    "--disable-dev-shm-usage",
)


class ChromiumMissingError(Exception):
    """There is no Chromium on this machine."""

    def __init__(self) -> None:
        super().__init__(
            "The browser tests need Chromium, and none is installed. "
            "Debian: sudo apt install chromium-headless-shell, or chromium, with which they take longer. "
            "Elsewhere: put a chromium or google-chrome onto PATH, or its path into CHROMIUM."
        )


def executable() -> str:
    """Chromium's path: the variable CHROMIUM, else the first on PATH.

    Raises
    ------
    ChromiumMissingError
        Saying how to install it.
    """
    named = os.environ.get("CHROMIUM")
    found = named or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None or shutil.which(found) is None:
        raise ChromiumMissingError
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running Chromium without a window."""
    # As root there is no sandbox to be had.
    flags = [*_FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    path = executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        try:
            yield browser
        finally:
            browser.close()
