"""From the bytes of a JPEG or PNG to upright BGR pixels, refusing what Rekognition would refuse."""

import struct

import cv2
import numpy as np
from numpy.typing import NDArray

from local.rekognition.errors import RekognitionError

Image = NDArray[np.uint8]
"""Pixels of shape (height, width, 3), BGR, upright."""

MIN_SIDE = 80
"""Pixels; Rekognition's limit for both sides."""
MAX_PIXELS = 100_000_000
"""Rekognition does not publish a limit; this one bounds the memory a small file can ask for."""
FULL_DECODE_PIXELS = 25_000_000
"""Above it a JPEG is decoded at a half, a quarter or an eighth: faces are looked for at 640 pixels anyway."""

# Its warnings on damaged files would fill the log; the caller gets an error instead.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JPEG_SIGNATURE = b"\xff\xd8\xff"
_REDUCED = ((2, cv2.IMREAD_REDUCED_COLOR_2), (4, cv2.IMREAD_REDUCED_COLOR_4), (8, cv2.IMREAD_REDUCED_COLOR_8))
_START_OF_SCAN = 0xDA
_END_OF_IMAGE = b"\xff\xd9"


def decode(data: bytes) -> Image:
    """Decode a JPEG or PNG, known by its first bytes, and turn it upright by its EXIF orientation.

    Raises
    ------
    RekognitionError
        InvalidImageFormatException for anything else than a whole JPEG or PNG,
        InvalidParameterException below 80 pixels, ImageTooLargeException above 100 megapixels.
    """
    mode = int(cv2.IMREAD_COLOR)
    if data.startswith(_PNG_SIGNATURE):
        width, height = _png_size(data)
    elif data.startswith(_JPEG_SIGNATURE):
        width, height = _jpeg_size(data)
        for divisor, reduced in _REDUCED:
            if width * height > FULL_DECODE_PIXELS * (divisor // 2) ** 2:
                mode = int(reduced)
    else:
        raise _invalid_format("it is neither a JPEG nor a PNG")
    if min(width, height) < MIN_SIDE:
        raise RekognitionError(
            "InvalidParameterException",
            f"The image is {width} x {height} pixels; both sides need at least {MIN_SIDE}.",
        )
    if width * height > MAX_PIXELS:
        raise RekognitionError(
            "ImageTooLargeException",
            f"The image is {width} x {height} pixels, more than {MAX_PIXELS // 1_000_000} megapixels.",
        )
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    except cv2.error as error:
        raise _invalid_format("its pixels cannot be decoded") from error
    # The stubs promise an image always; OpenCV gives None for what it cannot read.
    if not isinstance(pixels, np.ndarray):
        raise _invalid_format("its pixels cannot be decoded")
    return pixels.astype(np.uint8, copy=False)


def _invalid_format(why: str) -> RekognitionError:
    return RekognitionError("InvalidImageFormatException", f"Request has invalid image format: {why}.")


def _png_size(data: bytes) -> tuple[int, int]:
    if data[12:16] != b"IHDR" or len(data) < 24:
        raise _invalid_format("the PNG has no header")
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Read (width, height) from the frame header, walking the segments, not searching the bytes.

    A file cut off in its scan is refused here: OpenCV would fill the rest with grey.
    """
    size: tuple[int, int] | None = None
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            raise _invalid_format("the JPEG is damaged")
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker == _START_OF_SCAN:
            if size is None or data.rfind(_END_OF_IMAGE, position) < 0:
                break
            return size
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:  # markers without a length
            position += 2
            continue
        (length,) = struct.unpack(">H", data[position + 2 : position + 4])
        if length < 2:
            raise _invalid_format("the JPEG is damaged")
        is_frame = 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)
        if is_frame and size is None and position + 9 <= len(data):
            height, width = struct.unpack(">HH", data[position + 5 : position + 9])
            size = (width, height)
        position += 2 + length
    raise _invalid_format("the JPEG is cut off")
