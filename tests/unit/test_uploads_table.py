from __future__ import annotations

import time
from dataclasses import replace

import pytest

from chalicelib.mail.delivery import MailOutcome, mark, unmark
from chalicelib.models import Reason, RiderPhoto, UploadStatus
from chalicelib.pictures import PICTURES
from chalicelib.uploads_table import RESTARTABLE
from tests.fakes import RIDER, FakeAws, photo
from tests.unit.pipeline import by_another_execution

TERMINAL = [UploadStatus.ACCEPTED, UploadStatus.REJECTED, UploadStatus.FAILED, UploadStatus.SUPERSEDED]


@pytest.fixture
def uploaded(aws: FakeAws) -> RiderPhoto:
    return aws.upload(photo("anna"))


def test_a_new_form_waits_for_its_object_and_expires(aws: FakeAws) -> None:
    upload_id, key = aws.form()
    row = aws.table.row(RIDER, upload_id)
    assert row is not None
    assert row["status"] == {"S": "waiting"}
    assert row["createdAt"] == row["updatedAt"]
    assert (row["s3bucket"], row["s3key"]) == ({"S": aws.settings.photo_bucket}, {"S": key})
    days = (int(row["expiresAt"]["N"]) - time.time()) / 86_400
    assert days == pytest.approx(30, abs=0.01)


def test_binding_sets_a_waiting_row_processing_and_keeps_when_it_was_made(
    aws: FakeAws, uploaded: RiderPhoto
) -> None:
    created = (aws.row(uploaded) or {})["createdAt"]
    assert aws.table.bind(uploaded)
    row = aws.row(uploaded)
    assert row is not None
    assert row["status"] == {"S": "processing"}
    assert row["createdAt"] == created
    assert row["s3versionid"] == {"S": uploaded.version_id}
    assert row["executionArn"] == {"S": uploaded.execution_arn}


def test_a_row_is_bound_once_and_to_one_version(aws: FakeAws, uploaded: RiderPhoto) -> None:
    assert aws.table.bind(uploaded)
    bound = aws.row(uploaded)
    assert not aws.table.bind(uploaded)
    assert not aws.table.bind(replace(uploaded, version_id="fake-version-00000002"))
    assert aws.row(uploaded) == bound


def test_binding_makes_no_row(aws: FakeAws) -> None:
    by_hand = aws.put("1_happy_face.jpg", photo("anna"), "user_a")
    assert not aws.table.bind(by_hand)
    assert aws.row(by_hand) is None


@pytest.mark.parametrize("status", TERMINAL)
def test_a_late_event_of_the_same_version_does_not_reopen_an_upload(
    aws: FakeAws, uploaded: RiderPhoto, status: UploadStatus
) -> None:
    aws.table.bind(uploaded)
    aws.table.end(uploaded, status)
    assert not aws.table.bind(uploaded)
    assert not aws.table.open_claim(uploaded)
    assert aws.status(uploaded) == status


@pytest.mark.parametrize("first", TERMINAL)
@pytest.mark.parametrize("second", TERMINAL)
def test_an_upload_ends_once(
    aws: FakeAws, uploaded: RiderPhoto, first: UploadStatus, second: UploadStatus
) -> None:
    assert aws.table.end(uploaded, first)
    assert aws.table.end(uploaded, second) == (first is second)
    assert aws.status(uploaded) == first


def test_the_row_of_a_live_photo_does_not_expire(aws: FakeAws, uploaded: RiderPhoto) -> None:
    aws.table.bind(uploaded)
    place = {"s3bucket": "thumbnails", "s3key": "thumbnails/1.jpg"}
    assert aws.table.end(uploaded, UploadStatus.ACCEPTED, pictures={"thumbnail": place, "avatar": place})
    row = aws.row(uploaded)
    assert row is not None
    assert "expiresAt" not in row
    written = {"M": {"s3bucket": {"S": "thumbnails"}, "s3key": {"S": "thumbnails/1.jpg"}}}
    assert row["thumbnail"] == row["avatar"] == written


@pytest.mark.parametrize("status", TERMINAL[1:])
def test_the_row_of_what_is_not_live_expires(
    aws: FakeAws, uploaded: RiderPhoto, status: UploadStatus
) -> None:
    assert aws.table.end(uploaded, status, reason=Reason.NO_FACE, message="Detected 0 faces")
    row = aws.row(uploaded)
    assert row is not None
    assert int(row["expiresAt"]["N"]) > time.time()
    assert (row["reason"], row["message"]) == ({"S": "NO_FACE"}, {"S": "Detected 0 faces"})


