"""Finding faces: one pass that suffices for almost every photo, and second looks where it found nothing sure.

Second looks, tried in turn until one finds a face: a dark picture lit up, a face that fills the frame made
smaller, small faces in a large picture made larger, and a picture that lies on its side or its head turned.
What a second look finds has to look like a face to the mesh too, so that looking longer at a picture
without a face does not find one in it. Gains: docs/faces.md.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from local.rekognition.alignment import square_crop, square_matrix
from local.rekognition.faces import Box, Face
from local.rekognition.images import Image, one_large
from local.rekognition.mesh import FaceMesh

_SCORE = 0.7
_OVERLAP = 0.3
_CANDIDATES = 500

_SIDE = 640
_SMALL_SIDE = 256
_LARGE_SIDE = 1280
# Longer side of a face, at 640 pixels, below which others may have been too small to be found.
_TINY = 48
_DARK_PICTURE = 110.0

# Logits of the mesh, and scores that are low enough to need it.
_NO_FACE, _DOUBTFUL_SCORE = -3.0, 0.85
_LIKE_A_FACE = 5.0
_HARDLY_A_FACE = 15.0
_BETTER_BY = 10.0
_NESTED = 0.7

# Degrees: the detector's landmarks are true to about 15; a head that leans more is looked at upright.
_LEANING = 18.0
_UPRIGHT_SIZE = 320
_UPRIGHT_MARGIN = 2.0


class FaceDetector:
    """The detector and the mesh. Use from one thread at a time."""

    def __init__(self, detector: Path, mesh: Path) -> None:
        self._model = detector
        self._network = self._loaded()
        self._mesh = FaceMesh(mesh)

    def detect(self, image: Image) -> list[Face]:
        """Find all faces, largest first."""
        found = self._found(image, _SIDE)
        faces = [face for face in found if not _is_pattern(face)]
        if not faces:
            # Where nothing better is found, what the detector found stays: it errs less often than the mesh.
            faces = next(self._second_looks(image), found)
        elif max(face.presence for face in faces) < _HARDLY_A_FACE:
            # Faces on their head are found at times, with the landmarks of an upright one.
            faces = self._turned(image, max(face.presence for face in faces)) or faces
        elif self._all_tiny(image, faces):
            larger = [face for face in self._found(image, _LARGE_SIDE) if face.presence >= _LIKE_A_FACE]
            faces = larger if len(larger) > len(faces) else faces
        faces = _without_nested(faces)
        return sorted(
            (self._upright(image, face) for face in faces), key=lambda face: face.box.area, reverse=True
        )

    def _second_looks(self, image: Image) -> Iterator[list[Face]]:
        """Yield what each way of looking again finds, where it finds something."""
        small = _shrunk(image, _SIDE)
        looks = [(small, _SMALL_SIDE)]
        if max(image.shape[:2]) > _SIDE:
            looks.append((image, _LARGE_SIDE))
        if float(np.percentile(small, 95)) < _DARK_PICTURE:
            looks.insert(0, (_lit(small), _SIDE))
        for picture, side in looks:
            stretch = image.shape[1] / picture.shape[1], image.shape[0] / picture.shape[0]
            faces = [
                face.scaled(*stretch) for face in self._found(picture, side) if face.presence >= _LIKE_A_FACE
            ]
            if faces:
                yield faces
        faces = self._turned(image, 0.0)
        if faces:
            yield faces

    def _turned(self, image: Image, presence: float) -> list[Face]:
        """Look at the picture turned by quarters; return the faces of the best turn, none if none is sure."""
        height, width = image.shape[:2]
        small = _shrunk(image, _SIDE)
        stretch = width / small.shape[1], height / small.shape[0]
        best: list[Face] = []
        least = presence + _BETTER_BY
        for quarters in (1, 3, 2):
            faces = [
                face
                for face in self._found(np.ascontiguousarray(np.rot90(small, quarters)), _SIDE)
                if face.presence >= _LIKE_A_FACE
            ]
            if faces and max(face.presence for face in faces) > least:
                least = max(face.presence for face in faces)
                best = [
                    face.turned_back(quarters, small.shape[1], small.shape[0]).scaled(*stretch)
                    for face in faces
                ]
        return best

    def _found(self, image: Image, side: int) -> list[Face]:
        """Find faces with the longer side of the image at most `side` pixels, and lay the mesh on each."""
        small = _shrunk(image, side)
        stretch = image.shape[1] / small.shape[1], image.shape[0] / small.shape[0]
        faces = []
        for face in self._pass_large(small) if side == _LARGE_SIDE else _pass(self._network, small):
            mesh = self._mesh.fit(small, face.box, _roll(face))
            faces.append(replace(face, mesh=mesh).scaled(*stretch))
        return faces

    def _pass_large(self, image: Image) -> list[Face]:
        """Find faces by a network that lasts no longer: it would keep the 90 MB that it needs here."""
        with one_large:
            return _pass(self._loaded(), image)

    def _loaded(self) -> cv2.FaceDetectorYN:
        size = (_UPRIGHT_SIZE, _UPRIGHT_SIZE)
        return cv2.FaceDetectorYN.create(str(self._model), "", size, _SCORE, _OVERLAP, _CANDIDATES)

    def _upright(self, image: Image, face: Face) -> Face:
        """Return the face with landmarks found after turning it upright, if it leans."""
        if face.presence < _LIKE_A_FACE or face.mesh is None or abs(face.mesh.pose.roll) < _LEANING:
            return face
        centre = face.landmarks.mean(axis=0)
        cut = (centre, _UPRIGHT_MARGIN * face.box.side, float(np.radians(face.mesh.pose.roll)), _UPRIGHT_SIZE)
        again = _pass(self._network, square_crop(image, *cut))
        if not again:
            return face
        middle = _UPRIGHT_SIZE / 2
        nearest = min(again, key=lambda other: float(np.linalg.norm(other.landmarks.mean(axis=0) - middle)))
        back = cv2.invertAffineTransform(square_matrix(*cut))
        landmarks = (nearest.landmarks @ back[:, :2].T + back[:, 2]).astype(np.float32)
        if float(np.linalg.norm(landmarks.mean(axis=0) - centre)) > face.box.side / 2:
            return face
        return replace(face, landmarks=landmarks)

    @staticmethod
    def _all_tiny(image: Image, faces: list[Face]) -> bool:
        longer = int(max(image.shape[:2]))
        return longer > _SIDE and max(face.box.side for face in faces) * _SIDE / longer < _TINY


def _pass(network: cv2.FaceDetectorYN, image: Image) -> list[Face]:
    network.setInputSize((image.shape[1], image.shape[0]))
    _, rows = network.detect(image)
    # The stubs promise an array always; with no face it is None.
    if not isinstance(rows, np.ndarray):
        return []
    rows = rows[np.isfinite(rows).all(axis=1)].astype(np.float32)
    return [
        Face(
            Box(*(float(value) for value in row[:4])),
            row[4:14].reshape(5, 2).copy(),
            float(row[14]),
        )
        for row in rows
    ]


def _is_pattern(face: Face) -> bool:
    """Neither the detector is sure of it, nor does the mesh see a face in it."""
    return face.score < _DOUBTFUL_SCORE and face.presence < _NO_FACE


def _without_nested(faces: list[Face]) -> list[Face]:
    """Leave out of faces within each other those that look less like one."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: face.presence, reverse=True):
        if all(
            max(face.box.share_inside(other.box), other.box.share_inside(face.box)) < _NESTED
            for other in kept
        ):
            kept.append(face)
    return kept


def _roll(face: Face) -> float:
    along = face.landmarks[1] - face.landmarks[0]
    return float(np.degrees(np.arctan2(along[1], along[0])))


def _shrunk(image: Image, side: int) -> Image:
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _lit(image: Image) -> Image:
    """Return a dark picture with its mid-tones raised, and its contrast evened out region by region."""
    light = min(max(float(np.percentile(image, 95)) / 255, 1 / 255), 0.7)
    table = 255 * (np.arange(256) / 255) ** (np.log(0.75) / np.log(light))
    lab = cv2.cvtColor(cv2.LUT(image, table.astype(np.uint8)), cv2.COLOR_BGR2LAB)
    lab[..., 0] = cv2.createCLAHE(4.0, (8, 8)).apply(lab[..., 0])
    return cv2.cvtColor(lab, cv2.COLOR_LAB2BGR).astype(np.uint8, copy=False)
