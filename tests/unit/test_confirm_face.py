from __future__ import annotations

from typing import Any

import pytest

from chalicelib import claims
from chalicelib.erasure import Eraser
from chalicelib.errors import (
    FaceAlreadyExistsError,
    FaceNotVisibleYetError,
    InvalidInputError,
    PhotoDoesNotMeetRequirementError,
    SupersededError,
    UndecidedRivalError,
)
from chalicelib.models import Reason, RiderPhoto
from tests.fakes import RIDER, FakeAws, photo
from tests.unit.pipeline import accept, confirm, index, parallel_result, persist, run, state, undo


def indexed(aws: FakeAws, *people: str, user_id: str = RIDER, nonce: int = 0) -> tuple[RiderPhoto, Any]:
    """An upload whose face is indexed, and the event of ConfirmFaceUnique."""
    uploaded = aws.upload(photo(*people, nonce=nonce), user_id)
    return uploaded, state(uploaded, parallelResult=parallel_result(aws, uploaded))


def claim_of(aws: FakeAws, upload: RiderPhoto) -> str | None:
    return (aws.row(upload) or {}).get("claim", {}).get("S")


def test_without_a_rival_the_claim_is_confirmed(aws: FakeAws) -> None:
    uploaded, event = indexed(aws, "anna")
    assert confirm(aws, uploaded, event) == {"replaces": ""}
    assert claim_of(aws, uploaded) == "confirmed"


def test_a_repetition_confirms_the_same(aws: FakeAws) -> None:
    uploaded, event = indexed(aws, "anna")
    confirm(aws, uploaded, event)
    row = aws.row(uploaded)
    assert confirm(aws, uploaded, event) == {"replaces": ""}
    assert aws.row(uploaded) == row


