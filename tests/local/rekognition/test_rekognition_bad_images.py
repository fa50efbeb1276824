"""Bad, odd and mutated image files over the wire: always an answer or one of Rekognition's errors."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image as Pillow

from benchmarks.fuzz_faces import (
    COLLECTION,
    IMAGE_ERRORS,
    MOST_BYTES,
    feed,
    mutations,
    peak_memory,
    post,
)
from benchmarks.mutations import bad_files, odd_files
from local.rekognition.process import FaceService

_TOO_LARGE = {
    "PNG of 2^31 pixels a side",
    "PNG bomb of 900 megapixels",
    "PNG bomb of 90 megapixels",
    "JPEG that claims 65,500 pixels a side",
    "progressive JPEG that claims 12,000 pixels a side",
    "progressive CMYK JPEG that claims 9,000 pixels a side",
}
_TOO_SMALL = {"PNG of no size", "too narrow", "too low"}
# Seconds after which an answer counts as never coming; how soon it should come is `make fuzz-faces`' figure.
_HANGS = 60.0


@pytest.fixture
def own(tmp_path: Path, cache_dir: Path, weights: object) -> Iterator[FaceService]:
    """A service that no other test uses, since the most memory that a process has held never falls."""
    with FaceService(tmp_path, cache_dir) as service:
        post(service.url, "CreateCollection", {"CollectionId": COLLECTION})
        yield service


@pytest.fixture(scope="module")
def photo(photos: dict[str, bytes]) -> Pillow.Image:
    with Pillow.open(io.BytesIO(photos["obama"])) as picture:
        small = picture.convert("RGB")
    small.thumbnail((300, 300))
    return small


@pytest.fixture(scope="module")
def odd(photo: Pillow.Image) -> dict[str, bytes]:
    return odd_files(photo)


def _memory(service: FaceService) -> int:
    assert service.pid is not None
    return peak_memory(service.pid)


def _detect(service: FaceService, data: bytes) -> tuple[int, dict[str, object]]:
    image = {"Bytes": base64.b64encode(data).decode()}
    return post(service.url, "DetectFaces", {"Image": image, "Attributes": ["ALL"]}, _HANGS)


def test_every_bad_file_has_its_error_and_costs_little(own: FaceService, photo: Pillow.Image) -> None:
    for name, data in bad_files(photo).items():
        status, answer = _detect(own, data)
        if name in _TOO_LARGE:
            expected = "ImageTooLargeException"
        elif name in _TOO_SMALL:
            expected = "InvalidParameterException"
        else:
            expected = "InvalidImageFormatException"
        assert (status, answer.get("__type")) == (400, expected), (name, answer)
    assert _memory(own) < MOST_BYTES / 2


def test_unusual_files_are_photos_like_any(service: FaceService, odd: dict[str, bytes]) -> None:
    for name, data in odd.items():
        status, answer = _detect(service, data)
        assert status == 200, (name, answer)
        faces = answer["FaceDetails"]
        assert isinstance(faces, list)
        assert len(faces) == 1, name


def test_orientation_is_read_in_a_jpeg_and_not_in_a_png_as_with_rekognition(
    service: FaceService, odd: dict[str, bytes]
) -> None:
    def left(name: str) -> float:
        faces = _detect(service, odd[name])[1]["FaceDetails"]
        assert isinstance(faces, list)
        return float(faces[0]["BoundingBox"]["Left"])

    upright = left("PNG")

    assert left("JPEG turned by EXIF, with a long description") == pytest.approx(upright, abs=0.03)
    assert left("PNG that EXIF would turn") == upright


def test_hundreds_of_mutated_photos_end_in_an_answer_or_an_error_for_images(
    own: FaceService, photos: dict[str, bytes]
) -> None:
    good = [photos[name] for name in ("obama", "biden", "group", "sunglasses")]

    outcome = feed(own.url, mutations(good, 600, seed=7), seed=7, most_seconds=_HANGS)

    assert [why for why, _ in outcome.wrong] == []
    assert outcome.answers["answered"] > 60
    assert set(outcome.answers) <= IMAGE_ERRORS | {"answered"}
    assert _memory(own) < MOST_BYTES
