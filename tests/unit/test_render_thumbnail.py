from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw

from chalicelib.errors import PhotoDoesNotMeetRequirementError
from chalicelib.models import Reason
from chalicelib.rules import PhotoRules
from chalicelib.steps.make_thumbnail import render_thumbnail
from tests.fakes import encoded

BOX = (300, 300)
ORIENTATION, GPS_POINTER = 0x0112, 0x8825
RED, BLUE = (220, 20, 20), (20, 20, 220)


def render(content: bytes, box: tuple[int, int] = BOX, rules: PhotoRules | None = None) -> Image.Image:
    """The thumbnail, opened again, after checks that hold for every thumbnail."""
    thumbnail, content_type, extension = render_thumbnail(content, box, rules or PhotoRules())
    image = Image.open(io.BytesIO(thumbnail))
    image.load()
    assert (image.format, content_type, extension) in {
        ("JPEG", "image/jpeg", "jpg"),
        ("PNG", "image/png", "png"),
    }
    assert image.width <= box[0]
    assert image.height <= box[1]
    assert not image.getexif()
    assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    return image


def near(pixel: Any, colour: tuple[int, ...], tolerance: int = 40) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(pixel, colour, strict=True))


def marked(size: tuple[int, int] = (800, 400)) -> Image.Image:
    """A blue picture whose upper left eighth is red."""
    picture = Image.new("RGB", size, BLUE)
    ImageDraw.Draw(picture).rectangle((0, 0, size[0] // 4, size[1] // 2), fill=RED)
    return picture


# How a camera stores an upright picture under each orientation: the inverse of what a viewer does.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", STORED)
def test_the_picture_is_turned_upright(orientation: int, file_format: str) -> None:
    how = STORED[orientation]
    stored = marked() if how is None else marked().transpose(how)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    image = render(encoded(stored, file_format, exif=exif))
    assert image.size == (300, 150)
    assert near(image.getpixel((10, 10)), RED)
    corners = [(290, 10), (10, 140), (290, 140)]
    assert all(near(image.getpixel(corner), BLUE) for corner in corners)


@pytest.mark.parametrize("value", [0, 9, 65535, "sideways"])
def test_an_orientation_that_makes_no_sense_is_ignored(value: Any) -> None:
    exif = Image.Exif()
    exif[ORIENTATION if isinstance(value, int) else 0x010E] = value
    assert near(render(encoded(marked(), exif=exif)).getpixel((10, 10)), RED)


def test_damaged_exif_data_is_ignored() -> None:
    exif = b"Exif\x00\x00MM\x00*\x00\x00\xff\xff" + b"\xff" * 50
    jpeg = encoded(marked())
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    assert near(render(jpeg[:2] + segment + jpeg[2:]).getpixel((10, 10)), RED)


def test_position_comment_and_profile_do_not_survive() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Unicorn Cameras"
    exif.get_ifd(GPS_POINTER)[2] = (52.0, 31.0, 12.0)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = encoded(marked(), exif=exif, comment=b"at home", icc_profile=profile)
    with Image.open(io.BytesIO(content)) as original:
        assert original.getexif().get_ifd(GPS_POINTER)
    thumbnail, _, _ = render_thumbnail(content, BOX, PhotoRules())
    assert render(content).size == (300, 150)
    for trace in (b"Exif", b"Unicorn", b"at home", b"ICC_PROFILE", b"http://ns.adobe.com"):
        assert trace not in thumbnail


def test_text_chunks_of_a_png_do_not_survive() -> None:
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    texts.add_text("Location", "at home")
    picture = marked().convert("RGBA")
    picture.putalpha(200)
    content = encoded(picture, "PNG", pnginfo=texts)
    thumbnail, content_type, _ = render_thumbnail(content, BOX, PhotoRules())
    assert content_type == "image/png"
    assert b"at home" in content
    assert b"at home" not in thumbnail


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((3000, 1500), (300, 150)),
        ((1500, 3000), (150, 300)),
        ((301, 301), (300, 300)),
        ((300, 300), (300, 300)),
        ((120, 90), (120, 90)),
        ((9000, 80), (300, 3)),
    ],
)
def test_the_picture_fits_into_the_box_keeps_its_aspect_and_is_never_scaled_up(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert render(encoded(marked(size))).size == expected


@pytest.mark.parametrize("orientation", STORED)
def test_a_turned_picture_fits_into_a_box_that_is_not_square(orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    how = STORED[orientation]
    stored = marked((800, 400)) if how is None else marked((800, 400)).transpose(how)
    assert render(encoded(stored, exif=exif), (200, 60)).size == (120, 60)


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "CMYK", "YCbCr"])
def test_every_opaque_mode_keeps_its_colours(mode: str) -> None:
    light = mode in {"L", "1"}
    picture = Image.new("RGB", (400, 400), (250, 250, 250) if light else RED)
    picture = picture.quantize(8) if mode == "P" else picture.convert(mode)
    file_format = "JPEG" if mode in {"CMYK", "YCbCr"} else "PNG"
    image = render(encoded(picture, file_format))
    assert image.format == "JPEG"
    expected = (250, 250, 250) if light else RED
    assert near(image.convert("RGB").getpixel((150, 150)), expected, 12)


