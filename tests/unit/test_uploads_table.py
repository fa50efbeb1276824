from __future__ import annotations

import time
from dataclasses import replace

import pytest

from chalicelib.models import Reason, RiderPhoto, UploadStatus
from tests.fakes import FakeAws, photo

TERMINAL = [UploadStatus.ACCEPTED, UploadStatus.REJECTED, UploadStatus.FAILED, UploadStatus.SUPERSEDED]


@pytest.fixture
def uploaded(aws: FakeAws) -> RiderPhoto:
    return aws.upload(photo("anna"))


def test_a_new_form_waits_and_expires(aws: FakeAws, uploaded: RiderPhoto) -> None:
    aws.table.create(uploaded.user_id, uploaded.known_upload_id)
    row = aws.row(uploaded)
    assert row is not None
    assert row["status"] == {"S": "waiting"}
    assert row["createdAt"] == row["updatedAt"]
    days = (int(row["expiresAt"]["N"]) - time.time()) / 86_400
    assert days == pytest.approx(30, abs=0.01)


def test_binding_sets_a_waiting_row_processing_and_keeps_when_it_was_made(
    aws: FakeAws, uploaded: RiderPhoto
) -> None:
    aws.table.create(uploaded.user_id, uploaded.known_upload_id)
    created = (aws.row(uploaded) or {})["createdAt"]
    assert aws.table.bind(uploaded)
    row = aws.row(uploaded)
    assert row is not None
    assert row["status"] == {"S": "processing"}
    assert row["createdAt"] == created
    assert row["s3versionid"] == {"S": uploaded.version_id}
    assert row["executionArn"] == {"S": uploaded.execution_arn}


def test_binding_works_without_a_row_and_twice(aws: FakeAws, uploaded: RiderPhoto) -> None:
    assert aws.table.bind(uploaded)
    assert aws.table.bind(uploaded)
    assert aws.status(uploaded) == "processing"


def test_a_row_is_bound_to_one_version_only(aws: FakeAws, uploaded: RiderPhoto) -> None:
    assert aws.table.bind(uploaded)
    assert not aws.table.bind(replace(uploaded, version_id="fake-version-00000002"))
    assert (aws.row(uploaded) or {})["s3versionid"] == {"S": uploaded.version_id}


@pytest.mark.parametrize("status", TERMINAL)
def test_a_late_event_of_the_same_version_does_not_reopen_an_upload(
    aws: FakeAws, uploaded: RiderPhoto, status: UploadStatus
) -> None:
    aws.table.bind(uploaded)
    aws.table.end(uploaded, status)
    assert aws.table.bind(uploaded)
    aws.table.claim(uploaded)
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
    assert aws.table.end(uploaded, UploadStatus.ACCEPTED, thumbnail=place)
    row = aws.row(uploaded)
    assert row is not None
    assert "expiresAt" not in row
    assert row["thumbnail"] == {"M": {"s3bucket": {"S": "thumbnails"}, "s3key": {"S": "thumbnails/1.jpg"}}}


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
    aws.table.record_face(uploaded, "face-1")
    aws.table.end(uploaded, UploadStatus.ACCEPTED, thumbnail={"s3bucket": "b", "s3key": "k"})
    aws.table.retire(aws.row(uploaded) or {}, replaced_by="a-newer-one")
    row = aws.row(uploaded)
    assert row is not None
    assert row["status"] == {"S": "accepted"}
    assert row["replacedBy"] == {"S": "a-newer-one"}
    assert "expiresAt" in row
    assert not {"faceId", "thumbnail"} & set(row)


def test_a_mail_moves_on_from_the_expected_state_only(aws: FakeAws, uploaded: RiderPhoto) -> None:
    assert aws.table.mark_mail(uploaded, "sending", expected=None)
    assert not aws.table.mark_mail(uploaded, "sending", expected=None)
    assert aws.table.mark_mail(uploaded, "sent", expected="sending")
    assert not aws.table.mark_mail(uploaded, "refused", expected="sending")
    assert (aws.row(uploaded) or {})["mail"] == {"S": "sent"}


def test_older_rows_with_a_face_are_found_on_every_page(aws: FakeAws) -> None:
    uploads = [aws.upload(photo("anna", nonce=nonce)) for nonce in range(9)]
    stranger = aws.upload(photo("bob"), "bobs-id")
    for upload in [*uploads, stranger]:
        aws.table.bind(upload)
    for upload in [*uploads[::2], stranger]:
        aws.table.record_face(upload, f"face-{upload.upload_id}")
    found = [row["uploadId"]["S"] for row in aws.table.older_rows_with_face(uploads[6])]
    assert found == [upload.upload_id for upload in uploads[:6:2]]


def test_rows_are_read_consistently(aws: FakeAws, uploaded: RiderPhoto) -> None:
    aws.table.bind(uploaded)
    aws.table.end(uploaded, UploadStatus.FAILED)
    assert aws.table.status(uploaded) is UploadStatus.FAILED
    stale = aws.dynamodb.get_item(
        TableName=aws.settings.uploads_table,
        Key={"userId": {"S": uploaded.user_id}, "uploadId": {"S": uploaded.known_upload_id}},
    )
    assert stale["Item"]["status"] == {"S": "processing"}, "the fake tells a stale read from a fresh one"


def test_without_a_row_there_is_no_status(aws: FakeAws, uploaded: RiderPhoto) -> None:
    assert aws.table.status(uploaded) is None
    assert aws.table.row("nobody", "nothing") is None


def test_an_error_that_is_no_failed_condition_is_raised(aws: FakeAws, uploaded: RiderPhoto) -> None:
    busy = aws.dynamodb.error("ProvisionedThroughputExceededException")
    aws.dynamodb.fail_next("update_item", busy)
    with pytest.raises(type(busy)):
        aws.table.end(uploaded, UploadStatus.FAILED)
