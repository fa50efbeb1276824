"""Make the small pictures of a photo in this process, and print processor seconds and the peak in MB.

    python -m benchmarks.costs.programs.picture (step|whole) TINY PHOTO

`step` is the app's own; `whole` is Pillow as a first attempt uses it: the photo decoded whole, turned, and
resized. The tiny picture goes first, so that imports and codecs are there and the start isn't counted.
"""

from __future__ import annotations

import io
import resource
import sys
import time
from pathlib import Path

from benchmarks.costs.samples import BOX, SELFIE


def step(content: bytes) -> None:
    """The app's thumbnail and avatar."""
    from chalicelib.rendering import render
    from chalicelib.rules import PhotoRules

    render(content, BOX, SELFIE, PhotoRules(min_image_side=1))


def whole(content: bytes) -> None:
    """Both pictures from the photo decoded whole."""
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(content)) as photo:
        upright = ImageOps.exif_transpose(photo)
    left, top = SELFIE["Left"] * upright.width, SELFIE["Top"] * upright.height
    right, bottom = left + SELFIE["Width"] * upright.width, top + SELFIE["Height"] * upright.height
    avatar = upright.resize((256, 256), Image.Resampling.LANCZOS, box=(left, top, right, bottom))
    factor = min(BOX[0] / upright.width, BOX[1] / upright.height)
    size = (max(1, round(upright.width * factor)), max(1, round(upright.height * factor)))
    for small in (upright.resize(size, Image.Resampling.LANCZOS), avatar):
        small.convert("RGB").save(io.BytesIO(), "JPEG", quality=85)


def peak_megabytes() -> float:
    """The most memory of this process; Linux's ru_maxrss would count its parent's too."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main(how: str, tiny: Path, photo: Path) -> None:
    """Do the work once for the tiny picture and once, measured, for the photo."""
    work = {"step": step, "whole": whole}[how]
    work(tiny.read_bytes())
    begin = time.process_time()
    work(photo.read_bytes())
    print(time.process_time() - begin, peak_megabytes())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