def test_a_replaced_row_expires_and_names_nothing_that_is_gone(aws: FakeAws, uploaded: RiderPhoto) -> None:
    aws.table.open_claim(uploaded)
    assert aws.table.record_face(uploaded, "face-1")
    aws.table.end(
        uploaded, UploadStatus.ACCEPTED, pictures={name: {"s3bucket": "b", "s3key": "k"} for name in PICTURES}
    )
    aws.table.retire(aws.row(uploaded) or {}, replaced_by="a-newer-one")
    row = aws.row(uploaded)
    assert row is not None
    assert row["status"] == {"S": "accepted"}
    assert row["replacedBy"] == {"S": "a-newer-one"}
    assert "expiresAt" in row
    assert not {"faceId", *PICTURES} & set(row)


def test_a_row_that_is_gone_is_not_retired_into_being(aws: FakeAws, uploaded: RiderPhoto) -> None:
    row = aws.row(uploaded) or {}
    aws.table.delete(row)
    aws.table.retire(row, replaced_by="a-newer-one")
    assert aws.row(uploaded) is None


def test_a_mail_moves_on_from_the_expected_state_only(aws: FakeAws, uploaded: RiderPhoto) -> None:
    failed = UploadStatus.FAILED
    assert mark(aws.table, uploaded, failed, MailOutcome.SENDING, expected=None)
    assert not mark(aws.table, uploaded, failed, MailOutcome.SENDING, expected=None)
    assert mark(aws.table, uploaded, failed, MailOutcome.SENT, expected=MailOutcome.SENDING)
    assert not mark(aws.table, uploaded, failed, MailOutcome.REFUSED, expected=MailOutcome.SENDING)
    assert (aws.row(uploaded) or {})["mail_failed"] == {"S": "sent"}
    unmark(aws.table, uploaded, failed)
    assert (aws.row(uploaded) or {})["mail_failed"] == {"S": "sent"}


def test_the_mark_of_a_mail_that_was_not_sent_is_taken_back(aws: FakeAws, uploaded: RiderPhoto) -> None:
    mark(aws.table, uploaded, UploadStatus.FAILED, MailOutcome.SENDING, expected=None)
    unmark(aws.table, uploaded, UploadStatus.FAILED)
    assert "mail_failed" not in (aws.row(uploaded) or {})


def test_each_outcome_has_a_mail_of_its_own(aws: FakeAws, uploaded: RiderPhoto) -> None:
    assert mark(aws.table, uploaded, UploadStatus.FAILED, MailOutcome.SENDING, expected=None)
    assert mark(aws.table, uploaded, UploadStatus.REJECTED, MailOutcome.SENDING, expected=None)


def test_the_riders_rows_are_found_on_every_page_oldest_first(aws: FakeAws) -> None:
    uploads = [aws.upload(photo("anna", nonce=nonce)) for nonce in range(9)]
    aws.upload(photo("bob"), "bobs-id")
    every = [row["uploadId"]["S"] for row in aws.table.rows_of_rider(RIDER)]
    assert every == [upload.upload_id for upload in uploads]
    older = [row["uploadId"]["S"] for row in aws.table.rows_of_rider(RIDER, before=uploads[6].upload_id)]
    assert older == every[:6]


def test_rows_of_a_status_come_the_longest_unchanged_first_and_within_limits(aws: FakeAws) -> None:
    moments = [f"2025-06-15T12:0{minute}:00.000Z" for minute in range(8)]
    uploads = []
    for moment in reversed(moments):
        uploads.insert(0, aws.upload(photo("anna")).upload_id)
        row = aws.table.row(RIDER, uploads[0]) or {}
        item = {**row, "updatedAt": {"S": moment}}
        aws.dynamodb.put_item(TableName=aws.settings.uploads_table, Item=item)
    aws.table.bind(aws.upload(photo("bob"), "bobs-id"))

    def found(**limits: str) -> list[str]:
        rows = aws.table.rows_by_status(UploadStatus.WAITING, **limits)  # type: ignore[arg-type]
        return [row["uploadId"]["S"] for row in rows]

    assert found(before="2025-07") == uploads
    assert found(before=moments[5]) == uploads[:6]
    assert found(since=moments[2], before=moments[5]) == uploads[2:6]


