"""The models on real photos."""

import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.faces.manifest import MANIFEST, Label, read_manifest
from local.rekognition.engine import FaceEngine, pose, quality
from local.rekognition.faces import Face
from local.rekognition.images import Image, decode
from local.rekognition.scales import cosine_of, detection_confidence, similarity
from local.samples import with_sunglasses

_PEOPLE = ("obama", "obama_speaking", "obama_standing", "biden")


def _only_face(engine: FaceEngine, image: Image) -> Face:
    faces = engine.detect(image)
    assert len(faces) == 1
    return faces[0]


def _without_mesh(face: Face) -> Face:
    return Face(face.box, face.landmarks, face.score)


@pytest.mark.parametrize(
    ("name", "faces"),
    [
        *((name, 1) for name in _PEOPLE),
        ("sunglasses", 1),
        ("turned_by_exif", 1),
        ("no_face", 0),
        ("group", 6),
    ],
)
def test_the_faces_of_a_photo_are_counted(
    engine: FaceEngine, photos: dict[str, bytes], name: str, faces: int
) -> None:
    assert len(engine.detect(decode(photos[name]))) == faces


def test_faces_come_largest_first_with_their_landmarks_inside(
    engine: FaceEngine, photos: dict[str, bytes]
) -> None:
    faces = engine.detect(decode(photos["group"]))

    areas = [face.box.area for face in faces]
    assert areas == sorted(areas, reverse=True)
    for face in faces:
        corner = np.array([face.box.left, face.box.top])
        assert (face.landmarks >= corner).all()
        assert (face.landmarks <= corner + np.array([face.box.width, face.box.height])).all()


def test_photos_of_one_person_are_alike_and_of_two_are_not(
    engine: FaceEngine, photos: dict[str, bytes]
) -> None:
    vectors = {}
    for name in _PEOPLE:
        image = decode(photos[name])
        vectors[name] = engine.embed(image, _only_face(engine, image))

    assert all(np.linalg.norm(vector) == pytest.approx(1, abs=1e-5) for vector in vectors.values())
    first = vectors["obama"]
    assert similarity(float(first @ vectors["obama_speaking"])) > 95
    assert similarity(float(first @ vectors["obama_standing"])) > 95
    assert similarity(float(first @ vectors["biden"])) < 50


@pytest.mark.parametrize("name", _PEOPLE)
def test_sunglasses_drawn_onto_a_face_are_seen_and_a_bare_face_has_none(
    engine: FaceEngine, photos: dict[str, bytes], name: str
) -> None:
    image = decode(photos[name])
    bare = _only_face(engine, image)
    worn = with_sunglasses(image, bare)

    assert engine.sunglasses(image, bare) < 0.1
    assert engine.sunglasses(worn, _only_face(engine, worn)) > 0.9


@pytest.mark.parametrize("name", _PEOPLE)
def test_open_eyes_are_seen_and_eyes_painted_over_are_not_open(
    engine: FaceEngine, photos: dict[str, bytes], name: str
) -> None:
    image = decode(photos[name])
    face = _only_face(engine, image)
    shut = image.copy()
    distance = float(np.linalg.norm(face.landmarks[1] - face.landmarks[0]))
    cheek = image[int(face.landmarks[2][1]), int((face.landmarks[0][0] + face.landmarks[2][0]) / 2)]
    for x, y in face.landmarks[:2]:
        lid = (round(distance * 0.28), round(distance * 0.13))
        cv2.ellipse(shut, (round(float(x)), round(float(y))), lid, 0, 0, 360, cheek.tolist(), cv2.FILLED)

    assert engine.eyes_open(image, face) > 0.9
    assert engine.eyes_open(shut, face) < 0.5


def test_mirroring_a_photo_mirrors_yaw_and_roll_and_keeps_pitch(
    engine: FaceEngine, photos: dict[str, bytes]
) -> None:
    image = decode(photos["obama_speaking"])
    mirrored = np.ascontiguousarray(image[:, ::-1])

    seen, other = pose(_only_face(engine, image)), pose(_only_face(engine, mirrored))

    # The speaker looks to the image's left.
    assert seen.yaw < -15
    assert other.yaw == pytest.approx(-seen.yaw, abs=8)
    assert other.roll == pytest.approx(-seen.roll, abs=4)
    assert other.pitch == pytest.approx(seen.pitch, abs=8)


