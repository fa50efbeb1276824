"""Small pictures of a photo: upright, in sRGB, without any metadata. Knows Pillow, and nothing of AWS."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from chalicelib.models import Reason
from chalicelib.rules import PhotoRules, rejected

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageCms import ImageCmsProfile

# Figures for these are in docs/decisions/thumbnails.md.
JPEG_QUALITY: Final = 85
AVATAR_SIDE: Final = 256
# Side of the avatar by the longer side of the face's box: hair, chin and a little of the shoulders.
FACE_MARGIN: Final = 1.8
# How many times the pixels that are wanted libjpeg leaves to the resampling, on each side.
DRAFT_GAP: Final = 1.25
# From how many times on the resampling averages whole blocks of pixels first.
_REDUCING_GAP: Final = 2.0

_ORIENTATION: Final = 0x0112


@dataclass(frozen=True, slots=True)
class Picture:
    """A file to store."""

    content: bytes
    content_type: str
    extension: str


class Square(NamedTuple):
    """A square of an upright picture, in its pixels."""

    left: float
    top: float
    side: float


def render(
    original: bytes, box: tuple[int, int], face: Mapping[str, Any] | None, rules: PhotoRules
) -> tuple[Picture, Picture]:
    """Make thumbnail and avatar of a photo, which is decoded once.

    Parameters
    ----------
    original
        A JPEG or PNG file.
    box
        Width and height in pixels that the thumbnail fits into; the aspect is kept, nothing is scaled up.
    face
        Rekognition's `BoundingBox` (`Left`, `Top`, `Width`, `Height` as fractions of the upright photo);
        without one that makes sense the avatar is the middle of the photo.
    rules
        The limits of pixels.

    Returns
    -------
    tuple of Picture
        Thumbnail and avatar: PNG where the photo is transparent, else JPEG. The avatar is a square of
        at most `AVATAR_SIDE` pixels, and of no more than the photo has there.

    Raises
    ------
    PhotoDoesNotMeetRequirementError
        IMAGE_TOO_LARGE, UNSUPPORTED_FORMAT, IMAGE_UNREADABLE or FACE_NOT_CLEAR (too small).
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            # The pixels are counted below, and damaged EXIF data is thrown away with all the rest of it.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(original), formats=("JPEG", "PNG")) as image:
                rules.check_dimensions(*image.size)
                thumbnail, avatar = scaled(image, box, face)
    except UnidentifiedImageError as error:
        raise rejected(Reason.UNSUPPORTED_FORMAT) from error
    except Image.DecompressionBombError as error:
        # Pillow's own limit, above which it does not even open a file.
        raise rejected(Reason.IMAGE_TOO_LARGE, ": it has too many pixels.") from error
    except (OSError, SyntaxError, ValueError) as error:
        # What Pillow raises for damaged files: SyntaxError for a broken PNG chunk among them.
        raise rejected(Reason.IMAGE_UNREADABLE, ": the file is damaged.") from error
    return _encoded(thumbnail), _encoded(avatar)


def scaled(
    image: Image, box: tuple[int, int], face: Mapping[str, Any] | None, gap: float = DRAFT_GAP
) -> tuple[Image, Image]:
    """Thumbnail and avatar as RGB, or RGBA where the photo is transparent, before they are encoded.

    Parameters
    ----------
    image
        Opened, not loaded.
    gap
        As `DRAFT_GAP`.
    """
    from PIL import Image

    orientation = _orientation(image)
    turned = orientation >= 5
    stored_box = box[::-1] if turned else box
    stored = image.size
    square = avatar_square(stored[::-1] if turned else stored, face)
    left, top = _as_stored(square, stored, orientation)
    side = max(1, min(AVATAR_SIDE, round(square.side)))
    # libjpeg scales while it decodes: a twelve-megapixel photo is never held whole, unless the face in
    # it is small. Turning comes last, since turning first would load the picture at full size.
    share = gap * max(min(stored_box[0] / stored[0], stored_box[1] / stored[1]), side / square.side)
    if share < 1:
        image.draft("RGB", (math.ceil(stored[0] * share), math.ceil(stored[1] * share)))
    image.load()
    transparent = image.has_transparency_data
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):  # 16 bits a pixel: Pillow would clip, not scale
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    elif image.mode not in {"L", "RGB", "RGBA", "CMYK"}:
        image = image.convert("RGBA" if transparent else "RGB")
    across, down = image.width / stored[0], image.height / stored[1]
    wanted = (left * across, top * down, (left + square.side) * across, (top + square.side) * down)
    avatar = _cut(image, wanted, side)
    image.thumbnail(stored_box, Image.Resampling.LANCZOS, reducing_gap=_REDUCING_GAP)
    thumbnail, avatar = (_plain(small, profile, transparent, orientation) for small in (image, avatar))
    return thumbnail, avatar


