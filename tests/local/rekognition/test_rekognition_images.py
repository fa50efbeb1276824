"""Decoding: whole JPEGs and PNGs turned upright, and everything else refused."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image as Pillow

from local.rekognition.errors import RekognitionError
from local.rekognition.images import FULL_DECODE_PIXELS, decode

_RED = (0, 0, 255)


def _picture(width: int, height: int) -> NDArray[np.uint8]:
    """A blue picture (BGR) whose top left quarter is red."""
    picture = np.full((height, width, 3), (255, 0, 0), np.uint8)
    picture[: height // 2, : width // 2] = _RED
    return picture


def _encoded(picture: NDArray[np.uint8] | NDArray[np.uint16], extension: str) -> bytes:
    return cv2.imencode(extension, picture)[1].tobytes()


def _saved(picture: Pillow.Image, kind: str, **options: object) -> bytes:
    target = io.BytesIO()
    picture.save(target, kind, **options)
    return target.getvalue()


def _pillow(width: int, height: int) -> Pillow.Image:
    return Pillow.fromarray(_picture(width, height)[:, :, ::-1])


def _png_claiming(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    end = b"\0\0\0\0IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + end


def _quarter(image: NDArray[np.uint8]) -> list[int]:
    """Colour in the middle of the top left quarter."""
    height, width = image.shape[:2]
    return [round(float(value)) for value in image[height // 4, width // 4]]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(_encoded(_picture(200, 120), ".png"), id="png"),
        pytest.param(_encoded(_picture(200, 120), ".jpg"), id="jpeg"),
        pytest.param(_saved(_pillow(200, 120), "JPEG", progressive=True), id="progressive"),
        pytest.param(_saved(_pillow(200, 120).convert("CMYK"), "JPEG"), id="cmyk"),
        pytest.param(_saved(_pillow(200, 120).convert("P"), "PNG"), id="palette"),
        pytest.param(_saved(_pillow(200, 120).convert("RGBA"), "PNG"), id="alpha"),
        pytest.param(_encoded(_picture(200, 120).astype(np.uint16) * 257, ".png"), id="16-bit"),
    ],
)
def test_each_kind_of_jpeg_and_png_gives_its_pixels_in_8_bit_bgr(data: bytes) -> None:
    image = decode(data)

    assert image.shape == (120, 200, 3)
    assert image.dtype == np.uint8
    assert np.allclose(_quarter(image), _RED, atol=12)


def test_a_grey_photo_becomes_three_channels() -> None:
    assert decode(_saved(_pillow(200, 120).convert("L"), "JPEG")).shape == (120, 200, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_turned_upright(orientation: int) -> None:
    undo = {
        2: Pillow.Transpose.FLIP_LEFT_RIGHT,
        3: Pillow.Transpose.ROTATE_180,
        4: Pillow.Transpose.FLIP_TOP_BOTTOM,
        5: Pillow.Transpose.TRANSPOSE,
        6: Pillow.Transpose.ROTATE_90,
        7: Pillow.Transpose.TRANSVERSE,
        8: Pillow.Transpose.ROTATE_270,
    }
    stored = _pillow(200, 120)
    if orientation in undo:
        stored = stored.transpose(undo[orientation])
    exif = Pillow.Exif()
    exif[0x0112] = orientation

    image = decode(_saved(stored, "JPEG", exif=exif, quality=95))

    assert image.shape == (120, 200, 3)
    assert np.allclose(_quarter(image), _RED, atol=12)


def test_a_very_large_jpeg_is_decoded_smaller() -> None:
    side = int(FULL_DECODE_PIXELS**0.5) + 200

    image = decode(_encoded(_picture(side, side), ".jpg"))

    assert image.shape == ((side + 1) // 2, (side + 1) // 2, 3)
    assert np.allclose(_quarter(image), _RED, atol=12)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(b"", "InvalidImageFormatException", id="empty"),
        pytest.param(b"\xff\xd8\xff", "InvalidImageFormatException", id="jpeg-signature"),
        pytest.param(b"\x89PNG\r\n\x1a\n", "InvalidImageFormatException", id="png-signature"),
        pytest.param(b"This is text", "InvalidImageFormatException", id="text"),
        pytest.param(_saved(_pillow(200, 120), "GIF"), "InvalidImageFormatException", id="gif"),
        pytest.param(_saved(_pillow(200, 120), "WEBP"), "InvalidImageFormatException", id="webp"),
        pytest.param(
            _encoded(_picture(200, 120), ".jpg")[:-300], "InvalidImageFormatException", id="cut-jpeg"
        ),
        pytest.param(_encoded(_picture(200, 120), ".png")[:60], "InvalidImageFormatException", id="cut-png"),
        pytest.param(_png_claiming(200, 120), "InvalidImageFormatException", id="png-header-only"),
        pytest.param(_png_claiming(60_000, 60_000), "ImageTooLargeException", id="png-bomb"),
        pytest.param(_encoded(_picture(79, 200), ".png"), "InvalidParameterException", id="too-narrow"),
        pytest.param(_encoded(_picture(200, 79), ".jpg"), "InvalidParameterException", id="too-low"),
    ],
)
def test_what_cannot_be_used_is_refused_under_rekognitions_name(data: bytes, code: str) -> None:
    with pytest.raises(RekognitionError) as refused:
        decode(data)

    assert refused.value.code == code


def test_a_jpeg_that_claims_more_than_100_megapixels_is_refused_before_it_is_decoded() -> None:
    data = bytearray(_encoded(_picture(200, 120), ".jpg"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 60_000, 60_000)

    with pytest.raises(RekognitionError, match="60000 x 60000 pixels"):
        decode(bytes(data))


_WHOLE = [_encoded(_picture(200, 120), ".jpg"), _encoded(_picture(200, 120), ".png")]


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    data=st.sampled_from(_WHOLE),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=20),
    cut=st.integers(0, 400),
)
def test_damaged_files_give_an_image_or_one_of_rekognitions_errors(
    data: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    damaged = bytearray(data[: len(data) - cut])
    for position, value in changes:
        damaged[position % len(damaged)] = value

    outcome: str | tuple[int, ...]
    try:
        outcome = decode(bytes(damaged)).shape
    except RekognitionError as error:
        outcome = error.code

    if isinstance(outcome, str):
        assert outcome in (
            "InvalidImageFormatException",
            "InvalidParameterException",
            "ImageTooLargeException",
        )
    else:
        assert len(outcome) == 3
        assert min(outcome[:2]) >= 80