def test_a_deleted_row_stays_deleted(aws: FakeAws, uploaded: RiderPhoto) -> None:
    row = aws.row(uploaded) or {}
    aws.table.delete(row)
    aws.table.delete(row)
    assert aws.row(uploaded) is None
    for status in TERMINAL:
        assert not aws.table.end(uploaded, status)
    assert aws.row(uploaded) is None, "the row of a form is never made anew by an outcome"


def test_a_photo_that_no_form_uploaded_gets_its_row_with_its_outcome(aws: FakeAws) -> None:
    by_hand = aws.put("1_happy_face.jpg", photo("anna"), "user_a")
    assert aws.table.end(by_hand, UploadStatus.FAILED)
    assert aws.status(by_hand) == "failed"


def test_only_the_execution_that_a_row_is_bound_to_ends_it(aws: FakeAws, uploaded: RiderPhoto) -> None:
    aws.table.bind(uploaded)
    assert not aws.table.end(by_another_execution(aws, uploaded), UploadStatus.FAILED)
    assert aws.status(uploaded) == "processing"
    assert aws.table.end(uploaded, UploadStatus.FAILED)


@pytest.mark.parametrize("status", UploadStatus)
def test_a_row_is_taken_over_from_the_execution_it_was_bound_to_and_begins_anew(
    aws: FakeAws, uploaded: RiderPhoto, status: UploadStatus
) -> None:
    aws.table.bind(uploaded)
    aws.table.open_claim(uploaded)
    aws.table.record_face(uploaded, "face-1")
    mark(aws.table, uploaded, UploadStatus.FAILED, MailOutcome.SENT, expected=None)
    again = by_another_execution(aws, uploaded)
    if status not in {UploadStatus.WAITING, UploadStatus.PROCESSING}:
        aws.table.end(uploaded, status, reason=Reason.NO_FACE, message="Detected 0 faces")
    before = aws.row(uploaded)
    assert not aws.table.take_over(again, None)
    assert not aws.table.take_over(again, "arn:another")
    assert aws.row(uploaded) == before
    if status in {UploadStatus.WAITING, UploadStatus.PROCESSING}:
        assert not aws.table.take_over(again, uploaded.execution_arn), "with a claim it is at work"
        aws.dynamodb.put_item(
            TableName=aws.settings.uploads_table,
            Item={name: value for name, value in (before or {}).items() if name != "claim"},
        )
    restartable = status in RESTARTABLE
    assert aws.table.take_over(again, uploaded.execution_arn) == restartable
    row = aws.row(uploaded) or {}
    if restartable:
        assert (row["status"], row["executionArn"]) == ({"S": "processing"}, {"S": again.execution_arn})
        assert not {"claim", "faceId", "reason", "message", "mail_failed"} & set(row)
        assert not aws.table.take_over(again, uploaded.execution_arn), "nor a second time"
    else:
        assert row == before


def test_rows_are_read_consistently(aws: FakeAws, uploaded: RiderPhoto) -> None:
    aws.table.bind(uploaded)
    aws.table.end(uploaded, UploadStatus.FAILED)
    assert aws.table.status(uploaded) is UploadStatus.FAILED
    stale = aws.dynamodb.get_item(
        TableName=aws.settings.uploads_table,
        Key={"userId": {"S": uploaded.user_id}, "uploadId": {"S": uploaded.known_upload_id}},
    )
    assert stale["Item"]["status"] == {"S": "processing"}, "the fake tells a stale read from a fresh one"


def test_without_a_row_there_is_no_status(aws: FakeAws) -> None:
    assert aws.table.status(aws.put("1_happy_face.jpg", photo("anna"), "user_a")) is None
    assert aws.table.row("nobody", "nothing") is None


def test_an_error_that_is_no_failed_condition_is_raised(aws: FakeAws, uploaded: RiderPhoto) -> None:
    busy = aws.dynamodb.error("ProvisionedThroughputExceededException")
    aws.dynamodb.fail_next("update_item", busy)
    with pytest.raises(type(busy)):
        aws.table.end(uploaded, UploadStatus.FAILED)
