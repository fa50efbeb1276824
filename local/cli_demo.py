"""`python -m local demo`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from local import demo as demos
from local.demo_photos import DemoPhoto, own_photos, story
from local.demo_report import print_report
from local.display import Display, make_console
from local.memory import PeakMemory
from local.places import CACHE, scratch_directory
from local.stack import Directories, Stack


def demo(paths: Sequence[Path], *, as_json: bool, keep: Path | None) -> int:
    """Show what becomes of photos, on a stack of its own that is gone afterwards.

    Parameters
    ----------
    paths
        Photos and folders of the person; none for the demo's own story.
    as_json
        Print an object a photo as soon as it is known, and nothing else on standard output.
    keep
        Where to copy the thumbnails.

    Returns
    -------
    int
        0 if every photo ended as it should; a person's own should only not fail.
    """
    begin = time.monotonic()
    photos = own_photos(paths) if paths else None
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
    outcomes: list[demos.Outcome] = []
    with scratch_directory() as scratch, PeakMemory() as memory, Display() as display:
        if photos is None:
            display.step("Preparing the sample photos")
            photos = story(CACHE, display.detail)
        with Stack(Directories(data=scratch / "data", app=scratch / "app"), display) as stack:

            def announce(photo: DemoPhoto) -> None:
                count = f"{len(outcomes) + 1} of {len(photos)}"
                display.step(f"{photo.path.name} by rider{photo.rider} ({count})")

            for _, outcome in demos.run(stack, photos, announce):
                outcomes.append(outcome)
                if as_json:
                    print(json.dumps(outcome.as_json()), flush=True)
            result = demos.collect(stack, photos, outcomes)
            if keep is not None:
                display.step(f"Copying the thumbnails to {keep}")
                demos.keep_thumbnails(stack, outcomes, keep)
            display.step("Ending everything")
    if not as_json:
        print_report(result, make_console(sys.stdout))
    differences = result.differences()
    screen = display.console if as_json else make_console(sys.stdout)
    for difference in differences:
        screen.print(f"[red]✗[/] {escape(difference)}")
    told = "as expected" if not paths else "with an outcome"
    screen.print(
        f"\n{len(photos) - len(differences)} of {len(photos)} photos {told}, "
        f"{time.monotonic() - begin:.0f} s in all, {memory.peak / 2**20:,.0f} MB of memory at most."
    )
    return 1 if differences else 0