def test_a_repetition_after_the_photo_was_persisted_names_the_photo_itself(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    event = persist(aws, uploaded)
    assert confirm(aws, uploaded, event) == {"replaces": uploaded.upload_id}


def test_of_two_riders_the_older_upload_wins_whoever_confirms_first(aws: FakeAws) -> None:
    older, older_event = indexed(aws, "anna", user_id="annas-id")
    younger, younger_event = indexed(aws, "anna", user_id="bobs-id", nonce=1)
    with pytest.raises(UndecidedRivalError):
        confirm(aws, younger, younger_event)
    assert confirm(aws, older, older_event) == {"replaces": ""}
    assert (claim_of(aws, older), claim_of(aws, younger)) == ("confirmed", "withdrawn")
    with pytest.raises(FaceAlreadyExistsError):
        confirm(aws, younger, younger_event)


def test_a_rival_that_failed_makes_way(aws: FakeAws) -> None:
    older, older_event = indexed(aws, "anna", user_id="annas-id")
    younger, event = indexed(aws, "anna", user_id="bobs-id", nonce=1)
    older_event["state"]["errorInfo"] = {"Error": "States.Timeout", "Cause": ""}
    undo(aws, older, older_event)
    assert confirm(aws, younger, event) == {"replaces": ""}


def test_of_many_rivals_every_one_is_settled(aws: FakeAws) -> None:
    mine, event = indexed(aws, "anna", user_id="annas-id")
    rivals = [indexed(aws, "anna", user_id=f"rider-{i}", nonce=i)[0] for i in range(1, 6)]
    confirm(aws, mine, event)
    assert {claim_of(aws, rival) for rival in rivals} == {"withdrawn"}


def test_an_accepted_rival_wins_though_it_is_younger(aws: FakeAws) -> None:
    mine, event = indexed(aws, "anna", user_id="annas-id")
    younger = aws.upload(photo("anna", nonce=1), "bobs-id")
    index(aws, younger)
    claims.confirm(younger, aws.table)
    with pytest.raises(FaceAlreadyExistsError):
        confirm(aws, mine, event)
    assert claim_of(aws, mine) == "open"


def test_a_face_that_no_row_accounts_for_stands(aws: FakeAws) -> None:
    mine, event = indexed(aws, "anna")
    aws.rekognition.index_faces(
        CollectionId=aws.settings.collection_id, Image=mine.as_rekognition_image(), ExternalImageId="other"
    )
    with pytest.raises(FaceAlreadyExistsError):
        confirm(aws, mine, event)


def test_ones_own_other_faces_are_no_rivals(aws: FakeAws) -> None:
    indexed(aws, "anna")
    newer, event = indexed(aws, "anna", nonce=1)
    assert confirm(aws, newer, event) == {"replaces": ""}


def test_a_face_that_the_search_does_not_know_yet_is_waited_for(aws: FakeAws) -> None:
    uploaded, event = indexed(aws, "anna")
    [face] = aws.faces()
    aws.rekognition.invisible.add(face.face_id)
    with pytest.raises(FaceNotVisibleYetError):
        confirm(aws, uploaded, event)
    assert claim_of(aws, uploaded) == "open"
    aws.rekognition.invisible.clear()
    assert confirm(aws, uploaded, event) == {"replaces": ""}


def test_an_older_photo_gives_way_to_the_riders_newer_one(aws: FakeAws) -> None:
    older, event = indexed(aws, "anna")
    accept(aws, aws.upload(photo("anna", nonce=1)))
    with pytest.raises(SupersededError):
        confirm(aws, older, event)


def test_a_newer_photo_of_the_same_person_names_what_it_replaces(aws: FakeAws) -> None:
    live = accept(aws, aws.upload(photo("anna")))
    newer, event = indexed(aws, "anna", nonce=1)
    assert confirm(aws, newer, event) == {"replaces": live.upload_id}


def test_a_newer_photo_of_another_person_is_rejected_and_claims_nothing(aws: FakeAws) -> None:
    accept(aws, aws.upload(photo("anna")))
    newer, event = indexed(aws, "bob")
    with pytest.raises(PhotoDoesNotMeetRequirementError) as rejected:
        confirm(aws, newer, event)
    assert rejected.value.reason is Reason.FACE_CHANGED
    assert claim_of(aws, newer) == "open"


def test_whether_another_person_is_allowed_is_a_setting() -> None:
    aws = FakeAws(SAME_PERSON_REQUIRED="false")
    live = accept(aws, aws.upload(photo("anna")))
    newer, event = indexed(aws, "bob")
    assert confirm(aws, newer, event) == {"replaces": live.upload_id}


def test_an_operator_can_allow_one_other_person_and_only_one(aws: FakeAws) -> None:
    accept(aws, aws.upload(photo("anna")))
    aws.dynamodb.update_item(
        TableName=aws.settings.rider_photo_table,
        Key={"Username": {"S": RIDER}},
        UpdateExpression="SET faceChangeAllowed = :yes",
        ExpressionAttributeValues={":yes": {"BOOL": True}},
    )
    accept(aws, aws.upload(photo("bob")))
    newer, event = indexed(aws, "anna", nonce=1)
    with pytest.raises(PhotoDoesNotMeetRequirementError):
        confirm(aws, newer, event)


def test_with_the_collection_made_anew_there_is_no_person_to_compare_with(aws: FakeAws) -> None:
    live = accept(aws, aws.upload(photo("anna")))
    aws.rekognition.delete_collection(CollectionId=aws.settings.collection_id)
    aws.rekognition.create_collection(CollectionId=aws.settings.collection_id)
    newer, event = indexed(aws, "bob")
    assert confirm(aws, newer, event) == {"replaces": live.upload_id}


def test_the_item_of_another_program_names_no_upload(aws: FakeAws) -> None:
    aws.dynamodb.put_item(
        TableName=aws.settings.rider_photo_table, Item={"Username": {"S": RIDER}, "name": {"S": "Anna"}}
    )
    uploaded, event = indexed(aws, "anna")
    assert confirm(aws, uploaded, event) == {"replaces": ""}


def test_a_rider_who_was_erased_meanwhile_is_not_confirmed(aws: FakeAws) -> None:
    uploaded, event = indexed(aws, "anna")
    run(aws, Eraser).erase(RIDER)
    with pytest.raises(SupersededError):
        confirm(aws, uploaded, event)


def test_after_an_erasure_a_new_upload_of_anybody_is_accepted(aws: FakeAws) -> None:
    accept(aws, aws.upload(photo("anna")))
    run(aws, Eraser).erase(RIDER)
    accept(aws, aws.upload(photo("anna", nonce=1), "bobs-id"))


@pytest.mark.parametrize("results", [None, [], {}, "x", [{}], [{"errorInfo": {}}, {}], [{"FaceId": 7}]])
def test_a_state_without_an_indexed_face_is_refused(aws: FakeAws, results: Any) -> None:
    uploaded = aws.upload(photo("anna"))
    with pytest.raises(InvalidInputError, match="parallelResult"):
        confirm(aws, uploaded, state(uploaded, parallelResult=results))
