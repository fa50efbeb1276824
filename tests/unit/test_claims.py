from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib import claims
from chalicelib.claims import Rival
from chalicelib.errors import FaceAlreadyExistsError, UndecidedRivalError, UploadEndedError
from chalicelib.models import Claim, RiderPhoto, UploadStatus, external_image_id, owner_of_face
from tests.fakes import FakeAws, photo
from tests.unit.pipeline import by_another_execution

ENDED = [UploadStatus.ACCEPTED, UploadStatus.REJECTED, UploadStatus.FAILED, UploadStatus.SUPERSEDED]


@pytest.fixture
def older(aws: FakeAws) -> RiderPhoto:
    return aws.upload(photo("anna"), "annas-id")


@pytest.fixture
def mine(aws: FakeAws, older: RiderPhoto) -> RiderPhoto:
    return aws.upload(photo("anna", nonce=1), "my-id")


@pytest.fixture
def younger(aws: FakeAws, mine: RiderPhoto) -> RiderPhoto:
    return aws.upload(photo("anna", nonce=2), "bobs-id")


def claim_of(aws: FakeAws, upload: RiderPhoto) -> str | None:
    return (aws.row(upload) or {}).get("claim", {}).get("S")


def set_claim(aws: FakeAws, upload: RiderPhoto, claim: str | None) -> None:
    """Bring a claim to where a test needs it, by the transitions that lead there."""
    if claim is not None:
        claims.open_claim(upload, aws.table)
    if claim == Claim.CONFIRMED:
        claims.confirm(upload, aws.table)
    elif claim == Claim.WITHDRAWN:
        claims.withdraw(upload, aws.table)
    assert claim_of(aws, upload) == claim


def rival(upload: RiderPhoto) -> Rival:
    return Rival(upload.user_id, upload.upload_id)


def test_a_claim_is_opened_on_a_waiting_and_on_a_bound_row(aws: FakeAws, mine: RiderPhoto) -> None:
    claims.open_claim(mine, aws.table)
    assert (claim_of(aws, mine), aws.status(mine)) == ("open", "processing")
    bound = aws.upload(photo("bob"), "bobs-id")
    aws.table.bind(bound)
    claims.open_claim(bound, aws.table)
    assert claim_of(aws, bound) == "open"


@pytest.mark.parametrize("claim", [Claim.OPEN, Claim.CONFIRMED])
def test_a_repetition_goes_on_with_its_claim(aws: FakeAws, mine: RiderPhoto, claim: Claim) -> None:
    set_claim(aws, mine, claim)
    claims.open_claim(mine, aws.table)
    assert claim_of(aws, mine) == claim


def test_a_repetition_of_what_a_rival_put_aside_has_lost(aws: FakeAws, mine: RiderPhoto) -> None:
    set_claim(aws, mine, Claim.WITHDRAWN)
    with pytest.raises(FaceAlreadyExistsError):
        claims.open_claim(mine, aws.table)
    assert claim_of(aws, mine) == "withdrawn"


@pytest.mark.parametrize("claim", [None, Claim.OPEN, Claim.WITHDRAWN])
@pytest.mark.parametrize("status", ENDED)
def test_an_upload_that_was_decided_is_not_claimed_again(
    aws: FakeAws, mine: RiderPhoto, status: UploadStatus, claim: Claim | None
) -> None:
    set_claim(aws, mine, claim)
    aws.table.end(mine, status)
    before = aws.row(mine)
    with pytest.raises(UploadEndedError):
        claims.open_claim(mine, aws.table)
    with pytest.raises(UploadEndedError):
        claims.open_claim(by_another_execution(aws, mine), aws.table)
    assert aws.row(mine) == before


@pytest.mark.parametrize("claim", [None, Claim.OPEN, Claim.CONFIRMED, Claim.WITHDRAWN])
def test_an_upload_that_another_execution_works_on_is_left_alone(
    aws: FakeAws, mine: RiderPhoto, claim: Claim | None
) -> None:
    aws.table.bind(mine)
    set_claim(aws, mine, claim)
    before = aws.row(mine)
    with pytest.raises(UploadEndedError):
        claims.open_claim(by_another_execution(aws, mine), aws.table)
    assert aws.row(mine) == before


