"""Thumbnails that no live photo accounts for."""

from __future__ import annotations

import pytest

from chalicelib.audit import AuditReport
from chalicelib.models import UploadStatus
from chalicelib.passes import Pace
from chalicelib.steps.make_thumbnail import make_thumbnail
from tests.fakes import FakeAws, photo
from tests.unit.pipeline import accept, audit, grow_old, run, state


@pytest.mark.parametrize("status", [UploadStatus.REJECTED, UploadStatus.FAILED, UploadStatus.SUPERSEDED])
def test_the_thumbnail_of_an_upload_that_ended_otherwise_is_deleted(
    aws: FakeAws, status: UploadStatus
) -> None:
    kept = accept(aws, aws.upload(photo("bob"), "bobs-id"))
    late = aws.upload(photo("anna"))
    aws.table.end(late, status)
    run(
        aws, make_thumbnail, photo=late, event=state(late)
    )  # by a function of an execution that was stopped before
    assert audit(aws).thumbnails_deleted == [], "who ended it may be deleting it"
    grow_old(aws)
    assert audit(aws).thumbnails_deleted == [late.upload_id] * 2  # with its avatar
    assert [kept.known_upload_id in key for key in [*aws.thumbnails(), *aws.avatars()]] == [True] * 2
    assert audit(aws) == AuditReport()


def test_the_thumbnail_of_a_replaced_photo_that_came_late_is_deleted(aws: FakeAws) -> None:
    first = accept(aws, aws.upload(photo("anna")))
    second = accept(aws, aws.upload(photo("anna", nonce=1)))
    run(aws, make_thumbnail, photo=first, event=state(first))
    grow_old(aws)
    assert audit(aws).thumbnails_deleted == [first.upload_id] * 2
    assert [second.known_upload_id in key for key in [*aws.thumbnails(), *aws.avatars()]] == [True] * 2


def test_a_thumbnail_of_an_upload_at_work_stays(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    aws.table.bind(uploaded)
    run(aws, make_thumbnail, photo=uploaded, event=state(uploaded))
    aws.step_functions.start_execution(
        stateMachineArn=aws.settings.state_machine_arn,
        name=(uploaded.execution_arn or "").rpartition(":")[2],
        input="{}",
    )
    grow_old(aws)
    assert audit(aws) == AuditReport()
    assert len([*aws.thumbnails(), *aws.avatars()]) == 2


def test_a_thumbnail_without_a_row_stays_as_long_as_an_execution_may_be_about_to_claim_it(
    aws: FakeAws,
) -> None:
    by_hand = aws.put("root.jpg", photo("anna"))
    run(aws, make_thumbnail, photo=by_hand, event=state(by_hand))
    grow_old(aws)
    assert audit(aws).thumbnails_deleted == []
    grow_old(aws)
    assert audit(aws).thumbnails_deleted == [by_hand.upload_id] * 2
    assert aws.thumbnails() == []


def test_what_others_put_there_is_left_alone(aws: FakeAws) -> None:
    aws.s3.put_object(Bucket=aws.settings.thumbnail_bucket, Key="thumbnails/banner.jpg", Body=b"")
    for _ in range(3):
        grow_old(aws)
    assert audit(aws) == AuditReport()
    assert aws.thumbnails() == ["thumbnails/banner.jpg"]


def test_thumbnails_are_looked_through_page_by_page(aws: FakeAws) -> None:
    uploads = [aws.upload(photo("anna", nonce=number), f"rider-{number}") for number in range(5)]
    for upload in uploads:
        run(aws, make_thumbnail, photo=upload, event=state(upload))
        aws.table.end(upload, UploadStatus.FAILED)
    grow_old(aws)
    aws.s3.page_size = 2
    assert sorted(audit(aws).thumbnails_deleted) == sorted(2 * [upload.known_upload_id for upload in uploads])


def test_calls_are_let_through_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("chalicelib.passes.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("chalicelib.passes.time.sleep", lambda seconds: clock.append(clock.pop() + seconds))
    pace, times = Pace(4), []
    for _ in range(4):
        pace.wait()
        times.append(clock[0])
    assert times == [0.0, 0.25, 0.5, 0.75]
    clock[0] = 10.0  # what was not used is not saved up
    pace.wait()
    pace.wait()
    assert clock[0] == 10.25
