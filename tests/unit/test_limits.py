from __future__ import annotations

from typing import Any

import pytest

from chalicelib.errors import TooManyUploadsError
from chalicelib.limits import count_form
from tests.fakes import RIDER, FakeAws
from tests.fakes.service import Parameters


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws(UPLOADS_PER_WINDOW="3", UPLOAD_WINDOW_SECONDS="60")


def take(aws: FakeAws, number: int, user_id: str = RIDER) -> None:
    for _ in range(number):
        count_form(user_id, aws.records, aws.settings)


def record(aws: FakeAws) -> dict[str, Any]:
    found = aws.dynamodb.item(aws.settings.uploads_table, f"rider#{RIDER}", "forms")
    assert found is not None
    return found


def started_seconds_ago(aws: FakeAws, seconds: int) -> None:
    started = int(record(aws)["startedAt"]["N"]) - seconds
    aws.records.update(RIDER, "forms", "SET startedAt = :then", {":then": {"N": str(started)}})


def test_a_window_has_so_many_forms_and_says_when_it_ends(aws: FakeAws) -> None:
    take(aws, 3)
    with pytest.raises(TooManyUploadsError) as refused:
        take(aws, 1)
    assert 59 <= refused.value.retry_after <= 60
    assert record(aws)["forms"] == {"N": "3"}
    take(aws, 3, "bobs-id")


def test_a_refused_request_does_not_prolong_the_window(aws: FakeAws) -> None:
    take(aws, 3)
    started_seconds_ago(aws, 40)
    with pytest.raises(TooManyUploadsError) as refused:
        take(aws, 1)
    assert 19 <= refused.value.retry_after <= 20


def test_after_the_window_another_begins(aws: FakeAws) -> None:
    take(aws, 3)
    started_seconds_ago(aws, 60)
    take(aws, 3)
    with pytest.raises(TooManyUploadsError):
        take(aws, 1)


def test_a_request_whose_window_another_request_begins_counts_in_it(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    update_item, first = aws.dynamodb.update_item, [True]

    def beaten(**request: Parameters) -> Any:
        if "SET startedAt" in str(request["UpdateExpression"]) and first.pop():
            first.append(False)
            count_form(RIDER, aws.records, aws.settings)
        return update_item(**request)

    monkeypatch.setattr(aws.dynamodb, "update_item", beaten)
    take(aws, 1)
    assert record(aws)["forms"] == {"N": "2"}
