"""What DetectFaces tells of a face, as a test wants it."""

from __future__ import annotations

from typing import Any


def face(
    *,
    confidence: float = 99.9,
    sunglasses: tuple[bool, float] = (False, 99.0),
    eyes_open: tuple[bool, float] = (True, 99.0),
    occluded: tuple[bool, float] = (False, 99.0),
    yaw: float = 2.0,
    pitch: float = -3.0,
    roll: float = 1.0,
    brightness: float = 80.0,
    sharpness: float = 80.0,
    box: tuple[float, float, float, float] = (0.3, 0.2, 0.4, 0.5),
) -> dict[str, Any]:
    """A FaceDetail: clear and looking into the camera, but for what is said otherwise.

    Parameters
    ----------
    sunglasses, eyes_open, occluded
        Value and confidence.
    yaw, pitch, roll
        In degrees.
    box
        Left, top, width and height, as fractions of the upright picture.
    """
    left, top, width, height = box
    detail: dict[str, Any] = {
        "BoundingBox": {"Left": left, "Top": top, "Width": width, "Height": height},
        "Confidence": confidence,
        "Landmarks": [{"Type": "eyeLeft", "X": left + 0.3 * width, "Y": top + 0.4 * height}],
        "Pose": {"Yaw": yaw, "Pitch": pitch, "Roll": roll},
        "Quality": {"Brightness": brightness, "Sharpness": sharpness},
    }
    for name, (value, certainty) in (
        ("Sunglasses", sunglasses),
        ("EyesOpen", eyes_open),
        ("FaceOccluded", occluded),
    ):
        detail[name] = {"Value": value, "Confidence": certainty}
    return detail


# The fields of a FaceDetail that come with each facial attribute asked for.
FIELDS_OF_ATTRIBUTE = {
    "DEFAULT": ("BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"),
    "SUNGLASSES": ("BoundingBox", "Confidence", "Sunglasses"),
    "EYES_OPEN": ("BoundingBox", "Confidence", "EyesOpen"),
    "FACE_OCCLUDED": ("BoundingBox", "Confidence", "FaceOccluded"),
}
