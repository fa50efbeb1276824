"""The face models on one image: find faces, embed them, judge eyes, sunglasses, pose and quality.

An engine belongs to one thread at a time: OpenCV's networks keep their input inside.
Models and measurements: docs/decisions/face-models.md.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from local.rekognition.alignment import Points, eye_crops, face_crop, sunglasses_crop
from local.rekognition.images import Image
from local.rekognition.weights import Weights

Embedding = NDArray[np.float32]
"""Unit vector of 128 numbers; the cosine of two is their dot product."""

EMBEDDING_SIZE = 128
MODEL_VERSION = "1.0"
"""Answered as FaceModelVersion, in the form of Rekognition's. Raise it when embeddings change."""

_DETECTION_SIDE = 640
_DETECTION_SCORE = 0.7
_DETECTION_OVERLAP = 0.3
_DETECTION_CANDIDATES = 500

# A face in millimetres, origin at the tip of the nose, y down, z away from the camera; order as in `Points`.
_FACE_MODEL = np.array(
    [[-31.5, -32.5, 26.0], [31.5, -32.5, 26.0], [0.0, 0.0, 0.0], [-25.0, 32.0, 24.0], [25.0, 32.0, 24.0]],
    np.float64,
)
_FOCAL_LENGTHS_PER_FACE = 6.0
# What the five landmarks of a level face give with this model: the mean of 115 frontal photos.
_LEVEL_PITCH = -14.9
_SHARP_VARIANCE = 300.0


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the upright image; it may reach beyond the image."""

    left: float
    top: float
    width: float
    height: float

    @property
    def area(self) -> float:
        return self.width * self.height


@dataclass(frozen=True)
class Face:
    """A face as the detector sees it: box, landmarks in pixels, score from 0.7 to 1."""

    box: Box
    landmarks: Points
    score: float


@dataclass(frozen=True)
class Pose:
    """Angles in degrees, 0 when the face looks straight into the camera.

    Yaw is positive when it looks to the image's right, pitch when it looks up, roll when it leans to the
    image's right (clockwise).
    """

    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True)
class Quality:
    """Brightness and sharpness of the aligned face, each from 0 to 100; not Rekognition's scales."""

    brightness: float
    sharpness: float


class FaceEngine:
    """Loaded models. Use from one thread at a time.

    Parameters
    ----------
    weights
        Files made by `ensure_weights`.
    """

    def __init__(self, weights: Weights) -> None:
        self._detector = cv2.FaceDetectorYN.create(
            str(weights.detector), "", (320, 320), _DETECTION_SCORE, _DETECTION_OVERLAP, _DETECTION_CANDIDATES
        )
        self._recognizer = cv2.dnn.readNetFromONNX(str(weights.recognizer))
        self._sunglasses = cv2.dnn.readNetFromONNX(str(weights.sunglasses))
        self._eyes = cv2.dnn.readNetFromONNX(str(weights.eyes))

    def detect(self, image: Image) -> list[Face]:
        """Find all faces, largest first."""
        height, width = image.shape[:2]
        scale = min(1.0, _DETECTION_SIDE / max(height, width))
        small = image
        if scale < 1:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        self._detector.setInputSize((small.shape[1], small.shape[0]))
        _, rows = self._detector.detect(small)
        # The stubs promise an array always; with no face it is None.
        if not isinstance(rows, np.ndarray):
            return []
        rows = rows[np.isfinite(rows).all(axis=1)].astype(np.float32)
        stretch = np.array([width / small.shape[1], height / small.shape[0]], np.float32)
        faces = []
        for row in rows:
            left, top = row[0:2] * stretch
            box_width, box_height = row[2:4] * stretch
            box = Box(float(left), float(top), float(box_width), float(box_height))
            faces.append(Face(box, (row[4:14].reshape(5, 2) * stretch).astype(np.float32), float(row[14])))
        return sorted(faces, key=lambda face: face.box.area, reverse=True)

    def embed(self, image: Image, face: Face) -> Embedding:
        """Return the unit vector that stands for the person."""
        blob = cv2.dnn.blobFromImage(face_crop(image, face.landmarks), 1.0, swapRB=True)
        # OpenCV 5 knows this network's input by its name only.
        self._recognizer.setInput(blob, "data")
        vector = self._recognizer.forward().ravel().astype(np.float32)
        return (vector / max(float(np.linalg.norm(vector)), 1e-12)).astype(np.float32)

    def sunglasses(self, image: Image, face: Face) -> float:
        """Return the probability, 0 to 1, that the face wears sunglasses."""
        # The network's one unit stands for the class "no sunglasses".
        return 1.0 - _probability(self._sunglasses, sunglasses_crop(image, face.landmarks))

    def eyes_open(self, image: Image, face: Face) -> float:
        """Return the probability, 0 to 1, that the eyes are open: the mean of both."""
        left, right = eye_crops(image, face.landmarks)
        return (_probability(self._eyes, left) + _probability(self._eyes, right)) / 2


def pose(face: Face) -> Pose:
    """Estimate where the face looks, from its five landmarks and a mean face; yaw is fair, pitch rough.

    The camera is taken to look straight at the face, so that a crop of a photo has the photo's angles.
    """
    points = face.landmarks.astype(np.float64)
    focal = _FOCAL_LENGTHS_PER_FACE * max(face.box.width, face.box.height)
    centre_x, centre_y = points.mean(axis=0)
    camera = np.array([[focal, 0, centre_x], [0, focal, centre_y], [0, 0, 1]], np.float64)
    try:
        found, rotation, _ = cv2.solvePnP(_FACE_MODEL, points, camera, np.zeros(4), flags=cv2.SOLVEPNP_SQPNP)
    except cv2.error:
        found = False
    if not found:
        # Landmarks on one line or point: such a face is turned away altogether.
        return Pose(yaw=90.0, pitch=0.0, roll=0.0)
    matrix, _ = cv2.Rodrigues(rotation)
    # Roll outermost, so that turning the picture changes it alone; pitch innermost, so that a level
    # face's can be taken off.
    yaw = np.degrees(np.arcsin(np.clip(matrix[2, 0], -1, 1)))
    pitch = (-np.degrees(np.arctan2(matrix[2, 1], matrix[2, 2])) - _LEVEL_PITCH + 180) % 360 - 180
    roll = np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))
    return Pose(yaw=float(yaw), pitch=float(pitch), roll=float(roll))


def quality(image: Image, face: Face) -> Quality:
    """Measure the aligned face: mean grey, and the variance of its Laplacian on a saturating scale."""
    grey = cv2.cvtColor(face_crop(image, face.landmarks), cv2.COLOR_BGR2GRAY)
    variance = float(cv2.Laplacian(grey, cv2.CV_64F).var())
    return Quality(
        brightness=float(grey.mean()) / 2.55,
        sharpness=100.0 * (1.0 - float(np.exp(-variance / _SHARP_VARIANCE))),
    )


def _probability(network: cv2.dnn.Net, crop: Image) -> float:
    network.setInput(cv2.dnn.blobFromImage(crop, 1.0, swapRB=True))
    return float(np.clip(network.forward().ravel()[0], 0.0, 1.0))
