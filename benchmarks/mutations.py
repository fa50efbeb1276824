"""Bad image files: each kind that is known to break decoders, and random mutations of good ones."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Iterable

from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

_SIDE = 320
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_INTERESTING = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def saved(picture: Pillow.Image, kind: str, **options: object) -> bytes:
    """Encode a picture with Pillow."""
    target = io.BytesIO()
    picture.save(target, kind, **options)
    return target.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def plain_png(
    width: int, height: int, bits: int = 8, colour: int = 2, interlaced: bool = False, more: bytes = b""
) -> bytes:
    """A PNG of zeros, as small as a compressor makes it; `more` are chunks before the pixels."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced))
    palette = chunk(b"PLTE", bytes(range(256)) * 3) if colour == 3 else b""
    row, packer = bytes((width * channels * bits + 7) // 8 + 1), zlib.compressobj(9)
    pixels = b"".join(packer.compress(row) for _ in range(height))
    if interlaced:  # each of the seven passes has a byte a row of its own
        pixels += packer.compress(bytes(2 * height + 8 * width))
    pixels += packer.flush()
    return _PNG_SIGNATURE + header + palette + more + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def claiming(jpeg: bytes, side: int) -> bytes:
    """The JPEG with another width and height in its header."""
    frame = next(at for at in range(len(jpeg)) if jpeg[at : at + 2] in (b"\xff\xc0", b"\xff\xc2"))
    return jpeg[: frame + 5] + struct.pack(">HH", side, side) + jpeg[frame + 9 :]


def many_scans(jpeg: bytes, scans: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again: each is a pass over the image."""
    last = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    return jpeg[:-2] + last * scans + b"\xff\xd9"


def bad_files(photo: Pillow.Image) -> dict[str, bytes]:
    """Each kind of file that is known to break decoders, by name. None of them is a usable photo."""
    jpeg, png = saved(photo, "JPEG"), saved(photo, "PNG")
    progressive = saved(photo, "JPEG", progressive=True)
    frame = jpeg.index(b"\xff\xc0")
    return {
        "one byte": b"\0",
        "text": b"This is not an image.",
        "zeros": bytes(100_000),
        "JPEG signature alone": jpeg[:3],
        "PNG signature alone": png[:8],
        "truncated JPEG": jpeg[: len(jpeg) // 2],
        "truncated progressive JPEG": progressive[: len(progressive) // 2],
        "truncated PNG": png[: len(png) // 2],
        "JPEG without its end": jpeg[:-2],
        "PNG without its end": png[:-12],
        "PNG without pixels": plain_png(100, 100).replace(b"IDAT", b"iDAT"),
        "PNG of no size": plain_png(0, 0),
        "PNG of 2^31 pixels a side": _PNG_SIGNATURE
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0))
        + png[33:],
        "PNG bomb of 900 megapixels": plain_png(30_000, 30_000, bits=1, colour=0),
        "PNG bomb of 90 megapixels": plain_png(9_000, 10_000, bits=1, colour=0),
        "JPEG that claims 65,500 pixels a side": claiming(jpeg, 65_500),
        "progressive JPEG that claims 12,000 pixels a side": claiming(progressive, 12_000),
        "progressive CMYK JPEG that claims 9,000 pixels a side": claiming(
            saved(photo.convert("CMYK"), "JPEG", progressive=True), 9_000
        ),
        "progressive JPEG of 1,000 scans": many_scans(progressive, 1000),
        "JPEG of 12 bits a sample": jpeg[: frame + 4] + b"\x0c" + jpeg[frame + 5 :],
        "PNG of 300,000 empty chunks, cut off": _PNG_SIGNATURE + png[8:33] + chunk(b"teXt", b"") * 300_000,
        "too narrow": saved(photo.resize((79, 200)), "JPEG"),
        "too low": saved(photo.resize((200, 79)), "PNG"),
        "GIF": saved(photo, "GIF"),
        "WebP": saved(photo, "WEBP"),
        "TIFF": saved(photo, "TIFF"),
        "BMP": saved(photo, "BMP"),
        "animated GIF that says it is a JPEG": b"\xff\xd8\xff" + saved(photo, "GIF"),
        "JPEG that says it is a PNG": _PNG_SIGNATURE + jpeg,
    }


def odd_files(photo: Pillow.Image) -> dict[str, bytes]:
    """Unusual files that are whole, by name: each holds the photo."""
    exif = Pillow.Exif()
    exif[0x0112], exif[0x010E] = 6, "x" * 60_000
    notes = PngInfo()
    notes.add_text("note", "x" * 1_000_000, zip=True)
    icon = saved(photo.resize((100, 100)), "JPEG")
    other = photo.transpose(Pillow.Transpose.FLIP_LEFT_RIGHT)
    png = saved(photo, "PNG")
    comments = (b"\xff\xfe\xff\xff" + bytes(65_533)) * 60
    return {
        "JPEG": saved(photo, "JPEG"),
        "grey JPEG": saved(photo.convert("L"), "JPEG"),
        "CMYK JPEG": saved(photo.convert("CMYK"), "JPEG"),
        "progressive JPEG": saved(photo, "JPEG", progressive=True, subsampling=0),
        "JPEG with restart markers": saved(photo, "JPEG", restart_marker_blocks=3),
        "JPEG turned by EXIF, with a long description": saved(
            photo.transpose(Pillow.Transpose.ROTATE_90), "JPEG", exif=exif
        ),
        "JPEG with 4 MB of comments": saved(photo, "JPEG")[:2] + comments + saved(photo, "JPEG")[2:],
        "JPEG with another behind it": saved(photo, "JPEG") + icon,
        "JPEG with a colour profile": saved(photo, "JPEG", icc_profile=bytes(200_000)),
        "PNG": png,
        "grey PNG": saved(photo.convert("L"), "PNG"),
        "palette PNG": saved(photo.convert("P"), "PNG", transparency=3),
        "PNG with alpha": saved(photo.convert("RGBA"), "PNG"),
        "16-bit PNG": saved(photo.convert("I;16"), "PNG") if photo.mode == "L" else _deep_png(photo),
        "animated PNG": saved(photo, "PNG", save_all=True, append_images=[other, other], duration=50),
        "PNG with a long text": saved(photo, "PNG", pnginfo=notes),
        "PNG with a profile that inflates to 100 MB": png[:33]
        + chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(100_000_000), 9))
        + png[33:],
        "PNG that EXIF would turn": png[:33]
        + chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0")
        + png[33:],
        "PNG with 200 MB of zeros behind its pixels": png[:-12]
        + chunk(b"IDAT", zlib.compress(bytes(200_000_000), 9))
        + png[-12:],
    }


def _deep_png(photo: Pillow.Image) -> bytes:
    """The photo as a PNG of 16 bits a sample."""
    photo = photo.convert("RGB")
    width, pixels = photo.width, photo.tobytes()
    rows = [pixels[start : start + 3 * width] for start in range(0, len(pixels), 3 * width)]
    deep = b"".join(b"\0" + b"".join(bytes((value, value)) for value in row) for row in rows)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, photo.height, 16, 2, 0, 0, 0))
    return _PNG_SIGNATURE + header + chunk(b"IDAT", zlib.compress(deep)) + chunk(b"IEND", b"")


def seeds(photos: Iterable[bytes]) -> list[bytes]:
    """Good files to mutate: the photos made small, so that a mutation meets a header, and the odd files."""
    small: list[Pillow.Image] = []
    for data in photos:
        with Pillow.open(io.BytesIO(data)) as photo:
            picture = photo.convert("RGB")
        picture.thumbnail((_SIDE, _SIDE))
        small.append(picture)
    good = [saved(picture, "JPEG") for picture in small]
    odd = odd_files(small[0].resize((160, 160)))
    return good + [data for data in odd.values() if len(data) < 300_000]


def mutate(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Change a file in one to eight places, as damage, a bad disk or an attacker would."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        if not changed:
            break
        # Headers decide more than pixels do.
        at = rng.randrange(min(len(changed), rng.choice((64, 700, len(changed)))))
        match rng.randrange(9):
            case 0:
                changed[at] ^= 1 << rng.randrange(8)
            case 1:
                changed[at] = rng.randrange(256)
            case 2:
                changed[at : at + 4] = struct.pack(">I", rng.choice(_INTERESTING))
            case 3:
                changed[at : at + 2] = struct.pack(">H", rng.choice(_INTERESTING) & 0xFFFF)
            case 4:
                del changed[at : at + rng.randrange(1, 200)]
            case 5:
                changed[at:at] = rng.randbytes(rng.randrange(1, 200))
            case 6:
                start = rng.randrange(len(changed))
                changed[at:at] = changed[start : start + rng.randrange(1, 2000)]
            case 7:
                del changed[rng.randrange(len(changed)) :]
            case _:
                start = rng.randrange(len(other))
                changed[at : at + 100] = other[start : start + rng.randrange(1, 5000)]
    mutated = bytes(changed)
    # A wrong checksum ends the reading of a PNG at once: most are made right, to come further.
    return with_checksums(mutated) if rng.random() < 0.8 else mutated


def with_checksums(data: bytes) -> bytes:
    """Make the checksum of each chunk right, if it is a PNG."""
    if not data.startswith(_PNG_SIGNATURE):
        return data
    parts, position = [data[:8]], 8
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        end = position + length + 12
        if end > len(data):
            break
        parts.append(chunk(data[position + 4 : position + 8], data[position + 8 : end - 4]))
        position = end
    return b"".join(parts) + data[position:]
