"""Twins: between two riders the claims on a face decide nothing, and towards all others everything."""

from __future__ import annotations

import pytest

from chalicelib.claims import Rival, settle
from chalicelib.errors import FaceAlreadyExistsError
from chalicelib.models import Claim
from chalicelib.rows import text_of
from chalicelib.steps.search_face import search_face
from chalicelib.twins import are_twins, forget_records, record_twins
from tests.fakes import FakeAws, photo
from tests.unit.pipeline import accept, audit, confirm, index, parallel_result, run, share, state

ANNA, BETH = "annas-id", "beths-id"


@pytest.fixture
def twins(aws: FakeAws) -> None:
    record_twins(ANNA, BETH, aws.records)


def reads(aws: FakeAws) -> list[str]:
    """The sort keys of all single rows that were read."""
    keys = [request["Key"] for request in aws.dynamodb.calls_of("get_item")]
    return [key["uploadId"]["S"] for key in keys if "uploadId" in key]


def test_twins_are_each_others_and_nobody_elses(aws: FakeAws, twins: None) -> None:
    assert are_twins(ANNA, BETH, aws.table)
    assert are_twins(BETH, ANNA, aws.table)
    assert not are_twins(ANNA, "carls-id", aws.table)
    assert not are_twins(ANNA, ANNA, aws.table)


def test_recording_twins_twice_keeps_the_time_of_the_first(aws: FakeAws, twins: None) -> None:
    before = aws.records.get(ANNA, f"twin#{BETH}")
    record_twins(BETH, ANNA, aws.records)
    assert aws.records.get(ANNA, f"twin#{BETH}") == before


def test_both_twins_are_accepted_and_may_replace_their_photos(aws: FakeAws, twins: None) -> None:
    for nonce in range(2):
        for rider in (ANNA, BETH):
            uploaded = aws.upload(photo("anna", nonce=10 * nonce + (rider == BETH)), rider)
            run(aws, search_face, photo=uploaded)
            accept(aws, uploaded)
            assert aws.status(uploaded) == "accepted"
    assert len(aws.faces()) == 2


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_twins_who_upload_at_once_put_neither_aside_nor_wait(
    aws: FakeAws, twins: None, order: tuple[int, int]
) -> None:
    uploads = [aws.upload(photo("anna"), ANNA), aws.upload(photo("anna", nonce=1), BETH)]
    results = [parallel_result(aws, uploaded) for uploaded in uploads]
    for number in order:
        uploaded = uploads[number]
        assert confirm(aws, uploaded, state(uploaded, parallelResult=results[number])) == {"replaces": ""}
    assert [text_of(aws.row(uploaded), "claim") for uploaded in uploads] == [Claim.CONFIRMED] * 2


def test_a_third_rider_still_loses_against_either_twin(aws: FakeAws, twins: None) -> None:
    accept(aws, aws.upload(photo("anna"), ANNA))
    third = aws.upload(photo("anna", nonce=2), "carls-id")
    with pytest.raises(FaceAlreadyExistsError):
        run(aws, search_face, photo=third)
    with pytest.raises(FaceAlreadyExistsError):
        confirm(aws, third, state(third, parallelResult=parallel_result(aws, third)))


def test_a_twin_still_loses_against_a_third_rider(aws: FakeAws, twins: None) -> None:
    accept(aws, aws.upload(photo("anna"), "carls-id"))
    with pytest.raises(FaceAlreadyExistsError):
        run(aws, search_face, photo=aws.upload(photo("anna", nonce=1), ANNA))


def test_a_rival_that_gave_up_is_not_asked_whether_it_is_a_twin(aws: FakeAws, twins: None) -> None:
    rival, mine = aws.upload(photo("anna"), ANNA), aws.upload(photo("anna", nonce=1), BETH)
    aws.table.update(rival, {"claim": {"S": Claim.WITHDRAWN}}, condition="attribute_exists(userId)")
    index(aws, mine)
    aws.dynamodb.calls.clear()
    settle(Rival(ANNA, rival.upload_id), mine, aws.table)
    assert reads(aws) == [rival.upload_id]


def test_the_audit_reports_no_twins_and_everybody_else(aws: FakeAws) -> None:
    one, other = share(aws)
    saved = aws.save()
    assert audit(aws).shared_faces != []
    aws.restore(saved)
    record_twins(one.user_id, other.user_id, aws.records)
    report = audit(aws)
    assert (report.shared_faces, report.complete) == ([], True)


def test_forgetting_a_rider_forgets_the_twin_on_both_sides_and_nobody_else(aws: FakeAws, twins: None) -> None:
    record_twins(ANNA, "carls-id", aws.records)
    aws.consent(ANNA, BETH)
    assert forget_records(ANNA, aws.records) == 5
    assert list(aws.records.of_rider(ANNA)) == []
    assert list(aws.records.of_rider("carls-id")) == []
    assert [record["uploadId"]["S"] for record in aws.records.of_rider(BETH)] == ["consent"]
    assert forget_records(ANNA, aws.records) == 0
