"""State ConfirmFaceUnique: of all uploads of one face, one is confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.claims import confirm, rivals_among, settle
from chalicelib.errors import FaceNotVisibleYetError, InvalidInputError, SupersededError
from chalicelib.models import Reason, RiderPhoto, payload_of, state_of
from chalicelib.riders import live_item
from chalicelib.rows import text_of
from chalicelib.rules import MAX_MATCHES, rejected
from chalicelib.uploads_table import UploadsTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_rekognition import RekognitionClient

    from chalicelib.settings import Settings

# An item without an uploadId, or no item at all: no uploadId is less than any other.
_NOTHING = ""


def confirm_face(
    photo: RiderPhoto,
    event: Mapping[str, Any],
    table: UploadsTable,
    dynamodb: DynamoDBClient,
    rekognition: RekognitionClient,
    settings: Settings,
) -> dict[str, Any]:
    """Settle every rival for the indexed face, and confirm this upload's claim.

    Returns
    -------
    dict
        `{"replaces": uploadId}` of the rider's live photo that this one was compared with, "" without
        one: PersistMetadata writes only over that.

    Raises
    ------
    SupersededError
        If the rider's live photo is newer, or the rider was erased after this upload was minted.
    FaceNotVisibleYetError
        If the search does not know the face yet.
    PhotoDoesNotMeetRequirementError
        FACE_CHANGED, if the photo shows another person than the live one.
    FaceAlreadyExistsError
        If another rider's claim on the face stands.
    UndecidedRivalError
        If an older upload's claim is not decided.
    """
    face_id = _indexed_face(event)
    live = live_item(photo.user_id, dynamodb, settings.rider_photo_table)
    replaces = text_of(live, "uploadId") or _NOTHING
    if replaces > photo.known_upload_id:
        raise SupersededError("The rider has a newer photo, or was erased.")
    try:
        matches = rekognition.search_faces(
            CollectionId=settings.collection_id,
            FaceId=face_id,
            FaceMatchThreshold=settings.photo_rules.similarity_threshold,
            MaxFaces=MAX_MATCHES,
        )["FaceMatches"]
    except rekognition.exceptions.InvalidParameterException as error:
        raise FaceNotVisibleYetError("The collection does not know the indexed face yet.") from error
    if settings.same_person_required and replaces != photo.upload_id:
        matching = {match["Face"]["FaceId"] for match in matches}
        _check_same_person(photo, live, matching, table, rekognition, settings)
    for rival in rivals_among(photo, (match["Face"].get("ExternalImageId", "") for match in matches)):
        settle(rival, photo, table)
    confirm(photo, table)
    return {"replaces": replaces}


def _indexed_face(event: Mapping[str, Any]) -> str:
    results = state_of(event).get("parallelResult")
    face_id = payload_of(results[0]).get("FaceId") if isinstance(results, list) and results else None
    if not isinstance(face_id, str):
        raise InvalidInputError("The state needs 'parallelResult' with the indexed face's 'FaceId'.")
    return face_id


def _check_same_person(
    photo: RiderPhoto,
    live: Mapping[str, Any],
    matching: set[str],
    table: UploadsTable,
    rekognition: RekognitionClient,
    settings: Settings,
) -> None:
    """A replacement shows the same person, or swapping faces would free one for a second account.

    Raises
    ------
    PhotoDoesNotMeetRequirementError
        FACE_CHANGED, unless an operator allowed the change or accepted this photo, or the live face is not
        in the collection.
    """
    live_face = text_of(live, "faceId")
    if live_face is None or live_face in matching or "faceChangeAllowed" in live:
        return
    known = rekognition.list_faces(CollectionId=settings.collection_id, FaceIds=[live_face])["Faces"]
    if known and Reason.FACE_CHANGED not in table.waived_reasons(photo):
        raise rejected(Reason.FACE_CHANGED)
