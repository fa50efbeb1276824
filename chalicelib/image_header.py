"""What the first bytes of a file say about it: its format and, as a rule, its size in pixels.

Pure Python: the check before Rekognition needs no image library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Start-of-frame markers: 0xC0-0xCF, but for DHT (C4), JPG (C8) and DAC (CC). ITU-T T.81, table B.1.
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD8)})


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Format and stored size (before any EXIF turn) in pixels; the size is None if these bytes don't tell."""

    format: Literal["JPEG", "PNG"]
    width: int | None = None
    height: int | None = None


def read_image_header(first_bytes: bytes) -> ImageHeader | None:
    """Read a header, or return None if the bytes begin neither a JPEG nor a PNG file.

    Parameters
    ----------
    first_bytes
        The beginning of the file; 64 KiB hold the size of nearly every photo.
    """
    if first_bytes.startswith(_PNG_SIGNATURE):
        if len(first_bytes) >= 24 and first_bytes[12:16] == b"IHDR":
            width = int.from_bytes(first_bytes[16:20], "big")
            height = int.from_bytes(first_bytes[20:24], "big")
            return ImageHeader("PNG", width, height)
        return ImageHeader("PNG")
    if first_bytes.startswith(b"\xff\xd8\xff"):
        return _read_jpeg(first_bytes)
    return None


def _read_jpeg(first_bytes: bytes) -> ImageHeader:
    position = 2
    while position + 4 <= len(first_bytes) and first_bytes[position] == 0xFF:
        marker = first_bytes[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
        elif marker in _WITHOUT_LENGTH:
            position += 2
        elif marker in _START_OF_FRAME:
            if position + 9 > len(first_bytes):
                break
            height = int.from_bytes(first_bytes[position + 5 : position + 7], "big")
            width = int.from_bytes(first_bytes[position + 7 : position + 9], "big")
            return ImageHeader("JPEG", width, height)
        else:
            position += 2 + int.from_bytes(first_bytes[position + 2 : position + 4], "big")
    return ImageHeader("JPEG")