def test_turning_the_landmarks_turns_the_roll_alone(engine: FaceEngine, photos: dict[str, bytes]) -> None:
    face = _without_mesh(_only_face(engine, decode(photos["obama_speaking"])))
    angle = np.radians(20)
    clockwise = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)
    centre = face.landmarks.mean(axis=0)
    turned = Face(face.box, ((face.landmarks - centre) @ clockwise + centre).astype(np.float32), face.score)

    seen, other = pose(face), pose(turned)

    assert other.roll - seen.roll == pytest.approx(20, abs=1)
    assert (other.yaw, other.pitch) == pytest.approx((seen.yaw, seen.pitch), abs=1)


def test_where_in_the_photo_a_face_is_does_not_change_its_pose(
    engine: FaceEngine, photos: dict[str, bytes]
) -> None:
    face = _without_mesh(_only_face(engine, decode(photos["biden"])))
    moved = Face(face.box, face.landmarks + np.array([500, -300], np.float32), face.score)

    seen, other = pose(face), pose(moved)

    assert (other.yaw, other.pitch, other.roll) == pytest.approx((seen.yaw, seen.pitch, seen.roll), abs=0.1)


def test_landmarks_on_one_point_give_a_pose_and_no_crash(
    engine: FaceEngine, photos: dict[str, bytes]
) -> None:
    face = _only_face(engine, decode(photos["biden"]))
    degenerate = Face(face.box, np.zeros((5, 2), np.float32), face.score)

    seen = pose(degenerate)
    crop = engine.embed(decode(photos["biden"]), degenerate)

    assert all(-180 <= angle <= 180 for angle in (seen.yaw, seen.pitch, seen.roll))
    assert np.isfinite(crop).all()


def test_a_darker_photo_is_less_bright_and_a_blurred_one_less_sharp(
    engine: FaceEngine, photos: dict[str, bytes]
) -> None:
    image = decode(photos["obama"])
    face = _only_face(engine, image)
    dark = (image // 4).astype(np.uint8)
    blurred = cv2.GaussianBlur(image, (0, 0), 8).astype(np.uint8)

    assert quality(dark, face).brightness < quality(image, face).brightness / 3
    assert quality(blurred, face).sharpness < quality(image, face).sharpness / 3


def test_the_percentages_hit_their_working_points() -> None:
    assert similarity(0.40) == pytest.approx(80)
    assert similarity(0.45) == pytest.approx(90, abs=0.2)
    assert similarity(0.60) == pytest.approx(99, abs=0.1)
    assert detection_confidence(0.7) == pytest.approx(90)
    assert similarity(cosine_of(93.5)) == pytest.approx(93.5)
    assert (cosine_of(0), cosine_of(100)) == (float("-inf"), float("inf"))


@dataclass(frozen=True)
class Seen:
    """A labelled photo, how many faces were found in it, and how probably the largest wears sunglasses."""

    label: Label
    faces: int
    sunglasses: float


@pytest.fixture(scope="module")
def seen(engine: FaceEngine) -> list[Seen]:
    """Photos of a folder with a manifest: PHOTOS_WITH_MANIFEST, or ../shared/photos beside the project."""
    beside = Path(__file__).resolve().parents[4] / "shared" / "photos"
    folder = Path(os.environ.get("PHOTOS_WITH_MANIFEST", beside))
    if not (folder / MANIFEST).exists():
        pytest.skip(f"no labelled photos in {folder}: the project can't carry any (PHOTOS_WITH_MANIFEST=DIR)")
    labels, ignored = read_manifest(folder)
    assert ignored == []
    found = []
    for label in labels:
        if label.n_faces:
            image = decode((folder / label.file).read_bytes())
            faces = engine.detect(image)
            found.append(Seen(label, len(faces), engine.sunglasses(image, faces[0]) if faces else 0.0))
    return found


def test_the_faces_of_labelled_photos_are_counted(seen: list[Seen]) -> None:
    wrong = [each for each in seen if ("2+" if each.faces > 1 else str(each.faces)) != each.label.n_faces]

    assert len(wrong) <= 0.01 * len(seen), wrong


def test_sunglasses_and_no_other_eyewear_are_seen_on_labelled_photos(seen: list[Seen]) -> None:
    known = [each for each in seen if each.label.eyewear and each.faces]
    dark = [each for each in known if each.label.eyewear == "sunglasses"]
    bare = [each for each in known if each.label.eyewear != "sunglasses"]

    assert [each for each in dark if each.sunglasses < 0.5] == []
    wrong = [each for each in bare if each.sunglasses >= 0.5]
    assert len(wrong) <= 0.01 * len(bare), wrong
