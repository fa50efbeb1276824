"""Pictures of the console of a running stack: each view, light and dark, on a desktop and on a phone.

`python -m tests.browser.console_screenshots FOLDER [URL]` takes them of `make local`'s console.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page

from local.places import ENDPOINTS
from tests.browser.chromium import chromium

VIEWS = {
    "now": "",
    "executions": "executions",
    "uploads": "uploads",
    "riders": "riders",
    "faces": "faces",
    "mailbox": "mails",
    "dead-letters": "letters",
}
_SIZES = {"desktop": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}


def shown(page: Page, url: str, view: str) -> None:
    """Go to a view, and wait until it is there with what it has asked for."""
    page.goto(f"{url}#/{view}")
    page.wait_for_selector("main > *")
    page.wait_for_selector("main:not([aria-busy])")
    page.wait_for_selector("#connection.good")
    page.wait_for_function(
        "[...document.images].every((image) => image.complete || image.loading === 'lazy')"
    )


def screenshots(browser: Browser, url: str, folder: Path) -> list[Path]:
    """Take them all, and return the files.

    Parameters
    ----------
    url
        Of the console, as `make local` prints it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    for scheme in ("light", "dark"):
        for size, viewport in _SIZES.items():
            context = browser.new_context(viewport=viewport, color_scheme=scheme)
            page = context.new_page()
            views = VIEWS | _one_of_each(page, url)
            for name, view in views.items():
                shown(page, url, view)
                # The first look of the feed redraws what counts.
                page.wait_for_timeout(900)
                file = folder / f"console-{name}-{size}-{scheme}.png"
                page.screenshot(path=file, full_page=True)
                taken.append(file)
            context.close()
    return taken


def _one_of_each(page: Page, url: str) -> dict[str, str]:
    """The newest execution of each ending, as views."""
    page.goto(url)
    found: dict[str, str] = {}
    listed = page.evaluate("fetch('/api/executions').then((answer) => answer.json())")
    for execution in listed["executions"]:
        ending = execution["outcome"] or execution["status"].lower()
        found.setdefault(f"execution-{ending}", f"execution?name={execution['name']}")
    return found


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    console = sys.argv[2] if len(sys.argv) > 2 else json.loads(ENDPOINTS.read_text())["consoleUrl"]
    with chromium() as started:
        for path in screenshots(started, console, Path(sys.argv[1])):
            print(path)
