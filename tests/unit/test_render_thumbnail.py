from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw
from PIL.JpegImagePlugin import JpegImageFile

from benchmarks.costs.samples import SELFIE
from chalicelib.errors import PhotoDoesNotMeetRequirementError
from chalicelib.models import Reason
from chalicelib.rendering import AVATAR_SIDE, Picture, avatar_square
from chalicelib.rendering import render as render_both
from chalicelib.rules import PhotoRules
from tests.fakes import encoded

BOX = (300, 300)
ORIENTATION, GPS_POINTER = 0x0112, 0x8825
RED, BLUE = (220, 20, 20), (20, 20, 220)
YELLOW = (230, 210, 30)
FACE = {"Left": 0.3, "Top": 0.2, "Width": 0.25, "Height": 0.4}


def render(content: bytes, box: tuple[int, int] = BOX, rules: PhotoRules | None = None) -> Image.Image:
    """The thumbnail, opened again, after checks that hold for every thumbnail."""
    thumbnail, avatar = (
        opened(picture) for picture in render_both(content, box, None, rules or PhotoRules())
    )
    assert thumbnail.width <= box[0]
    assert thumbnail.height <= box[1]
    assert avatar.mode == thumbnail.mode
    return thumbnail


def opened(picture: Picture) -> Image.Image:
    """A picture, opened again, after checks that hold for thumbnails and avatars."""
    image = Image.open(io.BytesIO(picture.content))
    image.load()
    assert (image.format, picture.content_type, picture.extension) in {
        ("JPEG", "image/jpeg", "jpg"),
        ("PNG", "image/png", "png"),
    }
    assert not image.getexif()
    assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    return image


def avatar_of(content: bytes, face: Any = None, box: tuple[int, int] = BOX) -> Image.Image:
    """The avatar, opened again: a square, no larger than it may be."""
    image = opened(render_both(content, box, face, PhotoRules())[1])
    assert image.width == image.height <= AVATAR_SIDE
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
    assert render(content).size == (300, 150)
    for picture in render_both(content, BOX, None, PhotoRules()):
        for trace in (b"Exif", b"Unicorn", b"at home", b"ICC_PROFILE", b"http://ns.adobe.com"):
            assert trace not in picture.content


