"""State AddFaceToIndex: put the face into the collection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.claims import TAKEN, open_claim
from chalicelib.errors import FaceAlreadyExistsError
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

    A repetition with the same version stores no second face. The upload's row claims
    the face before, and names it after; an execution without a name (of the workshop's own
    definitions) has no row, and its face counts as taken.

    Returns
    -------
    dict
        `Face` of the FaceRecord: `FaceId`, `ImageId`, `ExternalImageId`, `BoundingBox`, `Confidence`.

    Raises
    ------
    PhotoDoesNotMeetRequirementError
        If the face is too poor for the collection's quality filter.
    FaceAlreadyExistsError
        If an older rival has put this upload's claim aside.
    UploadEndedError
        If the upload was decided before, or another execution works on it.
    """
    if photo.execution_arn:
        open_claim(photo, table)
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
    if photo.execution_arn and not table.record_face(photo, face["FaceId"]):
        # The claim was withdrawn while the face was being indexed: nobody else will delete it.
        rekognition.delete_faces(CollectionId=settings.collection_id, FaceIds=[face["FaceId"]])
        raise FaceAlreadyExistsError(TAKEN)
    return dict(face)


def _why_unindexed(unindexed: Sequence[Any]) -> str:
    reasons = unindexed[0]["Reasons"] if unindexed else []
    return (
        ", ".join(_IN_WORDS[reason] for reason in reasons if reason in _IN_WORDS)
        or "it shows too few details"
    )
