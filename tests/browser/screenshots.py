"""Pictures of each state of the page, each mail and the console.

`python -m tests.browser.screenshots [STATE…]` takes those of some states of the page alone.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, Page, ViewportSize

from deploy import NoProgress
from local.console import Console
from local.places import PROJECT, scratch_directory
from local.stack import Directories, Stack
from tests.browser.chromium import ChromiumMissingError, chromium
from tests.browser.console_screenshots import screenshots
from tests.browser.console_world import world
from tests.browser.riding import PHONE, RiderPage
from tests.browser.states import STATES
from tests.every_mail import every_mail

FOLDER = PROJECT / ".bench" / "screenshots"
_SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
_SCREENS = {
    "phone": {"viewport": PHONE, "has_touch": True, "is_mobile": True, "device_scale_factor": 2},
    "desktop": {"viewport": {"width": 1280, "height": 800}},
}


def show_all_of(page: Page) -> None:
    """Make the screen as high as the page: a picture of the full page would be taken as with a mouse."""
    size = page.viewport_size
    assert size is not None
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size(ViewportSize(width=size["width"], height=max(size["height"], height)))


def of_page(browser: Browser, folder: Path, names: list[str]) -> int:
    """Write a picture of each state of the page, on phone and desktop, light and dark; how many they are."""
    with (
        scratch_directory() as scratch,
        Stack(Directories(data=scratch / "data", app=scratch / "app"), NoProgress()) as stack,
    ):
        for name in names:
            for screen, options in _SCREENS.items():
                context = browser.new_context(**options, reduced_motion="reduce")
                tab = RiderPage(context.new_page(), stack, "rider@wildrydes.example")
                STATES[name](tab)
                show_all_of(tab.page)
                for scheme in _SCHEMES:
                    tab.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                    tab.page.screenshot(path=folder / f"page-{name}-{screen}-{scheme}.png")
                context.close()
    return len(names) * len(_SCREENS) * len(_SCHEMES)


def of_mails(browser: Browser, folder: Path) -> int:
    """Write a picture of each mail as a phone shows it, light and dark; how many they are."""
    mails = every_mail(page_url="https://photos.wildrydes.example/")
    context = browser.new_context(viewport=PHONE)
    page = context.new_page()
    for name, html in mails.items():
        page.set_content(html)
        for scheme in _SCHEMES:
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=folder / f"mail-{name}-{scheme}.png", full_page=True)
    context.close()
    return len(mails) * len(_SCHEMES)


def of_console(browser: Browser, folder: Path) -> int:
    """Write a picture of each view of the console; how many they are."""
    with scratch_directory() as scratch, world(scratch) as made, Console(made.places) as console:
        return len(screenshots(browser, console.url, folder))


def main() -> int:
    names = sys.argv[1:] or list(STATES)
    unknown = [name for name in names if name not in STATES]
    if unknown:
        print(f"There is no state {unknown[0]}; the states are: {', '.join(STATES)}", file=sys.stderr)
        return 2
    try:
        FOLDER.mkdir(parents=True, exist_ok=True)
        with chromium() as browser:
            written = of_page(browser, FOLDER, names)
            if not sys.argv[1:]:
                written += of_mails(browser, FOLDER) + of_console(browser, FOLDER)
    except ChromiumMissingError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{written} screenshots are in {FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
