"""Real pictures, made by Pillow, that name the people on them for FakeRekognition."""

from __future__ import annotations

import functools
import io
from typing import Any

from PIL import Image


def encoded(image: Image.Image, file_format: str = "JPEG", **options: Any) -> bytes:
    """A picture as a file."""
    output = io.BytesIO()
    image.save(output, file_format, **options)
    return output.getvalue()


@functools.cache
def photo(
    *people: str, size: tuple[int, int] = (640, 480), file_format: str = "JPEG", nonce: int = 0
) -> bytes:
    """A photo of these people: a plain picture whose file ends with their names.

    Parameters
    ----------
    nonce
        Photos of the same people with another number are different files.
    """
    picture = Image.new("RGB", size, (nonce % 256, 120, 90))
    return encoded(picture, file_format) + b"".join(b"person:%s;" % name.encode() for name in people)