@pytest.mark.parametrize("value", [0, 16_384, 32_768, 65_535])
def test_sixteen_bits_a_pixel_are_scaled_and_not_clipped(value: int) -> None:
    image = render(encoded(Image.new("I;16", (400, 400), value), "PNG"))
    assert near(image.convert("L").convert("RGB").getpixel((150, 150)), (value // 256,) * 3, 2)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_kept_in_a_png(mode: str) -> None:
    picture = Image.new("RGBA", (400, 400), (*RED, 255))
    picture.paste((0, 0, 0, 0), (0, 0, 200, 400))
    if mode == "P":
        picture = picture.quantize(8)
    image = render(encoded(picture.convert(mode), "PNG"))
    assert (image.format, image.mode) == ("PNG", "RGBA")
    assert image.getpixel((20, 150))[3] == 0
    assert image.getpixel((280, 150))[3] == 255


def test_a_transparent_colour_is_kept_too() -> None:
    content = encoded(marked((400, 400)), "PNG", transparency=BLUE)
    image = render(content)
    assert image.getpixel((290, 290))[3] == 0
    assert image.getpixel((10, 10))[3] == 255


def test_a_transparent_picture_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    stored = marked().transpose(Image.Transpose.ROTATE_90).convert("RGBA")
    stored.putalpha(200)
    image = render(encoded(stored, "PNG", exif=exif))
    assert image.size == (300, 150)
    assert near(image.getpixel((10, 10)), (*RED, 200))


def test_a_phones_multi_picture_file_is_its_first_picture() -> None:
    output = io.BytesIO()
    marked().save(output, "MPO", save_all=True, append_images=[Image.new("RGB", (800, 400))])
    assert near(render(output.getvalue()).getpixel((10, 10)), RED)


def chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def png_of(width: int, height: int) -> bytes:
    """A PNG file that claims a size and holds next to nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(10_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(10_000, 5_001), (13_000, 13_000), (20_000, 20_000), (2**31 - 1,) * 2])
def test_a_decompression_bomb_is_too_large_and_never_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(PhotoDoesNotMeetRequirementError) as rejected:
        render(png_of(*size))
    assert rejected.value.reason is Reason.IMAGE_TOO_LARGE


def test_a_bomb_of_text_is_refused() -> None:
    bomb = chunk(b"zTXt", b"a\x00\x00" + zlib.compress(bytes(80 * 2**20), 9))
    png = encoded(marked(), "PNG")
    with pytest.raises(PhotoDoesNotMeetRequirementError) as rejected:
        render(png[:33] + bomb + png[33:])
    assert rejected.value.reason is Reason.IMAGE_UNREADABLE


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Reason.UNSUPPORTED_FORMAT),
        (b"hello", Reason.UNSUPPORTED_FORMAT),
        (encoded(Image.new("RGB", (400, 400)), "GIF"), Reason.UNSUPPORTED_FORMAT),
        (encoded(Image.new("RGB", (400, 400)), "TIFF"), Reason.UNSUPPORTED_FORMAT),
        (encoded(Image.effect_noise((400, 400), 60))[:2000], Reason.IMAGE_UNREADABLE),
        (encoded(Image.effect_noise((400, 400), 60), "PNG")[:2000], Reason.IMAGE_UNREADABLE),
        (png_of(400, 400), Reason.IMAGE_UNREADABLE),
        (encoded(Image.new("RGB", (400, 79))), Reason.FACE_NOT_CLEAR),
    ],
)
def test_what_makes_no_thumbnail_is_rejected_with_its_reason(content: bytes, reason: Reason) -> None:
    with pytest.raises(PhotoDoesNotMeetRequirementError) as rejected:
        render(content)
    assert rejected.value.reason is reason


SAMPLES = [
    encoded(Image.effect_noise((120, 90), 60).convert("RGB")),
    encoded(Image.effect_noise((120, 90), 60).convert("RGB"), progressive=True),
    encoded(Image.effect_noise((120, 90), 60).convert("RGBA"), "PNG"),
    encoded(Image.effect_noise((120, 90), 60).convert("P"), "PNG"),
]


@settings(max_examples=150)
@given(st.sampled_from(SAMPLES), st.data())
def test_a_damaged_file_makes_a_thumbnail_or_a_rejection_and_nothing_else(
    content: bytes, data: st.DataObject
) -> None:
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(0, 5))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.integers(0, len(damaged)))]
    try:
        thumbnail, _, _ = render_thumbnail(bytes(damaged), BOX, PhotoRules())
    except PhotoDoesNotMeetRequirementError as rejected:
        thumbnail = str(rejected).encode()
    assert thumbnail