def test_an_accepted_upload_is_replayed_by_any_execution(aws: FakeAws, mine: RiderPhoto) -> None:
    set_claim(aws, mine, Claim.CONFIRMED)
    aws.table.end(mine, UploadStatus.ACCEPTED)
    before = aws.row(mine)
    claims.open_claim(by_another_execution(aws, mine), aws.table)
    assert aws.row(mine) == before


@pytest.mark.parametrize("status", [UploadStatus.FAILED, UploadStatus.REJECTED, UploadStatus.SUPERSEDED])
def test_a_photo_that_no_form_uploaded_is_begun_anew_by_hand(aws: FakeAws, status: UploadStatus) -> None:
    by_hand = aws.put("1_happy_face.jpg", photo("anna"), "user_a")
    claims.open_claim(by_hand, aws.table)
    claims.withdraw(by_hand, aws.table)
    aws.table.end(by_hand, status)
    with pytest.raises(UploadEndedError):
        claims.open_claim(by_hand, aws.table)
    again = by_another_execution(aws, by_hand)
    claims.open_claim(again, aws.table)
    assert (claim_of(aws, by_hand), aws.status(by_hand)) == ("open", "processing")
    assert (aws.row(by_hand) or {})["executionArn"] == {"S": again.execution_arn}


def test_a_photo_that_is_replaced_is_not_begun_anew_by_hand(aws: FakeAws) -> None:
    by_hand = aws.put("1_happy_face.jpg", photo("anna"), "user_a")
    claims.open_claim(by_hand, aws.table)
    aws.table.end(by_hand, UploadStatus.ACCEPTED)
    claims.withdraw(by_hand, aws.table)
    with pytest.raises(UploadEndedError):
        claims.open_claim(by_another_execution(aws, by_hand), aws.table)


def test_an_execution_by_hand_that_is_still_at_work_is_left_alone(aws: FakeAws) -> None:
    by_hand = aws.put("1_happy_face.jpg", photo("anna"), "user_a")
    claims.open_claim(by_hand, aws.table)
    with pytest.raises(UploadEndedError):
        claims.open_claim(by_another_execution(aws, by_hand), aws.table)
    assert (aws.row(by_hand) or {})["executionArn"] == {"S": by_hand.execution_arn}


def test_a_withdrawn_rival_is_nobody(aws: FakeAws, older: RiderPhoto, mine: RiderPhoto) -> None:
    set_claim(aws, older, Claim.WITHDRAWN)
    claims.settle(rival(older), mine, aws.table)
    assert claim_of(aws, older) == "withdrawn"


def test_a_confirmed_rival_stands_whatever_its_age(
    aws: FakeAws, older: RiderPhoto, mine: RiderPhoto, younger: RiderPhoto
) -> None:
    for other in (older, younger):
        set_claim(aws, other, Claim.CONFIRMED)
        with pytest.raises(FaceAlreadyExistsError) as taken:
            claims.settle(rival(other), mine, aws.table)
        assert other.user_id not in str(taken.value)
        assert claim_of(aws, other) == "confirmed"


def test_an_older_rival_is_waited_for(aws: FakeAws, older: RiderPhoto, mine: RiderPhoto) -> None:
    set_claim(aws, older, Claim.OPEN)
    with pytest.raises(UndecidedRivalError):
        claims.settle(rival(older), mine, aws.table)
    assert claim_of(aws, older) == "open"


def test_a_younger_rival_is_put_aside_and_cannot_confirm(
    aws: FakeAws, mine: RiderPhoto, younger: RiderPhoto
) -> None:
    set_claim(aws, younger, Claim.OPEN)
    claims.settle(rival(younger), mine, aws.table)
    assert claim_of(aws, younger) == "withdrawn"
    assert (aws.row(younger) or {})["executionArn"] == {"S": younger.execution_arn}
    with pytest.raises(FaceAlreadyExistsError):
        claims.confirm(younger, aws.table)
    assert claim_of(aws, younger) == "withdrawn"


