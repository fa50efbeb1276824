"""Pictures without anybody in them: drawn faces, and files that are not what they say."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

# Served in the place of a thumbnail.
FACE_SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="300" height="300" viewBox="0 0 80 80">
<rect width="80" height="80" fill="#cfe4ff"/><path d="M10 80c2-18 14-22 30-22s28 4 30 22z" fill="#8d63d8"/>
<rect x="34" y="48" width="12" height="14" rx="5" fill="#d69c70"/>
<ellipse cx="40" cy="36" rx="17" ry="20" fill="#e8b48a"/>
<path d="M22 36c-3-19 6-27 18-27s21 8 18 27c-3-10-8-14-18-14s-15 4-18 14z" fill="#5b3a29"/>
<circle cx="33" cy="36" r="2" fill="#33204f"/><circle cx="47" cy="36" r="2" fill="#33204f"/>
<path d="M33 46q7 6 14 0" fill="none" stroke="#33204f" stroke-width="2" stroke-linecap="round"/></svg>"""


def landscape(width: int = 1200, height: int = 900) -> bytes:
    """A JPEG of hills, small in bytes."""
    rows = np.linspace(0, 1, height)[:, None, None]
    picture = (1 - rows) * np.array([120, 90, 200]) + rows * np.array([255, 190, 140])
    return _jpeg(np.broadcast_to(picture, (height, width, 3)).astype(np.uint8), quality=80)


def noise(width: int, height: int, *, exif: bytes = b"") -> bytes:
    """A JPEG that hardly compresses: as large as a photo can be; the upper half is darker."""
    picture = np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)
    picture[: height // 2] //= 2
    return _jpeg(picture, quality=97, exif=exif)


def lying(width: int, height: int) -> bytes:
    """A JPEG with an orientation by which it must be turned clockwise to be seen upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return noise(width, height, exif=exif.tobytes())


def webp_landscape() -> bytes:
    """The landscape as a WebP."""
    target = io.BytesIO()
    with Image.open(io.BytesIO(landscape())) as picture:
        picture.save(target, "WEBP")
    return target.getvalue()


def heic() -> bytes:
    """The start of a HEIC file, which Chromium can't read."""
    return b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(2000)


def _jpeg(picture: np.ndarray, *, quality: int, exif: bytes = b"") -> bytes:
    target = io.BytesIO()
    Image.fromarray(picture).save(target, "JPEG", quality=quality, exif=exif, subsampling=0)
    return target.getvalue()
