"""From the bytes of a JPEG or PNG to upright BGR pixels, refusing what Rekognition would refuse."""

import threading
from contextlib import nullcontext

import cv2
import numpy as np
from numpy.typing import NDArray

from local.rekognition import formats
from local.rekognition.errors import RekognitionError

Image = NDArray[np.uint8]
"""Pixels of shape (height, width, 3), BGR, upright."""

MIN_SIDE = 80
"""Pixels; Rekognition's limit for both sides."""
MAX_PIXELS = 100_000_000
"""Rekognition does not publish a limit; this one and the next bound what a small file can ask for."""
MAX_DECODE_BYTES = 400_000_000
"""Memory that decoding one image may take: 66 megapixels of a PNG or a progressive JPEG."""
FULL_DECODE_PIXELS = 25_000_000
"""Above it an image is halved in width and height: faces are looked for at 640 pixels anyway."""

one_large = threading.Lock()
"""Held by what takes more than 80 MB for a moment, so that two engines stay below a gigabyte together."""
_LARGE_BYTES = 80_000_000

# Its warnings on damaged files would fill the log; the caller gets an error instead.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def decode(data: bytes) -> Image:
    """Decode a JPEG or PNG, known by its first bytes, and turn a JPEG upright by its EXIF orientation.

    As with Rekognition, orientation is read in a JPEG alone, and of an animation the one image counts that
    the PNG itself holds.

    Raises
    ------
    RekognitionError
        InvalidImageFormatException for anything else than a whole JPEG or PNG,
        InvalidParameterException below 80 pixels, ImageTooLargeException above 100 megapixels or 400 MB.
    """
    encoded = formats.read(data)
    width, height = encoded.width, encoded.height
    size = f"The image is {width} x {height} pixels"
    if min(width, height) < MIN_SIDE:
        raise RekognitionError("InvalidParameterException", f"{size}; both sides need at least {MIN_SIDE}.")
    if width * height > MAX_PIXELS:
        raise RekognitionError(
            "ImageTooLargeException", f"{size}, more than {MAX_PIXELS // 1_000_000} megapixels."
        )
    halve = width * height > FULL_DECODE_PIXELS
    needed = decode_bytes(encoded)
    if needed > MAX_DECODE_BYTES:
        raise RekognitionError(
            "ImageTooLargeException",
            f"{size}, which takes {needed // 1_000_000} MB to decode; "
            f"up to {MAX_DECODE_BYTES // 1_000_000} MB are spent on one.",
        )
    with one_large if needed > _LARGE_BYTES else nullcontext():
        mode = cv2.IMREAD_REDUCED_COLOR_2 if halve and encoded.shrinks else cv2.IMREAD_COLOR
        pixels = _pixels(encoded.data, int(mode))
        if halve and not encoded.shrinks:
            smaller = (width // 2, height // 2)
            pixels = cv2.resize(pixels, smaller, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return pixels


def decode_bytes(encoded: formats.Encoded) -> int:
    """Return the most memory that decoding takes: buffers and image, then image and OpenCV's copy of it."""
    pixels = encoded.width * encoded.height
    image = 3 * pixels // (4 if pixels > FULL_DECODE_PIXELS and encoded.shrinks else 1)
    return image + max(encoded.buffer_bytes, image)


def _pixels(data: bytes, mode: int) -> Image:
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    except cv2.error as error:
        raise formats.invalid_format("its pixels cannot be decoded") from error
    # The stubs promise an image always; OpenCV gives None for what it cannot read.
    if not isinstance(pixels, np.ndarray):
        raise formats.invalid_format("its pixels cannot be decoded")
    return pixels.astype(np.uint8, copy=False)
