"""State CheckFaceDuplicate: does another rider hold this face?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.errors import FaceAlreadyExistsError
from chalicelib.models import Reason, RiderPhoto, owner_of_face
from chalicelib.rules import rejected

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient

    from chalicelib.settings import Settings

# The most that Rekognition gives: however many photos a rider has, another rider's face is among the matches.
_MAX_MATCHES = 4096


def search_face(photo: RiderPhoto, rekognition: RekognitionClient, settings: Settings) -> dict[str, Any]:
    """Search the collection for the photo's face; the rider's own faces don't count.

    Returns
    -------
    dict
        `{"matches": …}`: how many of the rider's own faces match.

    Raises
    ------
    FaceAlreadyExistsError
        If a face of another rider is at least as similar as the threshold.
    PhotoDoesNotMeetRequirementError
        If the search finds no face in the photo although FaceDetection did.
    """
    try:
        answer = rekognition.search_faces_by_image(
            CollectionId=settings.collection_id,
            Image=photo.as_rekognition_image(),  # type: ignore[arg-type]
            FaceMatchThreshold=settings.photo_rules.similarity_threshold,
            MaxFaces=_MAX_MATCHES,
        )
    except rekognition.exceptions.InvalidParameterException as error:
        if "no faces" not in str(error):
            raise
        raise rejected(Reason.FACE_NOT_CLEAR, ": it cannot be compared with other faces.") from error
    owners = [owner_of_face(match["Face"].get("ExternalImageId", ""))[0] for match in answer["FaceMatches"]]
    if any(owner != photo.user_id for owner in owners):
        raise FaceAlreadyExistsError("Another rider already uses this face.")
    return {"matches": len(owners)}
