"""Shapes of Rekognition's answers, and the bar that a face has to pass to be indexed or searched."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from local.rekognition.engine import FaceEngine, Quality, pose, quality
from local.rekognition.faces import Face, Pose
from local.rekognition.images import Image
from local.rekognition.records import RelativeBox, StoredFace
from local.rekognition.scales import detection_confidence

_LANDMARK_TYPES = ("eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight")


@dataclass(frozen=True)
class QualityBar:
    """The least that a quality filter lets through: pixels, 0 to 100, degrees."""

    side: float
    confidence: float
    brightness: float
    sharpness: float
    yaw: float
    pitch: float

    def reasons(self, face: Face, face_pose: Pose, face_quality: Quality) -> list[str]:
        """Return Rekognition's reasons against a face, none if it passes."""
        checks = {
            "SMALL_BOUNDING_BOX": min(face.box.width, face.box.height) < self.side,
            "LOW_CONFIDENCE": detection_confidence(face.score) < self.confidence,
            "EXTREME_POSE": abs(face_pose.yaw) > self.yaw or abs(face_pose.pitch) > self.pitch,
            "LOW_BRIGHTNESS": face_quality.brightness < self.brightness,
            "LOW_SHARPNESS": face_quality.sharpness < self.sharpness,
        }
        return [reason for reason, fails in checks.items() if fails]


_LOW = QualityBar(side=24, confidence=92, brightness=6, sharpness=4, yaw=65, pitch=50)
QUALITY_BARS: Mapping[str, QualityBar | None] = {
    "NONE": None,
    # Rekognition leaves to itself what AUTO is. Here it refuses only what the models cannot tell apart
    # well, because pose and quality are rough measures and the caller has rules of its own.
    "AUTO": _LOW,
    "LOW": _LOW,
    "MEDIUM": QualityBar(side=40, confidence=95, brightness=12, sharpness=10, yaw=55, pitch=40),
    "HIGH": QualityBar(side=60, confidence=98, brightness=20, sharpness=25, yaw=45, pitch=30),
}


@dataclass(frozen=True)
class DetectedFace:
    """A face with what is measured of it always."""

    face: Face
    box: RelativeBox
    confidence: float
    pose: Pose
    quality: Quality

    def reasons_against(self, quality_filter: str) -> list[str]:
        """Return why the quality filter refuses the face, none if it doesn't."""
        bar = QUALITY_BARS[quality_filter]
        return bar.reasons(self.face, self.pose, self.quality) if bar else []


def measure(image: Image, face: Face) -> DetectedFace:
    """Measure a face of `image`."""
    height, width = image.shape[:2]
    box = face.box
    return DetectedFace(
        face=face,
        box=RelativeBox(box.left / width, box.top / height, box.width / width, box.height / height),
        confidence=detection_confidence(face.score),
        pose=pose(face),
        quality=quality(image, face),
    )


def face_detail(
    engine: FaceEngine, image: Image, detected: DetectedFace, attributes: Iterable[str]
) -> dict[str, Any]:
    """Describe a face as DetectFaces does: the default attributes, and of the others those asked for.

    An attribute that no model here knows is absent.
    """
    asked = set(attributes)
    height, width = image.shape[:2]
    places = detected.face.landmarks / np.array([width, height])
    detail: dict[str, Any] = {
        "BoundingBox": bounding_box(detected.box),
        "Landmarks": [
            {"Type": kind, "X": float(x), "Y": float(y)}
            for kind, (x, y) in zip(_LANDMARK_TYPES, places, strict=True)
        ],
        "Pose": {"Roll": detected.pose.roll, "Yaw": detected.pose.yaw, "Pitch": detected.pose.pitch},
        "Quality": {"Brightness": detected.quality.brightness, "Sharpness": detected.quality.sharpness},
        "Confidence": detected.confidence,
    }
    if asked & {"ALL", "SUNGLASSES"}:
        detail["Sunglasses"] = _judgement(engine.sunglasses(image, detected.face))
    if asked & {"ALL", "EYES_OPEN"}:
        detail["EyesOpen"] = _judgement(engine.eyes_open(image, detected.face))
    return detail


def bounding_box(box: RelativeBox) -> dict[str, float]:
    """Shape a box."""
    return {"Width": box.width, "Height": box.height, "Left": box.left, "Top": box.top}


def stored_face(face: StoredFace, model_version: str) -> dict[str, Any]:
    """Shape a face of a collection."""
    shaped: dict[str, Any] = {
        "FaceId": face.face_id,
        "BoundingBox": bounding_box(face.box),
        "ImageId": face.image_id,
        "Confidence": face.confidence,
        "IndexFacesModelVersion": model_version,
    }
    if face.external_image_id is not None:
        shaped["ExternalImageId"] = face.external_image_id
    return shaped


def _judgement(probability: float) -> dict[str, bool | float]:
    """Shape yes or no, with the confidence in that answer: 50 when undecided, 100 when sure."""
    value = probability >= 0.5
    return {"Value": value, "Confidence": 100.0 * (probability if value else 1.0 - probability)}
