from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.erasure import Eraser
from chalicelib.executions import Started, execution_name, restart, start_processing
from chalicelib.models import RiderPhoto, UploadStatus
from tests.fakes import RIDER, FakeAws, photo
from tests.unit.pipeline import by_another_execution, run, started


@pytest.fixture
def failed(aws: FakeAws) -> RiderPhoto:
    uploaded = started(aws, aws.upload(photo("anna")))
    aws.step_functions.close(execution_name(uploaded), "FAILED")
    aws.table.end(uploaded, UploadStatus.FAILED, message="It is not the photo's fault")
    return uploaded


def again(aws: FakeAws, uploaded: RiderPhoto, from_execution: str | None) -> Any:
    machine = aws.settings.state_machine_arn
    return run(aws, restart, photo=uploaded, from_execution=from_execution, state_machine_arn=machine)


def test_a_failed_upload_is_started_again_under_its_next_attempt(aws: FakeAws, failed: RiderPhoto) -> None:
    assert again(aws, failed, failed.execution_arn) is Started.STARTED
    first, second = aws.step_functions.executions.values()
    assert second.arn == f"{first.arn}-2"
    assert second.input == first.input
    row = aws.row(failed) or {}
    assert (row["status"], row["executionArn"]) == ({"S": "processing"}, {"S": second.arn})
    assert "message" not in row


def test_attempts_are_counted_on(aws: FakeAws, failed: RiderPhoto) -> None:
    current = failed
    for attempt in range(2, 13):
        assert again(aws, current, current.execution_arn) is Started.STARTED
        name = f"{execution_name(failed)}-{attempt}"
        assert list(aws.step_functions.executions)[-1] == name
        assert len(name) <= 80
        aws.step_functions.close(name, "FAILED")
        current = replace(failed, execution_arn=aws.execution_arn(name))
        aws.table.end(current, UploadStatus.FAILED)


@pytest.mark.parametrize("suffix", ["-x", "-", "-²", "x", "-9999999999999999999999", ""])
def test_an_execution_by_hand_may_be_called_anything(aws: FakeAws, suffix: str) -> None:
    uploaded = aws.upload(photo("anna"))
    by_hand = by_another_execution(aws, uploaded, f"{execution_name(uploaded)}{suffix}")
    aws.table.bind(by_hand)
    aws.table.end(by_hand, UploadStatus.FAILED)
    assert again(aws, uploaded, by_hand.execution_arn) is Started.STARTED
    assert list(aws.step_functions.executions) == [f"{execution_name(uploaded)}-2"]


def test_an_upload_whose_event_was_lost_is_started_under_its_first_name(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    assert again(aws, uploaded, None) is Started.STARTED
    assert list(aws.step_functions.executions) == [execution_name(uploaded)]
    assert run(aws, start_processing, photo=uploaded) is Started.STARTED, "the event that comes after all"
    assert len(aws.step_functions.executions) == 1


def test_a_repetition_starts_nothing_more(aws: FakeAws, failed: RiderPhoto) -> None:
    again(aws, failed, failed.execution_arn)
    again(aws, failed, failed.execution_arn)
    assert len(aws.step_functions.executions) == 2
    aws.step_functions.close(f"{execution_name(failed)}-2", "FAILED")
    second = replace(failed, execution_arn=aws.execution_arn(f"{execution_name(failed)}-2"))
    aws.table.end(second, UploadStatus.FAILED)
    assert again(aws, failed, failed.execution_arn) is Started.SUPERSEDED
    assert len(aws.step_functions.executions) == 2


def test_a_start_that_failed_after_the_row_was_taken_over_is_repeated(
    aws: FakeAws, failed: RiderPhoto
) -> None:
    busy = aws.step_functions.error("ServiceUnavailable", status=503)
    aws.step_functions.fail_next("start_execution", busy)
    with pytest.raises(type(busy)):
        again(aws, failed, failed.execution_arn)
    assert again(aws, failed, failed.execution_arn) is Started.STARTED
    assert list(aws.step_functions.executions)[1:] == [f"{execution_name(failed)}-2"]


@pytest.mark.parametrize("status", [UploadStatus.ACCEPTED, UploadStatus.REJECTED, UploadStatus.SUPERSEDED])
def test_what_was_decided_is_not_started_again(aws: FakeAws, status: UploadStatus) -> None:
    uploaded = started(aws, aws.upload(photo("anna")))
    aws.table.end(uploaded, status)
    assert again(aws, uploaded, uploaded.execution_arn) is Started.SUPERSEDED
    assert again(aws, uploaded, None) is Started.SUPERSEDED
    assert aws.status(uploaded) == status
    assert len(aws.step_functions.executions) == 1


def test_what_another_execution_works_on_is_not_started_again(aws: FakeAws, failed: RiderPhoto) -> None:
    stranger = by_another_execution(aws, failed)
    assert again(aws, failed, stranger.execution_arn) is Started.SUPERSEDED
    assert aws.status(failed) == "failed"


def test_an_erased_rider_is_not_started_again(aws: FakeAws, failed: RiderPhoto) -> None:
    run(aws, Eraser).erase(RIDER)
    assert again(aws, failed, failed.execution_arn) is Started.SUPERSEDED
    assert aws.row(failed) is None


def test_the_input_names_the_version_that_was_bound(aws: FakeAws, failed: RiderPhoto) -> None:
    aws.s3.put_object(Bucket=failed.bucket, Key=failed.key, Body=photo("bob"))
    again(aws, failed, failed.execution_arn)
    *_, second = aws.step_functions.executions.values()
    assert json.loads(second.input)["s3VersionId"] == failed.version_id