def avatar_square(size: tuple[int, int], face: Mapping[str, Any] | None) -> Square:
    """The square around a face with its margin, moved and shrunk so that it lies within the picture.

    Parameters
    ----------
    size
        Width and height of the upright picture.
    face
        As `render` takes it; the middle of the picture without one.
    """
    width, height = size
    try:
        left, top, across, down = (float((face or {})[name]) for name in ("Left", "Top", "Width", "Height"))
    except (KeyError, TypeError, ValueError):
        across = down = math.nan
    # A face may reach beyond the picture; its middle lies within.
    if across > 0 and down > 0 and 0 <= left + across / 2 <= 1 and 0 <= top + down / 2 <= 1:
        side = min(FACE_MARGIN * max(across * width, down * height), width, height)
        middle = ((left + across / 2) * width, (top + down / 2) * height)
    else:
        side, middle = float(min(width, height)), (width / 2, height / 2)
    side = max(side, 1.0)
    return Square(
        min(max(middle[0] - side / 2, 0.0), width - side),
        min(max(middle[1] - side / 2, 0.0), height - side),
        side,
    )


def _as_stored(square: Square, stored: tuple[int, int], orientation: int) -> tuple[float, float]:
    """Left and top of an upright picture's square in the picture as it is stored.

    Orientations are EXIF's: from 5 on rows and columns are exchanged.
    """
    left, top = (square.top, square.left) if orientation >= 5 else (square.left, square.top)
    if orientation in {2, 3, 7, 8}:
        left = stored[0] - left - square.side
    if orientation in {3, 4, 6, 7}:
        top = stored[1] - top - square.side
    return left, top


def _cut(image: Image, box: tuple[float, float, float, float], side: int) -> Image:
    """A part of the picture, scaled to a square."""
    from PIL import Image

    left, top = math.floor(max(box[0], 0)), math.floor(max(box[1], 0))
    right, bottom = math.ceil(min(box[2], image.width)), math.ceil(min(box[3], image.height))
    part = image.crop((left, top, right, bottom))
    within = (
        max(box[0] - left, 0),
        max(box[1] - top, 0),
        min(box[2] - left, part.width),
        min(box[3] - top, part.height),
    )
    return part.resize((side, side), Image.Resampling.LANCZOS, box=within, reducing_gap=_REDUCING_GAP)


def _plain(small: Image, profile: bytes | None, transparent: bool, orientation: int) -> Image:
    """The picture upright, in sRGB, with nothing but its pixels."""
    from PIL import Image

    mode = "RGBA" if transparent else "RGB"
    upright = Image.new(mode, small.size)
    upright.paste(_in_srgb(small, profile, mode))
    if orientation > 1:
        from PIL import ImageOps

        upright.getexif()[_ORIENTATION] = orientation
        ImageOps.exif_transpose(upright, in_place=True)
    upright.info.clear()
    return upright


def _in_srgb(small: Image, profile: bytes | None, mode: str) -> Image:
    """The picture's colours as sRGB has them; a profile that is damaged or of another mode is ignored."""
    if profile:
        from PIL import ImageCms

        out = mode if small.mode in {"RGB", "RGBA"} else "RGB"
        try:
            embedded = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(small, embedded, _srgb(), outputMode=out)
        except (ImageCms.PyCMSError, OSError, ValueError):
            return small.convert(mode)
        if converted is not None:
            return converted.convert(mode)
    return small.convert(mode)


@cache
def _srgb() -> ImageCmsProfile:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _orientation(image: Image) -> int:
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # EXIF is a parser's minefield; a photo is not refused for it
        return 1
    return orientation if orientation in range(2, 9) else 1


def _encoded(small: Image) -> Picture:
    output = io.BytesIO()
    if small.mode == "RGBA":
        small.save(output, "PNG", optimize=True)
        return Picture(output.getvalue(), "image/png", "png")
    small.save(output, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return Picture(output.getvalue(), "image/jpeg", "jpg")
