"""The claim protocol: how no two riders get one face, without a lock.

An upload's row holds its claim on the face in the photo:

    none ── open ──┬── confirmed ── withdrawn (replaced, or undone)
                   └── withdrawn (lost, undone, or put aside by an older rival)

The claim is opened before the face is indexed. After that the execution looks for rivals, settles
each, and confirms its own claim only if it is still open. Of two rivals the later search sees the
other's face, and each confirmation is a write on a condition that the other's settling breaks: so at
most one confirms. docs/decisions/claims.md shows what breaks when any part is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from chalicelib.errors import FaceAlreadyExistsError, UndecidedRivalError, UploadEndedError
from chalicelib.models import Claim, RiderPhoto, UploadStatus, minted_upload_id, owner_of_face
from chalicelib.rows import status_of, text_of
from chalicelib.uploads_table import UploadsTable

# Whoever starts an execution by hand, for a photo that no form uploaded, wants it decided now: the
# collection may have been made anew since. What a rider uploaded leaves only `failed`, by `restart`.
_BEGUN_ANEW_BY_HAND = (UploadStatus.FAILED, UploadStatus.REJECTED, UploadStatus.SUPERSEDED)
TAKEN = "Another rider already uses this face."


class Rival(NamedTuple):
    """Another rider's face that matches, and the upload it was indexed for, if that is known."""

    user_id: str
    upload_id: str | None


def rivals_among(photo: RiderPhoto, external_image_ids: Iterable[str]) -> list[Rival]:
    """The other riders' faces among matches, each upload once, oldest first."""
    owners = {owner_of_face(image_id) for image_id in external_image_ids}
    rivals = [Rival(*owner) for owner in owners if owner[0] != photo.user_id]
    return sorted(rivals, key=lambda rival: (rival.upload_id or "", rival.user_id))


def is_taken(rival: Rival, table: UploadsTable) -> bool:
    """Whether the rival's claim stands for good: confirmed, or a face that no row accounts for."""
    row = table.row(rival.user_id, rival.upload_id) if rival.upload_id else None
    return text_of(row, "claim") not in {Claim.OPEN, Claim.WITHDRAWN}


def open_claim(photo: RiderPhoto, table: UploadsTable) -> None:
    """Write, before the face is indexed, that this execution claims it.

    A repetition, also of an upload that was accepted, finds its claim and goes on with it.

    Raises
    ------
    FaceAlreadyExistsError
        If an older rival has put the claim aside already.
    UploadEndedError
        If the upload was decided before, or another execution works on it.
    """
    if table.open_claim(photo):
        return
    row = table.row_of(photo)
    claim, owner, status = text_of(row, "claim"), text_of(row, "executionArn"), status_of(row)
    if claim == Claim.CONFIRMED and (owner == photo.execution_arn or status is UploadStatus.ACCEPTED):
        return
    if claim == Claim.WITHDRAWN and owner == photo.execution_arn and status is UploadStatus.PROCESSING:
        raise FaceAlreadyExistsError(TAKEN)
    by_hand = owner != photo.execution_arn and not minted_upload_id(photo.user_id, photo.key)
    if by_hand and table.take_over(photo, owner, _BEGUN_ANEW_BY_HAND) and table.open_claim(photo):
        return
    raise UploadEndedError("The upload was decided before, or another execution works on it.")


def settle(rival: Rival, photo: RiderPhoto, table: UploadsTable) -> None:
    """Make sure that this rival cannot confirm any more, or give way to it; twins leave each other alone.

    Raises
    ------
    FaceAlreadyExistsError
        If the rival has confirmed, or no row accounts for its face.
    UndecidedRivalError
        If the rival is older and not decided yet.
    """
    from chalicelib.twins import are_twins

    while True:
        row = table.row(rival.user_id, rival.upload_id) if rival.upload_id else None
        claim = text_of(row, "claim")
        if claim == Claim.WITHDRAWN or are_twins(photo.user_id, rival.user_id, table):
            return
        if rival.upload_id is None or claim != Claim.OPEN:
            raise FaceAlreadyExistsError(TAKEN)
        if (rival.upload_id, rival.user_id) < (photo.known_upload_id, photo.user_id):
            raise UndecidedRivalError("An older upload of this face is not decided yet.")
        theirs = RiderPhoto(rival.user_id, photo.bucket, photo.key, upload_id=rival.upload_id)
        if _move(theirs, table, Claim.OPEN, Claim.WITHDRAWN):
            return


def confirm(photo: RiderPhoto, table: UploadsTable) -> None:
    """Confirm the own claim, once every rival is settled.

    Raises
    ------
    FaceAlreadyExistsError
        If an older rival has put it aside.
    """
    if _move(photo, table, Claim.OPEN, Claim.CONFIRMED):
        return
    if text_of(table.row_of(photo), "claim") != Claim.CONFIRMED:
        raise FaceAlreadyExistsError(TAKEN)


def withdraw(photo: RiderPhoto, table: UploadsTable) -> None:
    """Withdraw the own claim, whatever its state, before its face is deleted.

    One that was not opened yet cannot be opened then: a function of an aborted execution may still try.
    Where the photo names an execution, the claim of another one, that began the upload anew, stays.
    """
    condition, values = "attribute_exists(userId) AND (attribute_not_exists(claim) OR claim <> :claim)", {}
    if photo.execution_arn:
        condition += " AND (attribute_not_exists(executionArn) OR executionArn = :execution)"
        values = {":execution": {"S": photo.execution_arn}}
    table.update(photo, {"claim": {"S": Claim.WITHDRAWN}}, condition=condition, values=values)


def _move(photo: RiderPhoto, table: UploadsTable, expected: Claim, claim: Claim) -> bool:
    return table.update(
        photo, {"claim": {"S": claim}}, condition="claim = :expected", values={":expected": {"S": expected}}
    )
