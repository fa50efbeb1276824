from __future__ import annotations

import json

import pytest

from tests.fakes import RIDER, FakeAws, photo
from tests.unit.pipeline import accept, persist, retire


def test_the_first_photo_is_accepted_and_replaces_nothing(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    result = retire(aws, uploaded, persist(aws, uploaded))
    assert result == {"retired": []}
    assert json.loads(json.dumps(result)) == result
    assert aws.status(uploaded) == "accepted"
    row = aws.row(uploaded)
    assert row is not None
    assert "expiresAt" not in row
    assert aws.s3.keys(row["thumbnail"]["M"]["s3bucket"]["S"]) == [row["thumbnail"]["M"]["s3key"]["S"]]


def test_a_newer_photo_removes_face_and_thumbnail_of_the_older(aws: FakeAws) -> None:
    older = accept(aws, aws.upload(photo("anna")))
    newer = aws.upload(photo("anna", nonce=1))
    assert retire(aws, newer, persist(aws, newer)) == {"retired": [older.upload_id]}
    assert [face.external_image_id for face in aws.faces()] == [newer.external_image_id]
    assert aws.thumbnails() == [f"thumbnails/{RIDER}/{newer.upload_id}.jpg"]
    row = aws.row(older)
    assert row is not None
    assert row["replacedBy"] == {"S": newer.upload_id}
    assert "expiresAt" in row


def test_a_second_time_changes_nothing(aws: FakeAws) -> None:
    accept(aws, aws.upload(photo("anna")))
    newer = aws.upload(photo("anna", nonce=1))
    event = persist(aws, newer)
    retire(aws, newer, event)
    live, faces, thumbnails = aws.live_item(), aws.faces(), aws.thumbnails()
    assert retire(aws, newer, event) == {"retired": []}
    assert (aws.live_item(), aws.faces(), aws.thumbnails()) == (live, faces, thumbnails)
    assert aws.status(newer) == "accepted"


def test_photos_of_other_riders_stay(aws: FakeAws) -> None:
    accept(aws, aws.upload(photo("bob"), "bobs-id"))
    accept(aws, aws.upload(photo("anna"), RIDER))
    accept(aws, aws.upload(photo("anna", nonce=1), RIDER))
    assert [face.person for face in aws.faces()] == ["bob", "anna"]
    assert len(aws.thumbnails()) == 2


@pytest.mark.parametrize("operation", ["delete_faces"])
def test_a_step_killed_half_way_is_finished_by_its_repetition(aws: FakeAws, operation: str) -> None:
    older = accept(aws, aws.upload(photo("anna")))
    newer = aws.upload(photo("anna", nonce=1))
    event = persist(aws, newer)
    killed = aws.rekognition.error("InternalServerError", status=500)
    aws.rekognition.fail_next(operation, killed, after_effect=True)
    with pytest.raises(type(killed)):
        retire(aws, newer, event)
    assert retire(aws, newer, event) == {"retired": [older.upload_id]}
    assert len(aws.faces()) == len(aws.thumbnails()) == 1


def test_an_older_photo_that_comes_late_is_superseded_and_leaves_nothing(aws: FakeAws) -> None:
    older, newer = aws.upload(photo("anna")), aws.upload(photo("anna", nonce=1))
    late = persist(aws, older)
    accept(aws, newer)
    live = aws.live_item()
    assert retire(aws, older, late) == {"retired": []}
    assert aws.live_item() == live
    assert aws.status(older) == "superseded"
    assert [face.external_image_id for face in aws.faces()] == [newer.external_image_id]
    assert aws.thumbnails() == [f"thumbnails/{RIDER}/{newer.upload_id}.jpg"]
    assert "expiresAt" in (aws.row(older) or {})


def test_an_older_photo_that_ends_before_the_newer_one_retires_it_leaves_nothing(aws: FakeAws) -> None:
    older, newer = aws.upload(photo("anna")), aws.upload(photo("anna", nonce=1))
    late = persist(aws, older)
    event = persist(aws, newer)
    retire(aws, older, late)
    assert retire(aws, newer, event) == {"retired": [older.upload_id]}
    assert aws.status(older) == "superseded"
    assert [face.external_image_id for face in aws.faces()] == [newer.external_image_id]
    assert len(aws.thumbnails()) == 1


def test_a_face_that_the_live_item_names_is_never_removed(aws: FakeAws) -> None:
    older = accept(aws, aws.upload(photo("anna")))
    live = aws.live_item()
    newer = aws.upload(photo("anna", nonce=1))
    event = persist(aws, newer)
    # As if another program had put the older photo back.
    assert live is not None
    aws.dynamodb.put_item(TableName=aws.settings.rider_photo_table, Item=live)
    assert retire(aws, newer, event) == {"retired": []}
    assert older.external_image_id in [face.external_image_id for face in aws.faces()]
    assert f"thumbnails/{RIDER}/{older.upload_id}.jpg" in aws.thumbnails()