def test_text_chunks_of_a_png_do_not_survive() -> None:
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    texts.add_text("Location", "at home")
    picture = marked().convert("RGBA")
    picture.putalpha(200)
    content = encoded(picture, "PNG", pnginfo=texts)
    assert b"at home" in content
    for made in render_both(content, BOX, None, PhotoRules()):
        assert made.content_type == "image/png"
        assert b"at home" not in made.content


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


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The size of each JPEG as libjpeg has decoded it."""
    sizes: list[tuple[int, int]] = []
    load = JpegImageFile.load

    def note(image: JpegImageFile) -> Any:
        first = image.tile != []
        loaded = load(image)
        if first:
            sizes.append(image.size)
        return loaded

    monkeypatch.setattr(JpegImageFile, "load", note)
    return sizes


@pytest.mark.parametrize(
    ("size", "orientation", "face", "expected"),
    [
        ((3024, 4032), 1, None, (378, 504)),
        ((3024, 4032), 1, SELFIE, (378, 504)),
        ((4032, 3024), 6, SELFIE, (504, 378)),
        ((4032, 3024), 5, None, (504, 378)),
        ((4284, 5712), 1, SELFIE, (536, 714)),
        # A smaller face needs more pixels of the photo, up to all of them.
        ((3024, 4032), 1, {**FACE, "Width": 0.3, "Height": 0.2}, (756, 1008)),
        ((3024, 4032), 1, {**FACE, "Width": 0.2, "Height": 0.15}, (1512, 2016)),
        ((3024, 4032), 1, {**FACE, "Width": 0.1, "Height": 0.08}, (3024, 4032)),
    ],
)
def test_a_photo_is_decoded_at_the_least_scale_that_both_pictures_need(
    decoded: list[tuple[int, int]],
    size: tuple[int, int],
    orientation: int,
    face: dict[str, float] | None,
    expected: tuple[int, int],
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    photo = encoded(Image.new("RGB", size, RED), exif=exif)
    render_both(photo, BOX, face, PhotoRules())
    assert decoded == [expected]


# --- the avatar -----------------------------------------------------------------------------------------


def with_face(size: tuple[int, int], face: dict[str, float]) -> Image.Image:
    """A blue picture with a red box where the face is, whose upper left quarter is yellow."""
    picture = Image.new("RGB", size, BLUE)
    left, top = face["Left"] * size[0], face["Top"] * size[1]
    width, height = face["Width"] * size[0], face["Height"] * size[1]
    draw = ImageDraw.Draw(picture)
    draw.rectangle((left, top, left + width, top + height), fill=RED)
    draw.rectangle((left, top, left + width / 2, top + height / 2), fill=YELLOW)
    return picture


def red_share(image: Image.Image) -> float:
    """How much of the picture is the face."""
    pixels = list(image.get_flattened_data())
    return sum(near(pixel, RED, 60) or near(pixel, YELLOW, 60) for pixel in pixels) / len(pixels)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", STORED)
def test_the_avatar_is_the_upright_face_with_its_margin(orientation: int, file_format: str) -> None:
    how, upright = STORED[orientation], with_face((1600, 1200), FACE)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored = upright if how is None else upright.transpose(how)
    image = avatar_of(encoded(stored, file_format, exif=exif), FACE)
    assert image.size == (256, 256)
    # 400 by 480 pixels of a square of 1.8 times 480.
    assert red_share(image) == pytest.approx(400 * 480 / (1.8 * 480) ** 2, abs=0.02)
    assert near(image.getpixel((100, 90)), YELLOW, 60)
    assert all(near(image.getpixel(xy), RED, 60) for xy in [(150, 90), (100, 150), (150, 150)])
    assert all(near(image.getpixel(xy), BLUE, 60) for xy in [(5, 5), (250, 5), (5, 250), (250, 250)])


@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_however_small_the_face_is_in_the_photo_the_avatar_has_all_its_pixels(scale: int) -> None:
    """Stripes a pixel apart: decoded too small, they would be one grey."""
    size = (400 * scale, 300 * scale)
    photo = Image.new("L", size, 128)
    stripes = Image.new("L", (60, 60))
    stripes.putdata([255 * (x // 2 % 2) for _ in range(60) for x in range(60)])
    left, top = size[0] // 2 - 30, size[1] // 2 - 30
    photo.paste(stripes, (left, top))
    face = {
        "Left": left / size[0],
        "Top": top / size[1],
        "Width": 60 / size[0],
        "Height": 60 / size[1],
    }
    image = avatar_of(encoded(photo, quality=95), face).convert("L")
    assert image.size == (108, 108)
    middle = list(image.crop((40, 40, 68, 68)).get_flattened_data())
    assert max(middle) - min(middle) > 150


def test_a_face_with_fewer_pixels_than_the_avatar_is_not_scaled_up() -> None:
    face = {"Left": 0.45, "Top": 0.4, "Width": 0.1, "Height": 0.2}
    assert avatar_of(encoded(with_face((640, 480), face)), face).size == (173, 173)


@pytest.mark.parametrize(
    "face",
    [
        {"Left": -0.1, "Top": -0.1, "Width": 0.4, "Height": 0.4},
        {"Left": 0.8, "Top": 0.8, "Width": 0.3, "Height": 0.3},
        {"Left": 0.0, "Top": 0.0, "Width": 1.0, "Height": 1.0},
        {"Left": -0.5, "Top": -0.5, "Width": 2.0, "Height": 2.0},
        {"Left": 0.5, "Top": 0.5, "Width": 1e-9, "Height": 1e-9},
    ],
    ids=["corner", "other corner", "all of it", "more than that", "next to nothing"],
)
@pytest.mark.parametrize("size", [(800, 600), (600, 800), (2000, 90)])
def test_a_face_at_the_edge_has_its_square_within_the_picture(
    face: dict[str, float], size: tuple[int, int]
) -> None:
    left, top, side = avatar_square(size, face)
    assert 0 <= left <= left + side <= size[0] + 1e-9
    assert 0 <= top <= top + side <= size[1] + 1e-9
    assert avatar_of(encoded(Image.new("RGB", size, RED)), face).getpixel((0, 0))[0] > 200


@pytest.mark.parametrize(
    "face",
    [
        *(None, {}, {"Left": 0.1}, {**FACE, "Width": 0}, {**FACE, "Height": -1}, {**FACE, "Left": 3}),
        *({**FACE, "Top": float("nan")}, {**FACE, "Top": "high"}, {**FACE, "Width": None}),
        {**FACE, "Width": float("inf")},
    ],
)
def test_without_a_box_that_makes_sense_the_avatar_is_the_middle_of_the_photo(face: Any) -> None:
    assert avatar_square((800, 600), face) == (100, 0, 600)
    assert avatar_square((600, 800), face) == (0, 100, 600)


def test_a_transparent_photo_has_a_transparent_avatar() -> None:
    picture = with_face((400, 300), FACE).convert("RGBA")
    picture.putalpha(100)
    image = avatar_of(encoded(picture, "PNG"), FACE)
    assert (image.mode, image.getpixel((90, 90))[3]) == ("RGBA", 100)


# --- colours --------------------------------------------------------------------------------------------


def wide_gamut_profile() -> bytes:
    """A matrix profile as phones embed it: Display P3's primaries, as they are for D50, and sRGB's curve."""
    srgb = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    primaries = {
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
    }
    for number in range(int.from_bytes(srgb[128:132], "big")):
        tag, offset, _ = struct.unpack(">4sII", srgb[132 + 12 * number : 144 + 12 * number])
        if tag in primaries:
            values = [round(value * 65536) for value in primaries[tag]]
            srgb[offset + 8 : offset + 20] = struct.pack(">3i", *values)
    return bytes(srgb)


@pytest.mark.parametrize(("mode", "file_format"), [("RGB", "JPEG"), ("RGB", "PNG"), ("RGBA", "PNG")])
def test_the_colours_of_a_wide_gamut_photo_are_kept_in_srgb(mode: str, file_format: str) -> None:
    """(180, 80, 60) in Display P3 is (194, 72, 52) in sRGB: without the profile it would look pale."""
    photo = Image.new("RGB", (400, 400), (180, 80, 60)).convert(mode)
    if mode == "RGBA":
        photo.putalpha(200)
    content = encoded(photo, file_format, icc_profile=wide_gamut_profile())
    for picture in render_both(content, BOX, FACE, PhotoRules()):
        image = opened(picture)
        assert near(image.getpixel((100, 100))[:3], (194, 72, 52), 4)
        if mode == "RGBA":
            assert image.getpixel((100, 100))[3] == 200


def test_an_srgb_profile_changes_no_colour() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = Image.linear_gradient("L").convert("RGB")
    with_profile, without = (
        render_both(encoded(picture, "PNG", **options), BOX, None, PhotoRules())[0]
        for options in ({"icc_profile": profile}, {})
    )
    pixels = zip(*(opened(p).get_flattened_data() for p in (with_profile, without)), strict=True)
    assert all(near(a, b, 2) for a, b in pixels)


@pytest.mark.parametrize("profile", [b"", b"no profile", bytes(500), wide_gamut_profile()[:200]])
def test_a_damaged_profile_is_ignored(profile: bytes) -> None:
    image = render(encoded(Image.new("RGB", (400, 400), RED), icc_profile=profile))
    assert near(image.getpixel((100, 100)), RED, 4)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_profile_of_another_mode_is_ignored(mode: str) -> None:
    photo = Image.new("RGB", (400, 400), (200, 200, 200)).convert(mode)
    image = render(encoded(photo, icc_profile=wide_gamut_profile()))
    assert near(image.getpixel((100, 100)), (200, 200, 200), 4)


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
def test_a_damaged_file_makes_pictures_or_a_rejection_and_nothing_else(
    content: bytes, data: st.DataObject
) -> None:
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(0, 5))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.integers(0, len(damaged)))]
    try:
        made = [picture.content for picture in render_both(bytes(damaged), BOX, FACE, PhotoRules())]
    except PhotoDoesNotMeetRequirementError as rejected:
        made = [str(rejected).encode()]
    assert all(made)
