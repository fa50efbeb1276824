"""Size and likeness of thumbnails and avatars, by JPEG quality and by how far libjpeg scales.

    python -m benchmarks.thumbnails [DIRECTORY…]

Measured over the photos of these directories, by default the samples of `make demo`, that show a face. SSIM
(Wang et al. 2004, Gaussian window of 11 pixels, luma) and PSNR compare with the same resize left
uncompressed, or with the one from the photo decoded whole.
"""

from __future__ import annotations

import io
import math
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from chalicelib.rendering import scaled
from local.places import CACHE
from local.rekognition.engine import FaceEngine
from local.rekognition.errors import RekognitionError
from local.rekognition.images import decode
from local.rekognition.weights import ensure_weights
from local.samples import ensure_samples

BOX = (300, 300)
QUALITIES = (70, 75, 80, 85, 90, 95)
GAPS = (1.0, 1.25, 1.5, 2.0, 3.0)
WHOLE = math.inf  # no scaling while decoding
_LARGE = 24_000_000

type Pixels = NDArray[np.float64]
type Sample = tuple[bytes, Mapping[str, float]]


def samples(paths: Iterable[Path]) -> Iterator[Sample]:
    """The photos that show a face, each with the largest one's box."""
    engine = FaceEngine(ensure_weights(CACHE))
    for path in paths:
        content = path.read_bytes()
        try:
            image = decode(content)
        except RekognitionError:
            continue
        faces = engine.detect(image)
        if faces:
            (height, width), box = image.shape[:2], faces[0].box
            yield (
                content,
                {
                    "Left": box.left / width,
                    "Top": box.top / height,
                    "Width": box.width / width,
                    "Height": box.height / height,
                },
            )


def ssim(one: Pixels, other: Pixels) -> float:
    """Mean structural similarity of two grey pictures, values 0 to 255."""

    def blurred(picture: Pixels) -> Any:
        return cv2.GaussianBlur(picture, (11, 11), 1.5)

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_one, mean_other = blurred(one), blurred(other)
    var_one, var_other = blurred(one * one) - mean_one**2, blurred(other * other) - mean_other**2
    covariance = blurred(one * other) - mean_one * mean_other
    likeness = ((2 * mean_one * mean_other + c1) * (2 * covariance + c2)) / (
        (mean_one**2 + mean_other**2 + c1) * (var_one + var_other + c2)
    )
    return float(np.mean(likeness))


def compare(one: Image.Image, other: Image.Image) -> tuple[float, float]:
    """SSIM of the luma, and PSNR in dB of all channels (99 for the same picture)."""
    luma = [np.asarray(picture.convert("L"), np.float64) for picture in (one, other)]
    pixels = [np.asarray(picture, np.float64) for picture in (one, other)]
    error = float(np.mean((pixels[0] - pixels[1]) ** 2))
    return ssim(*luma), min(99.0, 10 * math.log10(255**2 / error)) if error else 99.0


def made(sample: Sample, gap: float) -> tuple[Image.Image, ...]:
    """Thumbnail and avatar, uncompressed."""
    with Image.open(io.BytesIO(sample[0])) as image:
        return tuple(picture.convert("RGB") for picture in scaled(image, BOX, sample[1], gap))


def by_quality(found: list[Sample]) -> Iterator[str]:
    """A line a quality: mean kB, SSIM (mean, worst) and PSNR of thumbnail and of avatar."""
    pictures = [made(sample, WHOLE) for sample in found]
    for quality in QUALITIES:
        cells = []
        for kind in (0, 1):
            sizes, scores = [], []
            for picture in (pair[kind] for pair in pictures):
                output = io.BytesIO()
                picture.save(output, "JPEG", quality=quality, optimize=True)
                sizes.append(len(output.getvalue()))
                scores.append(compare(picture, Image.open(output)))
            likeness, noise = zip(*scores, strict=True)
            cells.append(
                f"{np.mean(sizes) / 1000:5.1f} kB  SSIM {np.mean(likeness):.4f} (worst {min(likeness):.4f})"
                f"  {np.mean(noise):.1f} dB"
            )
        yield f"{quality}:  thumbnail {cells[0]}  |  avatar {cells[1]}"


def by_gap(found: list[Sample]) -> Iterator[str]:
    """A line a gap: likeness to what the photo decoded whole gives, and milliseconds for a 24-MP photo."""
    large = _enlarged(max(found, key=lambda sample: len(sample[0])))
    for gap in (*GAPS, WHOLE):
        cells = []
        for kind in (0, 1):
            scores = [compare(made(sample, WHOLE)[kind], made(sample, gap)[kind]) for sample in found]
            likeness, noise = zip(*scores, strict=True)
            cells.append(f"SSIM {np.mean(likeness):.4f} (worst {min(likeness):.4f})  {np.mean(noise):.1f} dB")
        took = _milliseconds(large, gap)
        yield f"{gap}:  thumbnail {cells[0]}  |  avatar {cells[1]}  |  24 MP: {took:.0f} ms"


def _enlarged(sample: Sample) -> Sample:
    with Image.open(io.BytesIO(sample[0])) as image:
        factor = math.sqrt(_LARGE / (image.width * image.height))
        size = (round(image.width * factor), round(image.height * factor))
        output = io.BytesIO()
        image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(
            output, "JPEG", quality=92, exif=image.getexif()
        )
    return output.getvalue(), sample[1]


def _milliseconds(sample: Sample, gap: float) -> float:
    times = []
    for _ in range(5):
        start = time.perf_counter()
        made(sample, gap)
        times.append(time.perf_counter() - start)
    return min(times) * 1000


def main(directories: list[str]) -> None:
    """Print both tables."""
    if directories:
        paths = sorted(path for name in directories for path in Path(name).iterdir() if path.is_file())
    else:
        paths = list(ensure_samples(CACHE).values())
    found = list(samples(paths))
    print(f"{len(found)} photos with a face")
    print("\nJPEG quality, against the uncompressed picture")
    for line in by_quality(found):
        print(line)
    print("\nPixels left to the resampling on each side, against the photo decoded whole")
    for line in by_gap(found):
        print(line)


if __name__ == "__main__":
    main(sys.argv[1:])