def test_of_two_uploads_of_the_same_moment_the_user_ids_decide(aws: FakeAws, mine: RiderPhoto) -> None:
    twin = replace(mine, user_id="zoes-id", key=mine.key.replace("my-id", "zoes-id"))
    aws.table.create(twin.user_id, twin.known_upload_id, twin.bucket, twin.key)
    set_claim(aws, mine, Claim.OPEN)
    set_claim(aws, twin, Claim.OPEN)
    with pytest.raises(UndecidedRivalError):
        claims.settle(rival(mine), twin, aws.table)
    claims.settle(rival(twin), mine, aws.table)
    assert (claim_of(aws, mine), claim_of(aws, twin)) == ("open", "withdrawn")


@pytest.mark.parametrize("decided", [Claim.CONFIRMED, Claim.WITHDRAWN])
def test_a_younger_rival_that_decides_between_read_and_write_is_read_again(
    aws: FakeAws, mine: RiderPhoto, younger: RiderPhoto, decided: Claim
) -> None:
    set_claim(aws, younger, Claim.OPEN)

    def decide_first(client, operation, parameters, perform):  # type: ignore[no-untyped-def]
        if operation == "update_item":
            client.around = None
            (claims.confirm if decided is Claim.CONFIRMED else claims.withdraw)(younger, aws.table)
        return perform()

    aws.dynamodb.around = decide_first
    if decided is Claim.CONFIRMED:
        with pytest.raises(FaceAlreadyExistsError):
            claims.settle(rival(younger), mine, aws.table)
    else:
        claims.settle(rival(younger), mine, aws.table)
    assert claim_of(aws, younger) == decided


def test_a_rival_without_a_row_or_without_a_claim_stands(
    aws: FakeAws, older: RiderPhoto, mine: RiderPhoto
) -> None:
    for other in (Rival("nobody", None), Rival("nobody", older.upload_id), rival(older)):
        with pytest.raises(FaceAlreadyExistsError):
            claims.settle(other, mine, aws.table)
        assert claims.is_taken(other, aws.table)
    assert "claim" not in (aws.row(older) or {})


@pytest.mark.parametrize(
    ("claim", "taken"), [(Claim.OPEN, False), (Claim.WITHDRAWN, False), (Claim.CONFIRMED, True)]
)
def test_the_early_answer_counts_what_is_decided(
    aws: FakeAws, older: RiderPhoto, claim: Claim, taken: bool
) -> None:
    set_claim(aws, older, claim)
    assert claims.is_taken(rival(older), aws.table) is taken


def test_confirming_is_idempotent_and_needs_an_open_claim(aws: FakeAws, mine: RiderPhoto) -> None:
    with pytest.raises(FaceAlreadyExistsError):
        claims.confirm(mine, aws.table)
    claims.open_claim(mine, aws.table)
    claims.confirm(mine, aws.table)
    confirmed = aws.row(mine)
    claims.confirm(mine, aws.table)
    assert aws.row(mine) == confirmed


def test_a_claim_that_was_withdrawn_before_it_was_opened_cannot_be_opened(
    aws: FakeAws, mine: RiderPhoto
) -> None:
    aws.table.bind(mine)
    claims.withdraw(mine, aws.table)
    with pytest.raises(FaceAlreadyExistsError):
        claims.open_claim(mine, aws.table)
    assert claim_of(aws, mine) == "withdrawn"


def test_withdrawing_makes_no_row_and_changes_nothing_twice(aws: FakeAws, mine: RiderPhoto) -> None:
    set_claim(aws, mine, Claim.WITHDRAWN)
    withdrawn = aws.row(mine)
    claims.withdraw(mine, aws.table)
    assert aws.row(mine) == withdrawn
    aws.table.delete(withdrawn or {})
    claims.withdraw(mine, aws.table)
    assert aws.row(mine) is None


def test_rivals_are_other_riders_uploads_each_once_oldest_first(
    older: RiderPhoto, mine: RiderPhoto, younger: RiderPhoto
) -> None:
    matches = [younger, mine, older, younger]
    image_ids = [match.external_image_id for match in matches] + ["indexed-by-someone"]
    image_ids.append(external_image_id(mine.user_id, older.known_upload_id))
    assert claims.rivals_among(mine, image_ids) == [
        Rival("indexed-by-someone", None),
        rival(older),
        rival(younger),
    ]


def test_a_face_without_a_name_is_a_rivals(mine: RiderPhoto) -> None:
    assert owner_of_face("") == ("", None)
    assert claims.rivals_among(mine, [""]) == [Rival("", None)]
