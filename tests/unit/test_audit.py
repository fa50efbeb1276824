from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib import audit as auditing
from chalicelib.audit import AuditReport
from chalicelib.erasure import Eraser
from chalicelib.models import UploadStatus
from chalicelib.passes import AUDIT
from chalicelib.rows import iso
from tests.fakes import RIDER, FakeAws, photo
from tests.unit.pipeline import (
    accept,
    audit,
    by_another_execution,
    grow_old,
    index,
    name_of,
    parallel_result,
    run,
    share,
    started,
)


def world(aws: FakeAws) -> Any:
    """All that a rider or an operator would see."""
    rows = [row for row in aws.dynamodb.items(aws.settings.uploads_table) if "status" in row]
    items = aws.dynamodb.items(aws.settings.rider_photo_table)
    return rows, items, aws.faces(), aws.thumbnails(), aws.step_functions.save(), aws.dead_letters()


def test_where_all_is_well_nothing_is_found_and_nothing_changed(aws: FakeAws) -> None:
    accept(aws, aws.upload(photo("anna")))
    accept(aws, aws.upload(photo("anna", nonce=1)))
    accept(aws, aws.upload(photo("bob"), "bobs-id"))
    aws.table.end(aws.upload(photo()), UploadStatus.REJECTED)
    grow_old(aws)
    before = world(aws)
    assert audit(aws) == AuditReport()
    assert audit(aws) == AuditReport()
    assert world(aws) == before


def created(aws: FakeAws, moment: datetime) -> None:
    """Let all forms have been minted at a moment."""
    grow_old(aws, iso(moment))
    table = aws.settings.uploads_table
    for row in aws.dynamodb.items(table):
        aws.dynamodb.put_item(TableName=table, Item=row | {"createdAt": {"S": iso(moment)}})


def test_a_form_that_was_not_used_in_a_day_is_forgotten(aws: FakeAws) -> None:
    aws.form()
    created(aws, datetime.now(UTC) - timedelta(hours=23))
    assert audit(aws) == AuditReport()
    assert len(world(aws)[0]) == 1
    created(aws, datetime.now(UTC) - timedelta(hours=25))
    assert audit(aws) == AuditReport()
    assert world(aws)[0] == []


def test_a_form_stays_if_nobody_can_say_whether_it_was_used(aws: FakeAws) -> None:
    aws.form()
    created(aws, datetime.now(UTC) - timedelta(days=2))
    aws.s3.fail_next("head_object", aws.s3.error("SlowDown", status=503))
    with pytest.raises(aws.s3.exceptions.ClientError):
        audit(aws)
    assert len(world(aws)[0]) == 1


