"""The face models on one image: find faces, embed them, judge eyes, sunglasses, pose and quality.

An engine belongs to one thread at a time: OpenCV's networks keep their input inside.
Models and measurements: docs/decisions/face-models.md.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from local.rekognition.alignment import eye_crops, face_crop, lit, sunglasses_crop
from local.rekognition.detector import FaceDetector
from local.rekognition.faces import Face, Pose
from local.rekognition.images import Image
from local.rekognition.weights import Weights

Embedding = NDArray[np.float32]
"""Unit vector of 128 numbers; the cosine of two is their dot product."""

EMBEDDING_SIZE = 128
MODEL_VERSION = "1.0"
"""Answered as FaceModelVersion, in the form of Rekognition's. Raise it when embeddings change."""

# A face in millimetres, origin at the tip of the nose, y down, z away from the camera; order as in `Points`.
_FACE_MODEL = np.array(
    [[-31.5, -32.5, 26.0], [31.5, -32.5, 26.0], [0.0, 0.0, 0.0], [-25.0, 32.0, 24.0], [25.0, 32.0, 24.0]],
    np.float64,
)
_FOCAL_LENGTHS_PER_FACE = 6.0
# What the five landmarks of a level face give with this model: the mean of 115 frontal photos.
_LEVEL_PITCH = -14.9
_SHARP_VARIANCE = 300.0
# The least presence at which the mesh's angles are believed.
_MESH_FITS = 5.0


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
        self._detector = FaceDetector(weights.detector, weights.mesh)
        self._recognizer = cv2.dnn.readNetFromONNX(str(weights.recognizer))
        self._sunglasses = cv2.dnn.readNetFromONNX(str(weights.sunglasses))
        self._eyes = cv2.dnn.readNetFromONNX(str(weights.eyes))

    def detect(self, image: Image) -> list[Face]:
        """Find all faces, largest first."""
        return self._detector.detect(image)

    def embed(self, image: Image, face: Face) -> Embedding:
        """Return the unit vector that stands for the person."""
        blob = cv2.dnn.blobFromImage(lit(face_crop(image, face.landmarks)), 1.0, swapRB=True)
        # OpenCV 5 knows this network's input by its name only.
        self._recognizer.setInput(blob, "data")
        vector = self._recognizer.forward().ravel().astype(np.float32)
        return (vector / max(float(np.linalg.norm(vector)), 1e-12)).astype(np.float32)

    def sunglasses(self, image: Image, face: Face) -> float:
        """Return the probability, 0 to 1, that the face wears sunglasses."""
        # The network's one unit stands for the class "no sunglasses".
        return 1.0 - _probability(self._sunglasses, lit(sunglasses_crop(image, face.landmarks)))

    def eyes_open(self, image: Image, face: Face) -> float:
        """Return the probability, 0 to 1, that the eyes are open: the mean of both."""
        left, right = eye_crops(image, face.landmarks)
        return (_probability(self._eyes, left) + _probability(self._eyes, right)) / 2


def pose(face: Face) -> Pose:
    """Estimate where the face looks.

    Pitch and roll are the mesh's. Yaw is the mean of the mesh's, which is too small for profiles, and the
    five landmarks', which is too large. Without a mesh that fits, all are the landmarks', with rough pitch.
    """
    seen = _pose_of_landmarks(face)
    if face.presence < _MESH_FITS or face.mesh is None:
        return seen
    return replace(face.mesh.pose, yaw=(face.mesh.pose.yaw + seen.yaw) / 2)


def _pose_of_landmarks(face: Face) -> Pose:
    """Estimate the angles from the five landmarks and a mean face.

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
