"""What a JPEG or PNG says of itself, read before it is decoded: its size, and what decoding it costs."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from local.rekognition.errors import RekognitionError

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER = struct.Struct(">II5B")
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PNG_OVERHEAD_BYTES = 12
# All that pixels depend on. Animation, orientation, profiles and texts are left out: Rekognition reads
# none of them in a PNG, and each is a decoder of its own that a bad file could mislead.
_PNG_NEEDED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
# Measured with OpenCV 5: the image, and the copy that its decoder works on.
_PNG_BYTES_PER_PIXEL = 6

_JPEG_SIGNATURE = b"\xff\xd8\xff"
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_JPEG_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_JPEG_START_OF_SCAN = 0xDA
_JPEG_BITS = 8
_JPEG_COEFFICIENT_BYTES = 2
_SCAN_OR_END = re.compile(rb"\xff([\xd9\xda])")
MOST_SCANS = 64
"""Scans of a JPEG. Encoders write about ten; each is a pass over the whole image, however small it is."""


@dataclass(frozen=True)
class Encoded:
    """An image file whose structure is whole.

    Attributes
    ----------
    data
        What to give to the decoder.
    width, height
        Pixels, as stored.
    buffer_bytes
        What the decoder needs beside the image that it returns.
    shrinks
        Whether the decoder can return it at half its width and height.
    """

    data: bytes
    width: int
    height: int
    buffer_bytes: int
    shrinks: bool


def read(data: bytes) -> Encoded:
    """Read what a file is by its first bytes, and walk its structure to the end.

    Raises
    ------
    RekognitionError
        InvalidImageFormatException unless it is a whole JPEG or PNG.
    """
    if data.startswith(_PNG_SIGNATURE):
        return _read_png(data)
    if data.startswith(_JPEG_SIGNATURE):
        return _read_jpeg(data)
    raise invalid_format("it is neither a JPEG nor a PNG")


def invalid_format(why: str) -> RekognitionError:
    """Return the error for a file that is no image which can be read."""
    return RekognitionError("InvalidImageFormatException", f"Request has invalid image format: {why}.")


def _read_png(data: bytes) -> Encoded:
    parts = [_PNG_SIGNATURE]
    size: tuple[int, int] | None = None
    for kind, chunk in _png_chunks(data):
        if (kind == b"IHDR") != (size is None):
            raise invalid_format("the PNG is damaged")
        if size is None:
            if len(chunk) != _PNG_HEADER.size + _PNG_OVERHEAD_BYTES:
                raise invalid_format("the PNG has no header")
            width, height, _, colour, *_ = _PNG_HEADER.unpack_from(chunk, 8)
            if colour not in _PNG_CHANNELS:
                raise invalid_format("the PNG has no kind of colour that there is")
            size = (width, height)
        if kind in _PNG_NEEDED:
            parts.append(chunk)
    if size is None:
        raise invalid_format("the PNG has no header")
    buffer_bytes = size[0] * size[1] * (_PNG_BYTES_PER_PIXEL - 3)
    return Encoded(b"".join(parts), size[0], size[1], buffer_bytes, shrinks=False)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and bytes of each chunk up to the last, IEND."""
    position = len(_PNG_SIGNATURE)
    while position + _PNG_OVERHEAD_BYTES <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + length + _PNG_OVERHEAD_BYTES
        if end > len(data):
            break
        yield kind, data[position:end]
        if kind == b"IEND":
            return
        position = end
    raise invalid_format("the PNG is cut off")


def _read_jpeg(data: bytes) -> Encoded:
    """Walk the segments up to the first scan, then count the scans up to the end of the image.

    A file cut off in a scan is refused here: OpenCV would fill the rest with grey.
    """
    frame: tuple[int, int, int, bool] | None = None
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            raise invalid_format("the JPEG is damaged")
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
        elif marker in _JPEG_WITHOUT_LENGTH:
            position += 2
        elif marker == _JPEG_START_OF_SCAN:
            if frame is None:
                break
            return _jpeg_of(data, frame, _count_scans(data, position))
        else:
            (length,) = struct.unpack_from(">H", data, position + 2)
            segment = data[position + 4 : position + 2 + length]
            if length < 2 or (marker in _JPEG_FRAMES and frame is not None):
                raise invalid_format("the JPEG is damaged")
            if marker in _JPEG_FRAMES:
                frame = (*_jpeg_frame(segment), marker in _JPEG_PROGRESSIVE)
            position += 2 + length
    raise invalid_format("the JPEG is cut off")


def _jpeg_frame(segment: bytes) -> tuple[int, int, int]:
    """Return width, height, and how many samples all components have together."""
    if len(segment) < 6 or len(segment) < 6 + 3 * segment[5]:
        raise invalid_format("the JPEG is damaged")
    bits, height, width, components = struct.unpack_from(">BHHB", segment)
    if bits != _JPEG_BITS:
        raise invalid_format(f"the JPEG has {bits} bits a sample, not {_JPEG_BITS}")
    factors = [divmod(segment[7 + 3 * number], 16) for number in range(components)]
    if not factors or min(min(factor) for factor in factors) < 1:
        raise invalid_format("the JPEG is damaged")
    most_across, most_down = (max(axis) for axis in zip(*factors, strict=True))
    samples = sum(across * down for across, down in factors) * width * height // (most_across * most_down)
    return width, height, samples


def _count_scans(data: bytes, start: int) -> int:
    for scans, found in enumerate(_SCAN_OR_END.finditer(data, start)):
        if found[1] == b"\xd9":
            return scans
        if scans == MOST_SCANS:
            raise invalid_format(f"the JPEG has more than {MOST_SCANS} scans")
    raise invalid_format("the JPEG is cut off")


def _jpeg_of(data: bytes, frame: tuple[int, int, int, bool], scans: int) -> Encoded:
    width, height, samples, progressive = frame
    # With several scans the decoder keeps the coefficients of the whole image, whatever size it returns.
    coefficients = samples * _JPEG_COEFFICIENT_BYTES if progressive or scans > 1 else 0
    return Encoded(data, width, height, coefficients, shrinks=True)
