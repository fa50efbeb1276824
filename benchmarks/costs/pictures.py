"""Photos to measure with: as phones make them in size, detail and metadata, and of nobody.

Drawn from noise whose strength falls with its frequency, as in real photos, so that a 12-MP JPEG of quality
90 has the 2 MB that phones store. Kept in .bench/pictures; never in the repository.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.costs.samples import SAMPLES, TINY, Sample

_ORIENTATION: Final = 0x0112
_QUALITY: Final = 90


def ensure_picture(sample: Sample, folder: Path) -> Path:
    """The picture's file, drawn if it isn't there yet."""
    path = sample.path(folder)
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(_draw(*sample.size))
        unfinished = path.with_suffix(".new")
        if sample.extension == "png":
            image.save(unfinished, "PNG")
        else:
            exif = Image.Exif()
            exif[_ORIENTATION] = sample.orientation
            image.save(
                unfinished, "JPEG", quality=_QUALITY, exif=exif, progressive=sample.progressive, subsampling=2
            )
        unfinished.rename(path)
    return path


def _draw(width: int, height: int) -> NDArray[np.uint8]:
    """Octaves of noise, each a little weaker than the one twice as coarse; colours change less than light."""
    rng = np.random.default_rng(width * 100_003 + height)
    picture: Any = np.full((height, width, 3), 120, np.float32)
    strength, cell = 28.0, max(width, height)
    while cell >= 1:
        shape = (height // cell + 2, width // cell + 2)
        for part, channels in ((1.0, 1), (0.3, 3)):
            noise = rng.standard_normal((*shape, channels), np.float32)
            scaled = cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR)
            picture += np.float32(part * strength) * scaled.reshape(height, width, channels)
        strength, cell = strength * 0.83, cell // 2
    return np.clip(picture, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    for wanted in (*SAMPLES, *TINY.values()):
        ensure_picture(wanted, Path(".bench/pictures"))
