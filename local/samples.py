"""Sample photos that any machine can have: portraits from packages, and pictures made from them.

Nothing of it is in git: the files are fetched by hash-checked downloads and made once, in the cache.
"""

import tarfile
import zipfile
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from local.downloads import PinnedDownload, Report, fetch, make_folder_once
from local.rekognition.engine import FaceEngine
from local.rekognition.faces import Face
from local.rekognition.images import Image, decode
from local.rekognition.weights import WeightsError, ensure_weights

PORTRAITS = PinnedDownload(
    name="face-recognition",
    version="1.3.0",
    filename="face_recognition-1.3.0.tar.gz",
    sha256="5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec",
)
GROUP_PHOTO = PinnedDownload(
    name="insightface",
    version="2.1",
    filename="insightface-2.1-py3-none-any.whl",
    sha256="dcd58ee79d99d689572477315f3149353afd65a36dc575f597cbb217a7bde399",
)

_PORTRAIT_MEMBERS = {
    "obama": "face_recognition-1.3.0/tests/test_images/obama.jpg",
    "obama_speaking": "face_recognition-1.3.0/tests/test_images/obama2.jpg",
    "obama_standing": "face_recognition-1.3.0/tests/test_images/obama3.jpg",
    "biden": "face_recognition-1.3.0/tests/test_images/biden.jpg",
}
_GROUP_MEMBER = "insightface/data/images/t1.jpg"
NAMES = (*_PORTRAIT_MEMBERS, "group", "sunglasses", "no_face", "turned_by_exif", "not_an_image")

# Raise it when a picture is made in another way: every cache then makes its samples anew.
_VERSION = 1
_EXIF_ORIENTATION = 0x0112
_TURN_CLOCKWISE_TO_SHOW = 6
_SURE = 0.9


class SamplesError(WeightsError):
    """A sample is not what it is meant to be: with these weights the models see something else in it."""


def ensure_samples(cache_dir: Path, report: Report = lambda _line: None) -> dict[str, Path]:
    """Return the sample photos by name (`NAMES`), fetching and making them first where they are missing.

    Raises
    ------
    DownloadError, WeightsError
        If a package or the models cannot be had, or are not the pinned ones.
    SamplesError
        If the models do not see in a made picture what it shows.
    """
    folder = cache_dir / "samples" / f"v{_VERSION}-{PORTRAITS.sha256[:8]}-{GROUP_PHOTO.sha256[:8]}"
    make_folder_once(folder, lambda made: _make(made, cache_dir, report))
    return {name: folder / f"{name}.jpg" for name in NAMES}


def with_sunglasses(image: Image, face: Face) -> Image:
    """Return a copy of the image with dark glasses drawn onto the face."""
    picture = image.copy()
    left, right = face.landmarks[0], face.landmarks[1]
    distance = float(np.linalg.norm(right - left))
    along = (right - left) / distance
    down = np.array([-along[1], along[0]], np.float32)
    black, edge = (18, 16, 14), (40, 38, 36)

    def at(origin: NDArray[np.float32], across: float, below: float) -> tuple[int, int]:
        x, y = origin + distance * (across * along + below * down)
        return round(float(x)), round(float(y))

    angle = float(np.degrees(np.arctan2(along[1], along[0])))
    lens = (round(0.40 * distance), round(0.31 * distance))
    thick = max(2, round(0.06 * distance))
    for eye, outward in ((left, -1.0), (right, 1.0)):
        cv2.ellipse(
            picture, at(eye, 0.02 * outward, 0.06), lens, angle, 0, 360, black, cv2.FILLED, cv2.LINE_AA
        )
        cv2.ellipse(
            picture, at(eye, 0.02 * outward, 0.06), lens, angle, 0, 360, edge, thick // 2, cv2.LINE_AA
        )
        cv2.line(
            picture, at(eye, 0.40 * outward, 0), at(eye, 0.62 * outward, -0.06), black, thick, cv2.LINE_AA
        )
    cv2.line(picture, at(left, 0.36, 0), at(right, -0.36, 0), black, thick, cv2.LINE_AA)
    return picture


