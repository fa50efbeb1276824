"""State Thumbnail: a small, upright picture without any metadata."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from chalicelib.models import Reason, RiderPhoto
from chalicelib.rules import PhotoRules, rejected

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from PIL.Image import Image

    from chalicelib.settings import Settings

THUMBNAIL_PREFIX = "thumbnails/"
_JPEG_QUALITY = 85
_ORIENTATION = 0x0112


def make_thumbnail(photo: RiderPhoto, s3: S3Client, settings: Settings) -> dict[str, dict[str, str]]:
    """Make the photo's thumbnail and store it in the thumbnails' bucket.

    Returns
    -------
    dict
        `{"thumbnail": {"s3bucket", "s3key"}}`. The key carries rider and upload, so that no two
        photos share one and a repetition writes the same.

    Raises
    ------
    PhotoDoesNotMeetRequirementError
        If the picture has too many pixels or cannot be decoded.
    """
    original = s3.get_object(**photo.as_s3_object())["Body"].read()
    box = (settings.thumbnail_width, settings.thumbnail_height)
    content, content_type, extension = render_thumbnail(original, box, settings.photo_rules)
    key = thumbnail_key(photo, extension)
    s3.put_object(Bucket=settings.thumbnail_bucket, Key=key, Body=content, ContentType=content_type)
    return {"thumbnail": {"s3bucket": settings.thumbnail_bucket, "s3key": key}}


def thumbnail_key(photo: RiderPhoto, extension: str = "jpg") -> str:
    """Where the thumbnail of an upload is stored."""
    return f"{THUMBNAIL_PREFIX}{photo.user_id}/{photo.known_upload_id}.{extension}"


def render_thumbnail(original: bytes, box: tuple[int, int], rules: PhotoRules) -> tuple[bytes, str, str]:
    """Scale a picture down into a box.

    Parameters
    ----------
    original
        A JPEG or PNG file.
    box
        Width and height in pixels; the aspect is kept, nothing is scaled up.
    rules
        The limit of pixels.

    Returns
    -------
    tuple
        The thumbnail, its content type and its file extension: PNG where the picture is
        transparent, else JPEG.

    Raises
    ------
    PhotoDoesNotMeetRequirementError
        IMAGE_TOO_LARGE, UNSUPPORTED_FORMAT or IMAGE_UNREADABLE.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            # The pixels are counted below, and damaged EXIF data is thrown away with all the rest of it.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(original), formats=("JPEG", "PNG")) as image:
                rules.check_dimensions(*image.size)
                small = _scaled(image, box)
    except UnidentifiedImageError as error:
        raise rejected(Reason.UNSUPPORTED_FORMAT) from error
    except Image.DecompressionBombError as error:
        # Pillow's own limit, above which it does not even open a file.
        raise rejected(Reason.IMAGE_TOO_LARGE, ": it has too many pixels.") from error
    except (OSError, SyntaxError, ValueError) as error:
        # What Pillow raises for damaged files: SyntaxError for a broken PNG chunk among them.
        raise rejected(Reason.IMAGE_UNREADABLE, ": the file is damaged.") from error
    output = io.BytesIO()
    if small.mode == "RGBA":
        small.save(output, "PNG", optimize=True)
        return output.getvalue(), "image/png", "png"
    small.save(output, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return output.getvalue(), "image/jpeg", "jpg"


def _scaled(image: Image, box: tuple[int, int]) -> Image:
    """The upright picture within the box, as RGB, or RGBA where it is transparent, with no metadata."""
    from PIL import Image, ImageOps

    orientation = _orientation(image)
    stored_box = box[::-1] if orientation >= 5 else box
    # libjpeg scales while it decodes: a twelve-megapixel photo is never held whole. Turning comes
    # last, since turning first would load the picture at full size.
    image.draft("RGB", (stored_box[0] * 2, stored_box[1] * 2))
    image.load()
    transparent = image.has_transparency_data
    if image.mode.startswith("I"):  # 16 bits a pixel: Pillow would clip, not scale
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    elif image.mode not in {"L", "RGB", "RGBA", "CMYK"}:
        image = image.convert("RGBA" if transparent else "RGB")
    image.thumbnail(stored_box, Image.Resampling.LANCZOS, reducing_gap=3.0)
    upright = Image.new("RGBA" if transparent else "RGB", image.size)
    upright.paste(image.convert(upright.mode))
    if orientation > 1:
        upright.getexif()[_ORIENTATION] = orientation
        ImageOps.exif_transpose(upright, in_place=True)
    upright.info.clear()
    return upright


def _orientation(image: Image) -> int:
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # EXIF is a parser's minefield; a photo is not refused for it
        return 1
    return orientation if orientation in range(2, 9) else 1