def test_an_upload_whose_event_was_lost_a_month_ago_is_started(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    created(aws, datetime.now(UTC) - timedelta(days=29))
    assert audit(aws).restarted == [uploaded.upload_id]


def test_an_upload_whose_event_was_lost_is_started(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    grow_old(aws)
    assert audit(aws).restarted == [uploaded.upload_id]
    [execution] = aws.step_functions.executions.values()
    assert execution.arn == uploaded.execution_arn
    assert json.loads(execution.input)["s3VersionId"] == uploaded.version_id
    assert aws.status(uploaded) == "processing"
    grow_old(aws)
    assert audit(aws) == AuditReport()
    assert len(aws.step_functions.executions) == 1


def test_in_a_bucket_without_versions_a_late_event_meets_the_same_execution() -> None:
    aws = FakeAws(versioned=False)
    uploaded = aws.upload(photo("anna"))
    grow_old(aws)
    assert audit(aws).restarted == [uploaded.upload_id]
    assert list(aws.step_functions.executions) == [name_of(uploaded)]


def test_a_form_that_was_never_used_is_left_waiting(aws: FakeAws) -> None:
    aws.form()
    grow_old(aws)
    before = world(aws)
    assert audit(aws) == AuditReport()
    assert world(aws) == before


def test_what_is_young_is_left_alone(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    grow_old(aws, (datetime.now(UTC) - timedelta(minutes=4)).isoformat(timespec="milliseconds"))
    assert audit(aws) == AuditReport()
    assert aws.status(uploaded) == "waiting"


def test_an_execution_that_never_began_is_started_under_its_next_attempt(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    aws.table.bind(uploaded)
    for attempt in (2, 3):
        grow_old(aws)
        aws.step_functions.executions.clear()  # as if each start were lost
        assert audit(aws).restarted == [uploaded.upload_id]
        assert list(aws.step_functions.executions) == [name_of(uploaded, attempt)]
    grow_old(aws)
    aws.step_functions.executions.clear()
    assert audit(aws).closed == [uploaded.upload_id]
    assert aws.status(uploaded) == "failed"
    assert aws.step_functions.executions == {}
    assert len(aws.dead_letters()) == 1


def test_an_execution_at_work_is_never_touched(aws: FakeAws) -> None:
    uploaded = started(aws, aws.upload(photo("anna")))
    parallel_result(aws, uploaded)
    grow_old(aws)
    before = world(aws)
    assert audit(aws) == AuditReport()
    assert world(aws) == before


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_what_an_ended_execution_left_processing_is_closed(aws: FakeAws, status: str) -> None:
    uploaded = started(aws, aws.upload(photo("anna")))
    parallel_result(aws, uploaded)
    aws.step_functions.close(name_of(uploaded), status)
    grow_old(aws)
    assert audit(aws).closed == [uploaded.upload_id]
    assert aws.status(uploaded) == "failed"
    assert (aws.faces(), aws.thumbnails()) == ([], [])
    assert [letter["error"] for letter in aws.dead_letters()] == [f"Execution.{status}"]
    grow_old(aws)
    assert audit(aws) == AuditReport()
    assert len(aws.dead_letters()) == 1


def test_an_index_that_lags_misleads_nobody(aws: FakeAws) -> None:
    ended = started(aws, aws.upload(photo("anna")))
    waiting = aws.upload(photo("bob"), "bobs-id")
    grow_old(aws)
    aws.dynamodb.let_indexes_lag()
    aws.step_functions.close(name_of(ended), "FAILED")
    aws.table.end(ended, UploadStatus.REJECTED)
    started(aws, waiting)
    before = world(aws)
    assert audit(aws).closed == []
    assert world(aws) == before


def test_an_upload_that_was_taken_over_meanwhile_is_left_to_its_new_execution(aws: FakeAws) -> None:
    uploaded = started(aws, aws.upload(photo("anna")))
    aws.step_functions.close(name_of(uploaded), "FAILED")
    grow_old(aws)
    aws.dynamodb.let_indexes_lag()
    again = by_another_execution(aws, uploaded, name_of(uploaded, 2))
    aws.table.take_over(again, uploaded.execution_arn)
    index(aws, again)
    before = world(aws)
    audit(aws)
    assert world(aws) == before


def test_a_pass_is_bounded_and_the_next_goes_on(aws: FakeAws) -> None:
    aws.rekognition.page_size = 2
    uploads = [aws.upload(photo("anna", nonce=nonce), f"rider-{nonce}") for nonce in range(7)]
    strays = []
    for uploaded in uploads:
        strays.append(index(aws, uploaded)["FaceId"])
        aws.table.end(uploaded, UploadStatus.FAILED)
    grow_old(aws)
    found: list[str] = []
    passes = 0
    while aws.faces():
        report = audit(aws, deadline=datetime.now(UTC))
        assert len(report.faces_deleted) <= 1
        found += report.faces_deleted
        passes += 1
        assert passes < 20
    assert sorted(found) == sorted(strays)


def test_a_pass_that_ran_out_of_time_says_so(aws: FakeAws) -> None:
    accept(aws, aws.upload(photo("anna")))
    grow_old(aws)
    assert audit(aws, deadline=datetime.now(UTC)).complete is False
    assert audit(aws).complete is True


def test_faces_are_listed_on_from_page_to_page_and_then_from_the_start(aws: FakeAws) -> None:
    aws.rekognition.page_size = 2
    for number in range(5):
        aws.rekognition.index_faces(
            CollectionId=aws.settings.collection_id,
            Image={"Bytes": photo("anna", nonce=number)},
            ExternalImageId=f"stray-{number}",
        )
    assert len(audit(aws).faces_without_row) == 5
    assert len(audit(aws).faces_without_row) == 5
    tokens = ["NextToken" in request for request in aws.rekognition.calls_of("list_faces")]
    assert tokens == [False, True, True] * 2


def test_a_collection_that_was_made_anew_is_listed_from_its_start(aws: FakeAws) -> None:
    aws.dynamodb.put_item(
        TableName=aws.settings.uploads_table,
        Item={
            "userId": {"S": AUDIT},
            "uploadId": {"S": "faces"},
            "cursor": {"S": "made-7/00000000-0000-4000-8000-000000000001"},
        },
    )
    aws.rekognition.index_faces(CollectionId=aws.settings.collection_id, Image={"Bytes": photo("anna")})
    assert len(audit(aws).faces_without_row) == 1


def test_an_audit_killed_at_any_call_is_finished_by_the_next() -> None:
    aws = FakeAws(checked=False)
    lost, dead = aws.upload(photo("anna")), started(aws, aws.upload(photo("bob"), "bobs-id"))
    parallel_result(aws, dead)
    aws.step_functions.close(name_of(dead), "FAILED")
    stray = aws.upload(photo("carla"), "carlas-id")
    index(aws, stray)
    aws.table.end(stray, UploadStatus.REJECTED)
    grow_old(aws)
    before = aws.save()
    audit(aws)
    calls = 0

    def outcome() -> Any:
        statuses = [aws.status(upload) for upload in (lost, dead, stray)]
        arns = {execution.arn for execution in aws.step_functions.executions.values()}
        return statuses, aws.faces(), aws.thumbnails(), (aws.row(lost) or {})["executionArn"]["S"] in arns

    expected = outcome()
    assert expected == (["processing", "failed", "rejected"], [], [], True)

    def count(client: Any, operation: str, parameters: Any, perform: Callable[[], Any]) -> Any:
        nonlocal calls
        calls += 1
        if calls == kill_at:
            raise KeyboardInterrupt
        return perform()

    kills = 0
    while True:
        aws.restore(before)
        calls, kill_at = 0, kills + 1
        for client in aws.clients:
            client.around = count
        try:
            audit(aws)
            break
        except KeyboardInterrupt:
            kills += 1
        finally:
            for client in aws.clients:
                client.around = None
        grow_old(aws)
        audit(aws)
        assert outcome() == expected, f"killed at call {kills}"
    assert kills > 20


def test_the_report_names_no_rider(aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> None:
    share(aws)
    lost = replace(aws.upload(photo("carla"), "carlas-id"))
    grow_old(aws)
    report = audit(aws)
    assert report.restarted == [lost.upload_id]
    logged = capsys.readouterr().out + repr(report)
    assert not any(rider in logged for rider in ("annas-id", "bobs-id", "carlas-id"))


def test_the_scheduled_audit_sweeps_after_erased_riders_too(app: Any, aws: FakeAws) -> None:
    run(aws, Eraser).erase(RIDER)
    late = aws.upload(photo("anna"))
    assert auditing.run_audit(60_000) is True
    assert aws.row(late) is None
    assert aws.s3.versions(late.bucket, late.key) == []
