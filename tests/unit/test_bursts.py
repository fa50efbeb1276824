"""The model of a burst: with turns, at the pace that `deploy up` sets, none fails; docs show its table."""

from __future__ import annotations

import pytest

from benchmarks.bursts import STEPS, Admission, Burst, admission, rows
from deploy.quotas import REKOGNITION_CALLS
from local.places import PROJECT


@pytest.mark.parametrize("calls", [5, 50])
def test_ten_thousand_uploads_are_all_decided_at_the_pace_of_the_quotas(calls: int) -> None:
    turns = admission(calls, 1_000)
    found = Burst(calls, 1_000, turns).run(10_000)
    assert (found.decided, found.failed) == (10_000, 0)
    assert found.last == pytest.approx(10_000 / turns.per_second, rel=0.05)


def test_without_turns_most_of_them_fail() -> None:
    found = Burst(5, 1_000, None).run(2_500)
    assert found.failed > 1_250
    assert found.decided + found.failed == 2_500


def test_at_a_pace_that_the_quotas_do_not_carry_photos_fail() -> None:
    assert Burst(5, 1_000, Admission(5, 5, {})).run(2_500).failed > 0


def test_a_photo_makes_the_calls_that_the_plan_counts() -> None:
    calls = [operation for group in STEPS for operation in group if operation]
    assert sorted(calls) == sorted(REKOGNITION_CALLS)


@pytest.mark.parametrize("page", ["decisions/admission.md", "scale.md"])
def test_the_table_of_the_docs_is_the_models(page: str) -> None:
    table = rows((60, 1_000), ((5, 1_000),))
    assert set(table) <= set((PROJECT / "docs" / page).read_text().splitlines())
