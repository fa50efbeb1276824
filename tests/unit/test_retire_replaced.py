from __future__ import annotations

from typing import Any

import pytest

from chalicelib.erasure import Eraser
from chalicelib.errors import RiderNotToldError, SupersededError
from chalicelib.mail import compose, delivery
from chalicelib.models import RiderPhoto, UploadStatus
from tests.fakes import RIDER, FakeAws, photo
from tests.unit.pipeline import (
    accept,
    by_another_execution,
    confirmed,
    error_info,
    persist,
    put_item,
    retire,
    run,
    undo,
)


def test_the_first_photo_is_accepted_and_replaces_nothing(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    result = retire(aws, uploaded, persist(aws, uploaded))
    assert result == {"retired": []}
    assert aws.status(uploaded) == "accepted"
    row = aws.row(uploaded)
    assert row is not None
    assert "expiresAt" not in row
    named = [row[name]["M"]["s3key"]["S"] for name in ("avatar", "thumbnail")]
    assert aws.s3.keys(row["thumbnail"]["M"]["s3bucket"]["S"]) == named


def test_a_newer_photo_removes_face_and_thumbnail_of_the_older(aws: FakeAws) -> None:
    older = accept(aws, aws.upload(photo("anna")))
    newer = aws.upload(photo("anna", nonce=1))
    assert retire(aws, newer, persist(aws, newer)) == {"retired": [older.upload_id]}
    assert [face.external_image_id for face in aws.faces()] == [newer.external_image_id]
    assert aws.thumbnails() == [f"thumbnails/{RIDER}/{newer.upload_id}.jpg"]
    assert aws.avatars() == [f"thumbnails/{RIDER}/{newer.upload_id}.avatar.jpg"]
    row = aws.row(older)
    assert row is not None
    assert row.keys().isdisjoint({"faceId", "thumbnail", "avatar"})
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


def overtaken(aws: FakeAws) -> tuple[RiderPhoto, RiderPhoto, dict[str, Any]]:
    """An older photo that was persisted but not accepted yet when a newer one took its place."""
    older, newer = aws.upload(photo("anna")), aws.upload(photo("anna", nonce=1))
    late = persist(aws, older)
    accept(aws, newer)
    return older, newer, late


def test_an_older_photo_that_comes_late_gives_way_and_leaves_its_cleaning_to_the_undo(aws: FakeAws) -> None:
    older, newer, late = overtaken(aws)
    live = aws.live_item()
    with pytest.raises(SupersededError) as superseded:
        retire(aws, older, late)
    assert aws.live_item() == live
    late["state"]["errorInfo"] = error_info(type(superseded.value).__name__, str(superseded.value))
    assert undo(aws, older, late)["status"] == "superseded"
    assert aws.status(older) == "superseded"
    after = aws.live_item() or {}
    assert {name: value for name, value in after.items() if name != "closedExecution"} == live
    assert [face.external_image_id for face in aws.faces()] == [newer.external_image_id]
    assert aws.thumbnails() == [f"thumbnails/{RIDER}/{newer.upload_id}.jpg"]
    assert "expiresAt" in (aws.row(older) or {})


def test_a_photo_that_is_still_being_processed_is_not_retired(aws: FakeAws) -> None:
    older, newer, _ = overtaken(aws)
    assert aws.status(older) == "processing"
    assert {face.external_image_id for face in aws.faces()} == {
        older.external_image_id,
        newer.external_image_id,
    }
    assert (aws.row(older) or {})["claim"] == {"S": "confirmed"}


def test_the_claim_of_what_is_replaced_is_withdrawn_before_its_face_is_deleted(aws: FakeAws) -> None:
    older = accept(aws, aws.upload(photo("anna")))
    newer = aws.upload(photo("anna", nonce=1))
    event = persist(aws, newer)
    aws.rekognition.fail_next("delete_faces", ValueError("killed"))
    with pytest.raises(ValueError, match="killed"):
        retire(aws, newer, event)
    assert (aws.row(older) or {})["claim"] == {"S": "withdrawn"}


def test_a_rider_who_was_erased_meanwhile_gets_nothing_back(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    event = persist(aws, uploaded)
    run(aws, Eraser).erase(RIDER)
    with pytest.raises(SupersededError):
        retire(aws, uploaded, event)
    assert aws.row(uploaded) is None


@pytest.mark.parametrize("named", ["faceId", "thumbnail", "avatar"])
def test_what_the_live_item_names_is_never_removed(aws: FakeAws, named: str) -> None:
    older = accept(aws, aws.upload(photo("anna")))
    before = aws.live_item()
    newer = aws.upload(photo("anna", nonce=1))
    event = persist(aws, newer)
    after = aws.live_item()
    assert before is not None
    assert after is not None
    # As if the newer item named what belongs to the older upload.
    aws.dynamodb.put_item(TableName=aws.settings.rider_photo_table, Item={**after, named: before[named]})
    assert retire(aws, newer, event) == {"retired": [older.upload_id]}
    faces = [face.external_image_id for face in aws.faces()]
    assert (older.external_image_id in faces) == (named == "faceId")
    assert (f"thumbnails/{RIDER}/{older.upload_id}.jpg" in aws.thumbnails()) == (named == "thumbnail")
    assert (f"thumbnails/{RIDER}/{older.upload_id}.avatar.jpg" in aws.avatars()) == (named == "avatar")


# --- the mail -------------------------------------------------------------------------------------------


def told(aws: FakeAws) -> list[str]:
    return [mail.subject for mail in aws.ses.mails]


@pytest.fixture
def rider(aws: FakeAws) -> str:
    aws.cognito.sign_up(RIDER, email="rider@example.com", email_verified="true")
    return RIDER


def test_the_rider_is_told_once(aws: FakeAws, rider: str) -> None:
    uploaded = aws.upload(photo("anna"), rider)
    event = persist(aws, uploaded)
    for _ in range(2):
        retire(aws, uploaded, event)
    assert told(aws) == [compose(UploadStatus.ACCEPTED).subject]
    assert (aws.row(uploaded) or {})["mail_accepted"] == {"S": "sent"}


def test_another_execution_of_the_same_upload_tells_nobody_again(aws: FakeAws, rider: str) -> None:
    uploaded = aws.upload(photo("anna"), rider)
    event = persist(aws, uploaded)
    retire(aws, uploaded, event)
    retire(aws, by_another_execution(aws, uploaded), event)
    assert len(told(aws)) == 1


def test_the_mail_can_be_switched_off() -> None:
    aws = FakeAws(MAIL_ON_ACCEPTED="false")
    aws.cognito.sign_up(RIDER, email="rider@example.com", email_verified="true")
    uploaded = accept(aws, aws.upload(photo("anna")))
    assert told(aws) == []
    assert "mail_accepted" not in (aws.row(uploaded) or {})


def test_a_photo_that_a_newer_one_replaces_at_that_moment_is_not_announced(
    aws: FakeAws, rider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploaded = aws.upload(photo("anna"), rider)
    newer = aws.upload(photo("anna", nonce=1), rider)
    event, end = persist(aws, uploaded), aws.table.end

    def overtaken(*args: Any, **how: Any) -> bool:
        monkeypatch.setattr(aws.table, "end", end)
        put_item(aws, newer, confirmed(aws, newer))
        return end(*args, **how)

    monkeypatch.setattr(aws.table, "end", overtaken)
    assert retire(aws, uploaded, event) == {"retired": [uploaded.upload_id]}
    assert aws.status(uploaded) == "accepted"
    assert told(aws) == []


def test_a_mail_that_may_be_sent_later_says_so_when_all_else_is_done(aws: FakeAws, rider: str) -> None:
    older = accept(aws, aws.upload(photo("anna"), rider))
    newer = aws.upload(photo("anna", nonce=1), rider)
    event = persist(aws, newer)
    aws.ses.fail_next("send_email", aws.ses.error("TooManyRequestsException", status=429))
    with pytest.raises(RiderNotToldError):
        retire(aws, newer, event)
    assert aws.status(newer) == "accepted"
    assert (aws.row(older) or {})["replacedBy"] == {"S": newer.upload_id}
    assert len(told(aws)) == 1
    assert retire(aws, newer, event) == {"retired": []}
    assert len(told(aws)) == 2


def test_a_mail_that_breaks_is_logged_and_the_photo_stays_accepted(
    aws: FakeAws, rider: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(delivery, "compose", lambda *_, **__: 1 / 0)
    uploaded = accept(aws, aws.upload(photo("anna"), rider))
    assert told(aws) == []
    assert (aws.row(uploaded) or {})["mail_accepted"] == {"S": "sending"}
    assert '"outcome":"error"' in capsys.readouterr().out
