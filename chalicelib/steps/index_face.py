"""State AddFaceToIndex: put the face into the collection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.claims import TAKEN, open_claim
from chalicelib.errors import FaceAlreadyExistsError
from chalicelib.models import Reason, RiderPhoto
from chalicelib.outcome import Unclear
from chalicelib.rules import rejected
from chalicelib.uploads_table import UploadsTable

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_rekognition.type_defs import IndexFacesResponseTypeDef

    from chalicelib.settings import QualityFilter, Settings

_IN_WORDS = {
    "EXTREME_POSE": f"{Unclear.TURNED} too far",
    "LOW_BRIGHTNESS": Unclear.DARK,
    "LOW_SHARPNESS": Unclear.BLURRED,
    "LOW_CONFIDENCE": "it is hardly visible",
    "SMALL_BOUNDING_BOX": Unclear.SMALL,
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
        If the face is too poor for the collection's quality filter, unless an operator accepted it.
    FaceAlreadyExistsError
        If an older rival has put this upload's claim aside.
    UploadEndedError
        If the upload was decided before, or another execution works on it.
    """
    if photo.execution_arn:
        open_claim(photo, table)
    answer = _index(photo, settings.quality_filter, rekognition, settings)
    if not answer["FaceRecords"] and Reason.FACE_NOT_CLEAR in table.waived_reasons(photo):
        answer = _index(photo, "NONE", rekognition, settings)
    if not answer["FaceRecords"]:
        raise rejected(Reason.FACE_NOT_CLEAR, f": {_why_unindexed(answer['UnindexedFaces'])}.")
    face = answer["FaceRecords"][0]["Face"]
    if photo.execution_arn and not table.record_face(photo, face["FaceId"]):
        # The claim was withdrawn while the face was being indexed: nobody else will delete it.
        rekognition.delete_faces(CollectionId=settings.collection_id, FaceIds=[face["FaceId"]])
        raise FaceAlreadyExistsError(TAKEN)
    return dict(face)


def _index(
    photo: RiderPhoto, quality_filter: QualityFilter, rekognition: RekognitionClient, settings: Settings
) -> IndexFacesResponseTypeDef:
    return rekognition.index_faces(
        CollectionId=settings.collection_id,
        Image=photo.as_rekognition_image(),  # type: ignore[arg-type]
        ExternalImageId=photo.external_image_id,
        MaxFaces=1,
        QualityFilter=quality_filter,
        DetectionAttributes=["DEFAULT"],
    )


def _why_unindexed(unindexed: Sequence[Any]) -> str:
    reasons = unindexed[0]["Reasons"] if unindexed else []
    return (
        ", ".join(_IN_WORDS[reason] for reason in reasons if reason in _IN_WORDS)
        or "it shows too few details"
    )
