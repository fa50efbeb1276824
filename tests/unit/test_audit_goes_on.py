"""Neither a bad row, nor a refusal, nor a part that fails stops an audit or the sweep after erased riders."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib import audit as auditing
from chalicelib.erasure import ERASED_RIDERS, Eraser
from chalicelib.models import Reason, RiderPhoto, UploadStatus
from chalicelib.retention import TAG
from chalicelib.rows import iso
from tests.fakes import RIDER, FakeAws, photo
from tests.unit.pipeline import accept, audit, grow_old, index, run


def grow_apart(aws: FakeAws, *uploads: RiderPhoto) -> None:
    """Let uploads be last changed a minute after each other, an hour ago and more."""
    for minute, uploaded in enumerate(uploads):
        moment = iso(datetime.now(UTC) - timedelta(hours=2) + timedelta(minutes=minute))
        row = {**(aws.row(uploaded) or {}), "updatedAt": {"S": moment}}
        aws.dynamodb.put_item(TableName=aws.settings.uploads_table, Item=row)


def rejected(aws: FakeAws, number: int) -> list[RiderPhoto]:
    """So many rejected uploads, of a rider each."""
    uploads = [aws.upload(photo(nonce=nonce), f"rider-{nonce}") for nonce in range(number)]
    for uploaded in uploads:
        aws.table.end(uploaded, UploadStatus.REJECTED, reason=Reason.NO_FACE)
    grow_apart(aws, *uploads)
    return uploads


def tags(aws: FakeAws, uploads: list[RiderPhoto]) -> list[str | None]:
    versions = [aws.s3.versions(uploaded.bucket, uploaded.key)[0] for uploaded in uploads]
    return [version.tags.get(TAG) for version in versions]


def refuse(aws: FakeAws, *places: tuple[str, str]) -> Callable[[], None]:
    """Let a service refuse an operation on a key, until what is returned is called."""

    def around(client: Any, operation: str, parameters: Any, perform: Callable[[], Any]) -> Any:
        if any(operation == name and key in str(parameters) for name, key in places):
            raise client.error("AccessDenied", status=403)
        return perform()

    def allow() -> None:
        for client in aws.clients:
            client.around = None

    for client in aws.clients:
        client.around = around
    return allow


def test_an_original_that_is_refused_is_reported_and_the_others_are_tagged(aws: FakeAws) -> None:
    uploads = rejected(aws, 3)
    refuse(aws, ("put_object_tagging", uploads[0].key))
    assert audit(aws).refused == [uploads[0].upload_id]
    assert tags(aws, uploads) == [None, "ended", "ended"]
    assert audit(aws).refused == [], "it is not asked for at each pass"


def test_originals_that_are_all_refused_come_up_again(aws: FakeAws) -> None:
    uploads = rejected(aws, 2)
    allow = refuse(aws, ("put_object_tagging", ""))
    assert len(audit(aws).refused) == 2
    assert len(audit(aws).refused) == 2
    allow()
    assert audit(aws).refused == []
    assert tags(aws, uploads) == ["ended", "ended"]


def test_an_original_in_another_bucket_is_nobodys_here(aws: FakeAws) -> None:
    uploads = rejected(aws, 2)
    row = aws.row(uploads[0]) or {}
    aws.dynamodb.put_item(
        TableName=aws.settings.uploads_table, Item={**row, "s3bucket": {"S": "another-bucket"}}
    )
    assert audit(aws).refused == []
    assert tags(aws, uploads) == [None, "ended"]


def test_a_row_that_is_broken_is_reported_and_those_behind_it_are_looked_after(aws: FakeAws) -> None:
    uploads = [aws.upload(photo("anna", nonce=nonce), f"rider-{nonce}") for nonce in range(2)]
    grow_apart(aws, *uploads)
    broken = {**(aws.row(uploads[0]) or {}), "createdAt": {"S": "yesterday"}, "s3key": {"S": "nobody's"}}
    aws.dynamodb.put_item(TableName=aws.settings.uploads_table, Item=broken)
    refuse(aws, ("head_object", "nobody's"))
    report = audit(aws)
    assert (report.refused, report.restarted) == ([uploads[0].upload_id], [uploads[1].upload_id])
    assert aws.row(uploads[0]) is not None, "what can't be read is no unused form"


def test_an_accepted_upload_that_is_refused_is_searched_for_again(aws: FakeAws) -> None:
    accept(aws, aws.upload(photo("anna")))
    grow_old(aws)
    allow = refuse(aws, ("search_faces", ""))
    assert len(audit(aws).refused) == 1
    allow()
    before = len(aws.rekognition.calls_of("search_faces"))
    assert audit(aws).refused == []
    assert len(aws.rekognition.calls_of("search_faces")) == before + 1


def test_a_stray_face_that_is_refused_lets_the_others_go(aws: FakeAws) -> None:
    faces = []
    for nonce, person in enumerate(("anna", "bob")):
        uploaded = aws.upload(photo(person), f"rider-{nonce}")
        faces.append(index(aws, uploaded)["FaceId"])
        aws.table.end(uploaded, UploadStatus.FAILED)
    grow_old(aws)
    refuse(aws, ("delete_faces", faces[0]))
    report = audit(aws)
    assert (report.refused, report.faces_deleted) == ([faces[0]], [faces[1]])


def test_a_part_that_fails_is_raised_after_the_others_and_the_sweep(app: Any, aws: FakeAws) -> None:
    uploads = rejected(aws, 1)
    run(aws, Eraser).erase(RIDER)
    late = aws.upload(photo("anna"))
    throttled = aws.rekognition.error("ProvisionedThroughputExceededException")
    aws.rekognition.fail_next("list_faces", throttled)
    with pytest.raises(type(throttled)):
        auditing.run_audit(60_000)
    assert tags(aws, uploads) == ["ended"]
    assert aws.row(late) is None
    assert auditing.run_audit(60_000) is True


def test_an_erased_rider_who_can_not_be_swept_after_stops_no_other(aws: FakeAws) -> None:
    eraser = run(aws, Eraser)
    for rider in ("annas-id", "bobs-id"):
        eraser.erase(rider)
    late = [aws.upload(photo(name), f"{name}s-id") for name in ("anna", "bob")]
    allow = refuse(aws, ("list_object_versions", "annas-id"))
    soon = datetime.now(UTC) + timedelta(minutes=1)
    with pytest.raises(aws.s3.exceptions.ClientError):
        eraser.sweep(soon)
    assert [aws.row(uploaded) is None for uploaded in late] == [False, True]
    allow()
    eraser.sweep(soon)
    assert aws.row(late[0]) is None
    assert aws.dynamodb.items(aws.settings.uploads_table) != []
    assert len(list(aws.table.rows_of_rider(ERASED_RIDERS))) == 2


def test_a_lost_upload_behind_forms_that_nobody_used_comes_up_in_time(aws: FakeAws) -> None:
    for number in range(6):
        aws.form(f"rider-{number}")
    lost = aws.upload(photo("anna"))
    table = aws.settings.uploads_table
    for minute, row in enumerate(sorted(aws.dynamodb.items(table), key=lambda row: row["uploadId"]["S"])):
        moment = iso(datetime.now(UTC) - timedelta(hours=2) + timedelta(minutes=minute))
        aws.dynamodb.put_item(TableName=table, Item={**row, "updatedAt": {"S": moment}})
    aws.s3.calls.clear()
    # Each pass has time for one row of each part.
    passes = [audit(aws, deadline=datetime.now(UTC)).restarted for _ in range(7)]
    assert passes == [[]] * 6 + [[lost.upload_id]]
    looks = len(aws.s3.calls_of("head_object"))
    audit(aws)
    assert len(aws.s3.calls_of("head_object")) == looks, "it has come to the end"
    audit(aws)
    assert len(aws.s3.calls_of("head_object")) == looks + 6, "and begins anew"


def test_a_pass_of_the_audit_leaves_time_for_the_sweep(
    app: Any, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadlines: dict[str, datetime] = {}

    class Noting(auditing.Auditor):
        def run(self) -> auditing.AuditReport:
            deadlines["audit"] = self._deadline
            return super().run()

    def sweep(self: Eraser, deadline: datetime) -> int:
        deadlines["sweep"] = deadline
        return 0

    monkeypatch.setattr(auditing, "Auditor", Noting)
    monkeypatch.setattr(Eraser, "sweep", sweep)
    assert auditing.run_audit(240_000) is True
    assert deadlines["sweep"] - deadlines["audit"] == timedelta(seconds=24)
