"""Faces that lean, lie, are dark, far, or fill the frame; and pictures that hold none."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from local.rekognition.details import face_detail, measure
from local.rekognition.engine import FaceEngine, pose
from local.rekognition.faces import Box, Face
from local.rekognition.images import Image, decode
from local.rekognition.mesh import _CHIN, _FOREHEAD, _LEVEL_PITCH, _PAIRS, _pose

_SAME_PERSON = 0.45


def _turned(image: Image, degrees: float) -> Image:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = (int(height * sin + width * cos), int(height * cos + width * sin))
    matrix[:, 2] += (size[0] / 2 - width / 2, size[1] / 2 - height / 2)
    return cv2.warpAffine(image, matrix, size).astype(np.uint8)


def _far(image: Image) -> Image:
    small = cv2.resize(
        image, None, fx=140 / max(image.shape), fy=140 / max(image.shape), interpolation=cv2.INTER_AREA
    )
    picture = np.full((1200, 1600, 3), 120, np.uint8)
    picture[500 : 500 + small.shape[0], 700 : 700 + small.shape[1]] = small
    return picture


def _filling(image: Image, face: Face) -> Image:
    box = face.box
    left, top = max(0, round(box.left)), max(0, round(box.top))
    cut = image[top : round(box.top + box.height), left : round(box.left + box.width)]
    return cv2.resize(cut, None, fx=4, fy=4).astype(np.uint8)


@pytest.fixture(scope="module")
def portrait(photos: dict[str, bytes]) -> Image:
    image = decode(photos["biden"])
    scale = 640 / max(image.shape)
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.uint8)


@pytest.mark.parametrize("degrees", [-45, 25, 45, 90, 135, 180, 270])
def test_a_turned_head_is_found_with_its_roll_and_known_again(
    engine: FaceEngine, portrait: Image, degrees: int
) -> None:
    upright = engine.detect(portrait)[0]
    picture = _turned(portrait, degrees)

    faces = engine.detect(picture)

    assert len(faces) == 1
    lean = (pose(faces[0]).roll - pose(upright).roll - degrees + 180) % 360 - 180
    assert lean == pytest.approx(0, abs=8)
    assert float(engine.embed(picture, faces[0]) @ engine.embed(portrait, upright)) > _SAME_PERSON


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_face_found_in_a_turned_picture_is_where_it_is_in_the_picture_itself(quarters: int) -> None:
    marked = np.zeros((40, 60, 3), np.uint8)
    marked[7, 11], marked[20, 30] = (255, 0, 0), (0, 255, 0)
    turned = np.rot90(marked, quarters)
    rows, columns = np.nonzero(turned.any(axis=2))
    found = np.stack([columns, rows], axis=1).astype(np.float32)
    low, high = found.min(axis=0), found.max(axis=0)
    face = Face(Box(*low.tolist(), *(high - low).tolist()), np.vstack([found, found, found[:1]]), 0.9)

    back = face.turned_back(quarters, width=60, height=40)

    assert {tuple(point) for point in back.landmarks.tolist()} == {(11.0, 7.0), (30.0, 20.0)}
    assert (back.box.left, back.box.top, back.box.width, back.box.height) == (11, 7, 19, 13)


@pytest.mark.parametrize(
    "change",
    [
        lambda image, _face: (image * 0.06).astype(np.uint8),
        lambda image, _face: _far(image),
        _filling,
    ],
    ids=["nearly dark", "far away", "filling the frame"],
)
def test_a_face_that_one_look_would_miss_is_found_and_known_again(
    engine: FaceEngine, portrait: Image, change: Callable[[Image, Face], Image]
) -> None:
    upright = engine.detect(portrait)[0]
    picture = change(portrait, upright)

    faces = engine.detect(picture)

    assert len(faces) == 1
    assert float(engine.embed(picture, faces[0]) @ engine.embed(portrait, upright)) > 0.4


def test_looking_again_finds_no_face_in_a_shuffled_picture(
    engine: FaceEngine, photos: dict[str, bytes]
) -> None:
    tile = 32
    image = decode(photos["group"])
    rows, columns = image.shape[0] // tile, image.shape[1] // tile
    tiles = image[: rows * tile, : columns * tile].reshape(rows, tile, columns, tile, 3).swapaxes(1, 2)
    shuffled = tiles.reshape(-1, tile, tile, 3)[np.random.default_rng(1).permutation(rows * columns)]
    picture = (
        shuffled.reshape(rows, columns, tile, tile, 3).swapaxes(1, 2).reshape(rows * tile, columns * tile, 3)
    )

    assert engine.detect(np.ascontiguousarray(picture)) == []
    assert engine.detect((picture * 0.05).astype(np.uint8)) == []


@pytest.mark.parametrize(
    ("yaw", "pitch"), [(0, 0), (20, 0), (-35, 0), (0, 15), (0, -25), (25, 15)], ids=lambda angle: f"{angle}"
)
def test_a_mesh_that_is_turned_has_that_yaw_and_pitch(yaw: float, pitch: float) -> None:
    """Looking to the image's right that side goes away from the camera; looking up, the forehead does."""
    flat = np.zeros((468, 3))
    flat[_PAIRS[:, 0]], flat[_PAIRS[:, 1]] = (-1, 0, 0), (1, 0, 0)
    flat[_FOREHEAD], flat[_CHIN] = (0, -2, 0), (0, 2, 0)
    aside, nod = np.radians(yaw), np.radians(pitch)
    nodding = np.array([[1, 0, 0], [0, np.cos(nod), np.sin(nod)], [0, -np.sin(nod), np.cos(nod)]])
    turning = np.array([[np.cos(aside), 0, -np.sin(aside)], [0, 1, 0], [np.sin(aside), 0, np.cos(aside)]])

    seen = _pose(flat @ (turning @ nodding).T, crop_roll=0.0)

    assert seen.yaw == pytest.approx(yaw)
    assert seen.pitch - _LEVEL_PITCH == pytest.approx(pitch)


@pytest.mark.parametrize(
    ("asked", "extra"),
    [
        (["DEFAULT"], set()),
        (["DEFAULT", "SUNGLASSES"], {"Sunglasses"}),
        (["EYES_OPEN"], {"EyesOpen"}),
        (["ALL"], {"Sunglasses", "EyesOpen"}),
        (["DEFAULT", "EYEGLASSES", "FACE_OCCLUDED", "AGE_RANGE"], set()),
    ],
)
def test_attributes_are_those_asked_for_and_what_no_model_knows_is_absent(
    engine: FaceEngine, portrait: Image, asked: list[str], extra: set[str]
) -> None:
    detail = face_detail(engine, portrait, measure(portrait, engine.detect(portrait)[0]), asked)

    assert set(detail) == {"BoundingBox", "Landmarks", "Pose", "Quality", "Confidence"} | extra
