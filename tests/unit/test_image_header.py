from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from chalicelib.image_header import ImageHeader, read_image_header
from tests.fakes import encoded

SIZE = (321, 123)
PICTURE = Image.effect_noise(SIZE, 60)
JPEG = encoded(PICTURE)
PNG = encoded(PICTURE, "PNG")


def with_application_segments(jpeg: bytes, size: int) -> bytes:
    """The JPEG with so many bytes of APP2 segments before its frame header."""
    segments = b""
    while len(segments) < size:
        segments += b"\xff\xe2" + (65533).to_bytes(2, "big") + bytes(65531)
    return jpeg[:2] + segments + jpeg[2:]


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True, "quality": 30}])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpegs_size_is_read(mode: str, options: dict[str, object]) -> None:
    assert read_image_header(encoded(PICTURE.convert(mode), **options)) == ImageHeader("JPEG", *SIZE)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "I;16"])
def test_a_pngs_size_is_read(mode: str) -> None:
    picture = Image.new(mode, SIZE)
    assert read_image_header(encoded(picture, "PNG")) == ImageHeader("PNG", *SIZE)


def test_exif_data_before_the_frame_is_skipped() -> None:
    exif = Image.Exif()
    exif[0x010E] = "x" * 60_000
    jpeg = encoded(PICTURE, exif=exif)
    assert jpeg.index(b"Exif") < 100
    assert read_image_header(jpeg) == ImageHeader("JPEG", *SIZE)


def test_a_size_behind_more_than_64_kib_of_metadata_is_unknown_in_the_first_64_kib() -> None:
    jpeg = with_application_segments(JPEG, 100_000)
    assert read_image_header(jpeg[: 64 * 1024]) == ImageHeader("JPEG")
    assert read_image_header(jpeg) == ImageHeader("JPEG", *SIZE)
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.size == SIZE


@pytest.mark.parametrize("marker", [b"\xff\xc4", b"\xff\xc8", b"\xff\xcc"])
def test_tables_before_the_frame_are_not_taken_for_it(marker: bytes) -> None:
    table = marker + (12).to_bytes(2, "big") + bytes(range(10))
    assert read_image_header(JPEG[:2] + table + JPEG[2:]) == ImageHeader("JPEG", *SIZE)


def test_fill_bytes_and_markers_without_length_are_skipped() -> None:
    jpeg = JPEG[:2] + b"\xff\xff\xff\x01\xff\xd0" + JPEG[2:]
    assert read_image_header(jpeg) == ImageHeader("JPEG", *SIZE)


@pytest.mark.parametrize("content", [JPEG, PNG, encoded(PICTURE, progressive=True)])
def test_a_file_cut_off_anywhere_has_its_size_or_none(content: bytes) -> None:
    whole = read_image_header(content)
    assert whole is not None
    for length in range(len(content)):
        header = read_image_header(content[:length])
        assert header in {None, ImageHeader(whole.format), whole}
    assert read_image_header(content[:2]) is None


@pytest.mark.parametrize("file_format", ["GIF", "BMP", "TIFF", "WEBP", "JPEG2000"])
def test_other_formats_are_none(file_format: str) -> None:
    assert read_image_header(encoded(PICTURE, file_format)) is None


@pytest.mark.parametrize("content", [b"", b"\xff", b"\xff\xd8", b"\x89PNG", b"<svg/>", b"%PDF-1.7"])
def test_what_begins_no_picture_is_none(content: bytes) -> None:
    assert read_image_header(content) is None


@given(st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"]), st.binary(max_size=200))
def test_no_bytes_raise_an_exception(start: bytes, rest: bytes) -> None:
    header = read_image_header(start + rest)
    assert (header is None) == (not start) or rest.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"))


@given(st.integers(2, len(JPEG) - 1), st.integers(0, 255))
def test_a_changed_byte_raises_no_exception(position: int, byte: int) -> None:
    changed = JPEG[:position] + bytes([byte]) + JPEG[position + 1 :]
    header = read_image_header(changed)
    assert header is None or header.format == "JPEG"
