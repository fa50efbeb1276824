"""State AddFaceToIndex: put the face into the collection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.models import Reason, RiderPhoto
from chalicelib.rules import rejected
from chalicelib.uploads_table import UploadsTable

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient

    from chalicelib.settings import Settings

_IN_WORDS = {
    "EXTREME_POSE": "the head is turned too far",
    "LOW_BRIGHTNESS": "the face is too dark",
    "LOW_SHARPNESS": "the face is blurred",
    "LOW_CONFIDENCE": "it is hardly visible",
    "SMALL_BOUNDING_BOX": "the face is too small",
    "LOW_FACE_QUALITY": "the face shows too few details",
    "EXCEEDS_MAX_FACES": "there are several faces",
}


def index_face(
    photo: RiderPhoto, rekognition: RekognitionClient, table: UploadsTable, settings: Settings
) -> dict[str, Any]:
    """Index the photo's face as `{userId}:{uploadId}`.

    A repetition with the same version stores no second face. The upload's row says before that a
    face is about to be indexed, and after which one it is; an execution without a name (of the
    workshop's own definitions) has no row.

    Returns
    -------
    dict
        `Face` of the FaceRecord: `FaceId`, `ImageId`, `ExternalImageId`, `BoundingBox`, `Confidence`.

    Raises
    ------
    PhotoDoesNotMeetRequirementError
        If the face is too poor for the collection's quality filter.
    """
    if photo.execution_arn:
        table.claim(photo)
    answer = rekognition.index_faces(
        CollectionId=settings.collection_id,
        Image=photo.as_rekognition_image(),  # type: ignore[arg-type]
        ExternalImageId=photo.external_image_id,
        MaxFaces=1,
        QualityFilter=settings.quality_filter,
        DetectionAttributes=["DEFAULT"],
    )
    if not answer["FaceRecords"]:
        raise rejected(Reason.FACE_NOT_CLEAR, f": {_why_unindexed(answer['UnindexedFaces'])}.")
    face = answer["FaceRecords"][0]["Face"]
    if photo.execution_arn:
        table.record_face(photo, face["FaceId"])
    return dict(face)


def _why_unindexed(unindexed: Sequence[Any]) -> str:
    reasons = unindexed[0]["Reasons"] if unindexed else []
    return (
        ", ".join(_IN_WORDS[reason] for reason in reasons if reason in _IN_WORDS)
        or "it shows too few details"
    )
