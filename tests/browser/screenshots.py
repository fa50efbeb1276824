"""Pictures of each state of the page: `python -m tests.browser.screenshots [STATE…]`."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Page, ViewportSize

from deploy import NoProgress
from local.places import PROJECT, scratch_directory
from local.stack import Directories, Stack
from tests.browser.chromium import ChromiumMissingError, chromium
from tests.browser.riding import PHONE, RiderPage
from tests.browser.states import STATES

FOLDER = PROJECT / ".bench" / "screenshots"
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


def take(folder: Path, names: list[str]) -> int:
    """Write a picture of each state, on phone and desktop, light and dark."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        scratch_directory() as scratch,
        Stack(Directories(data=scratch / "data", app=scratch / "app"), NoProgress()) as stack,
        chromium() as browser,
    ):
        for name in names:
            for screen, options in _SCREENS.items():
                context = browser.new_context(**options, reduced_motion="reduce")
                tab = RiderPage(context.new_page(), stack, "rider@wildrydes.example")
                STATES[name](tab)
                show_all_of(tab.page)
                for scheme in ("light", "dark"):
                    tab.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                    tab.page.screenshot(path=folder / f"page-{name}-{screen}-{scheme}.png")
                context.close()
    return len(names) * len(_SCREENS) * 2


def main() -> int:
    names = sys.argv[1:] or list(STATES)
    unknown = [name for name in names if name not in STATES]
    if unknown:
        print(f"There is no state {unknown[0]}; the states are: {', '.join(STATES)}", file=sys.stderr)
        return 2
    try:
        written = take(FOLDER, names)
    except ChromiumMissingError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{written} screenshots are in {FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
