"""Which photos are accepted: the rules, with their thresholds, as pure functions of what was measured.

The defaults are argued in docs/decisions/photo-rules.md.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from chalicelib.errors import PhotoDoesNotMeetRequirementError, SettingsError
from chalicelib.models import Reason
from chalicelib.outcome import MESSAGE_STARTS, Unclear

if TYPE_CHECKING:
    from chalicelib.image_header import ImageHeader

type FaceDetail = Mapping[str, Any]

# The facial attributes that the rules look at, as DetectFaces names them.
ATTRIBUTES: Final = ("DEFAULT", "EYES_OPEN", "FACE_OCCLUDED", "SUNGLASSES")

# The least similarity, in percent, that Rekognition itself takes for a match.
LEAST_SIMILARITY_THRESHOLD: Final = 80.0


# The most matches a search gives: however many photos a rider has, another rider's face is among them.
MAX_MATCHES: Final = 4096


def rejected(reason: Reason, detail: str = "") -> PhotoDoesNotMeetRequirementError:
    """The error of a rejection, whose message begins as `outcome.reason_of` expects."""
    return PhotoDoesNotMeetRequirementError(reason, MESSAGE_STARTS[reason] + detail)


@dataclass(frozen=True, slots=True)
class PhotoRules:
    """Thresholds. Confidences, brightness, sharpness and similarity in percent, angles in degrees.

    Attributes
    ----------
    min_face_confidence
        A detection below it is not counted as a face, unless it is larger than all others.
    min_sunglasses_confidence, min_closed_eyes_confidence, min_occlusion_confidence
        From this confidence on sunglasses, closed eyes, a covered face are believed.
    max_yaw, max_pitch, max_roll
        How far the head may be turned, nodded, tilted.
    min_face_pixels
        Side of the square with the face's area, in pixels of the photo.
    min_brightness, min_sharpness
        Of the face, as DetectFaces' Quality gives them.
    similarity_threshold
        From this similarity on two faces are the same person's; at least 80.
    max_bytes, max_pixels, min_image_side
        Limits of the file: bytes, width x height, and the shorter side in pixels.
    """

    min_face_confidence: float = 90.0
    min_sunglasses_confidence: float = 50.0
    min_closed_eyes_confidence: float = 80.0
    min_occlusion_confidence: float = 90.0
    max_yaw: float = 45.0
    max_pitch: float = 30.0
    max_roll: float = 45.0
    min_face_pixels: float = 50.0
    min_brightness: float = 20.0
    min_sharpness: float = 10.0
    similarity_threshold: float = 90.0
    max_bytes: int = 15 * 1024 * 1024
    max_pixels: int = 50_000_000
    min_image_side: int = 80

    def __post_init__(self) -> None:
        if not LEAST_SIMILARITY_THRESHOLD <= self.similarity_threshold <= 100:
            raise SettingsError(
                "SIMILARITY_THRESHOLD must be 80 to 100: below, strangers are taken for one person."
            )

    def check_file(self, size: int, header: ImageHeader | None) -> None:
        """Check what is known without looking at the picture.

        Parameters
        ----------
        size
            Bytes of the whole file.
        header
            What its first bytes say, or None if they begin neither a JPEG nor a PNG file.

        Raises
        ------
        PhotoDoesNotMeetRequirementError
            IMAGE_UNREADABLE for an empty file, UNSUPPORTED_FORMAT, IMAGE_TOO_LARGE, or
            FACE_NOT_CLEAR for a picture too small to show a face.
        """
        if size == 0:
            raise rejected(Reason.IMAGE_UNREADABLE, ": the file is empty.")
        if size > self.max_bytes:
            raise rejected(
                Reason.IMAGE_TOO_LARGE,
                f": {size:,} bytes, at most {self.max_bytes:,} are allowed.",
            )
        if header is None:
            raise rejected(Reason.UNSUPPORTED_FORMAT)
        if header.width is not None and header.height is not None:
            self.check_dimensions(header.width, header.height)

    def check_dimensions(self, width: int, height: int) -> None:
        """Check the size of the picture in pixels.

        Raises
        ------
        PhotoDoesNotMeetRequirementError
            IMAGE_TOO_LARGE or FACE_NOT_CLEAR (too small).
        """
        if width * height > self.max_pixels:
            raise rejected(
                Reason.IMAGE_TOO_LARGE,
                f": {width} x {height} pixels, at most {self.max_pixels:,} are allowed.",
            )
        if min(width, height) < self.min_image_side:
            raise rejected(
                Reason.FACE_NOT_CLEAR,
                f": {Unclear.SMALL}: the photo has {width} x {height} pixels, each side needs "
                f"{self.min_image_side} or more.",
            )

    def the_one_clear_face(
        self, faces: Sequence[FaceDetail], header: ImageHeader, waived: Collection[Reason] = ()
    ) -> FaceDetail:
        """The one face of a photo that breaks no rule.

        Parameters
        ----------
        faces
            `FaceDetails` of DetectFaces, with `ATTRIBUTES`.
        header
            The photo's size, to know the face's in pixels.
        waived
            Of SUNGLASSES and FACE_NOT_CLEAR those that don't count.

        Raises
        ------
        PhotoDoesNotMeetRequirementError
            With the first rule that is broken: number of faces, sunglasses, then what makes a face unclear.
        """
        sure = [face for face in faces if face["Confidence"] >= self.min_face_confidence]
        if not sure:
            raise rejected(Reason.NO_FACE, " in the photo.")
        # A larger one, however doubtful, would be the face that is searched for and indexed.
        largest = max(map(_area, sure))
        counted = len(sure) + sum(_area(face) > largest for face in faces if face not in sure)
        if counted > 1:
            raise rejected(Reason.MULTIPLE_FACES, f"{counted} faces in the photo.")
        face = sure[0]
        sunglasses = _is(face, "Sunglasses", self.min_sunglasses_confidence)
        if sunglasses and Reason.SUNGLASSES not in waived:
            raise rejected(Reason.SUNGLASSES)
        unclear = self._what_is_unclear(face, header)
        if unclear and Reason.FACE_NOT_CLEAR not in waived:
            raise rejected(Reason.FACE_NOT_CLEAR, f": {unclear}.")
        return face

    def _what_is_unclear(self, face: FaceDetail, header: ImageHeader) -> str | None:
        if _is(face, "EyesOpen", self.min_closed_eyes_confidence, value=False):
            return Unclear.EYES_CLOSED
        if _is(face, "FaceOccluded", self.min_occlusion_confidence):
            return Unclear.COVERED
        pose = face.get("Pose", {})
        for angle, limit, what in (
            ("Yaw", self.max_yaw, Unclear.TURNED),
            ("Pitch", self.max_pitch, Unclear.NODDED),
            ("Roll", self.max_roll, Unclear.TILTED),
        ):
            if abs(pose.get(angle, 0.0)) > limit:
                return f"{what} too far"
        pixels = _face_pixels(face, header)
        if pixels is not None and pixels < self.min_face_pixels:
            return f"{Unclear.SMALL}: {pixels:.0f} pixels"
        quality = face.get("Quality", {})
        if quality.get("Brightness", 100.0) < self.min_brightness:
            return Unclear.DARK
        if quality.get("Sharpness", 100.0) < self.min_sharpness:
            return Unclear.BLURRED
        return None


def _is(face: FaceDetail, attribute: str, threshold: float, *, value: bool = True) -> bool:
    """Whether the attribute is known, has that value, and with at least that confidence."""
    found = face.get(attribute)
    return found is not None and found["Value"] is value and found["Confidence"] >= threshold


def _face_pixels(face: FaceDetail, header: ImageHeader) -> float | None:
    """Side of the square with the face's area.

    The box is a fraction of the upright photo and the header's size is the stored one;
    an area is the same in both.
    """
    if header.width is None or header.height is None:
        return None
    return math.sqrt(_area(face) * header.width * header.height)


def _area(face: FaceDetail) -> float:
    """The share of the photo that the face's box takes."""
    box = face["BoundingBox"]
    return max(float(box["Width"] * box["Height"]), 0.0)
