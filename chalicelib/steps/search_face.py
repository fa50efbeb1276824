"""State CheckFaceDuplicate: does another rider hold this face? The cheap, early answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.claims import TAKEN, Rival, is_taken, rivals_among
from chalicelib.errors import FaceAlreadyExistsError
from chalicelib.models import Reason, RiderPhoto
from chalicelib.rules import MAX_MATCHES, rejected
from chalicelib.uploads_table import UploadsTable

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient

    from chalicelib.settings import Settings


def search_face(
    photo: RiderPhoto, rekognition: RekognitionClient, table: UploadsTable, settings: Settings
) -> dict[str, Any]:
    """Search the collection for the photo's face; the rider's own faces and undecided ones don't count.

    Returns
    -------
    dict
        `{"matches": …}`: how many faces match, the rider's own included.

    Raises
    ------
    FaceAlreadyExistsError
        If another rider's face is at least as similar as the threshold, and its claim is confirmed or
        no row accounts for it, unless the two riders are twins.
    PhotoDoesNotMeetRequirementError
        If the search finds no face in the photo although FaceDetection did.
    """
    try:
        matches = rekognition.search_faces_by_image(
            CollectionId=settings.collection_id,
            Image=photo.as_rekognition_image(),  # type: ignore[arg-type]
            FaceMatchThreshold=settings.photo_rules.similarity_threshold,
            MaxFaces=MAX_MATCHES,
        )["FaceMatches"]
    except rekognition.exceptions.InvalidParameterException as error:
        if "no faces" not in str(error):
            raise
        raise rejected(Reason.FACE_NOT_CLEAR, ": it cannot be compared with other faces.") from error
    rivals = rivals_among(photo, (match["Face"].get("ExternalImageId", "") for match in matches))
    if any(is_taken(rival, table) and not _are_twins(photo, rival, table) for rival in rivals):
        raise FaceAlreadyExistsError(TAKEN)
    return {"matches": len(matches)}


def _are_twins(photo: RiderPhoto, rival: Rival, table: UploadsTable) -> bool:
    from chalicelib.twins import are_twins

    return are_twins(photo.user_id, rival.user_id, table)