def without_face() -> Image:
    """Return a drawn landscape of 1200 x 800 pixels."""
    height, width = 800, 1200
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    sky, haze = np.array([210, 150, 90], np.float32), np.array([235, 225, 210], np.float32)
    picture = np.broadcast_to((1 - rows) * sky + rows * haze, (height, width, 3)).astype(np.uint8).copy()
    cv2.circle(picture, (930, 170), 70, (150, 230, 255), cv2.FILLED, cv2.LINE_AA)
    columns = np.arange(width)
    for level, swing, period, colour in ((430, 60, 310, (120, 110, 80)), (560, 45, 190, (70, 120, 60))):
        ridge = (level + swing * np.sin(columns / period * 2 * np.pi)).astype(np.int32)
        outline = np.concatenate([np.stack([columns, ridge], axis=1), [[width - 1, height], [0, height]]])
        cv2.fillPoly(picture, [outline.astype(np.int32)], colour, cv2.LINE_AA)
    return picture


def turned_by_exif(photo: bytes) -> bytes:
    """Return a JPEG whose pixels lie on their side and whose EXIF orientation says how to turn them."""
    exif = Pillow.Exif()
    exif[_EXIF_ORIENTATION] = _TURN_CLOCKWISE_TO_SHOW
    target = BytesIO()
    with Pillow.open(BytesIO(photo)) as upright:
        lying = upright.convert("RGB").transpose(Pillow.Transpose.ROTATE_90)
    lying.save(target, "JPEG", quality=95, exif=exif)
    return target.getvalue()


def _make(folder: Path, cache_dir: Path, report: Report) -> None:
    portraits = fetch(PORTRAITS, cache_dir, report)
    group = fetch(GROUP_PHOTO, cache_dir, report)
    engine = FaceEngine(ensure_weights(cache_dir, report))
    report("Making the sample photos")
    photos: dict[str, bytes] = {}
    with tarfile.open(portraits) as archive:
        for name, member in _PORTRAIT_MEMBERS.items():
            file = archive.extractfile(member)
            if file is None:
                raise SamplesError(f"{portraits} holds no file {member}.")
            photos[name] = file.read()
    with zipfile.ZipFile(group) as wheel:
        photos["group"] = wheel.read(_GROUP_MEMBER)
    photos["sunglasses"] = _sunglasses_photo(engine, decode(photos["biden"]))
    photos["no_face"] = _jpeg(without_face())
    photos["turned_by_exif"] = turned_by_exif(photos["obama"])
    photos["not_an_image"] = b"This is a text file that calls itself a photo.\n"

    for name, faces in {"no_face": 0, "turned_by_exif": 1, "sunglasses": 1}.items():
        found = len(engine.detect(decode(photos[name])))
        if found != faces:
            raise SamplesError(f"The sample {name} should show {faces} faces, but the models see {found}.")
    for name, photo in photos.items():
        (folder / f"{name}.jpg").write_bytes(photo)


def _sunglasses_photo(engine: FaceEngine, image: Image) -> bytes:
    photo = _jpeg(with_sunglasses(image, _only_face(engine, image)))
    worn = decode(photo)
    probability = engine.sunglasses(worn, _only_face(engine, worn))
    if probability < _SURE:
        raise SamplesError(f"The sunglasses drawn are sunglasses by {probability:.2f} only.")
    return photo


def _only_face(engine: FaceEngine, image: Image) -> Face:
    faces = engine.detect(image)
    if len(faces) != 1:
        raise SamplesError(f"A portrait should show one face, but the models see {len(faces)}.")
    return faces[0]


def _jpeg(image: Image) -> bytes:
    encoded, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])
    if not encoded:
        raise SamplesError("OpenCV could not write a JPEG.")
    return data.tobytes()
