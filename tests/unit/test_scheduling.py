"""How `make test` divides the tests among its workers."""

from __future__ import annotations

import pytest

from tests.conftest import FIRST, SHARED, WITH_THEIR_OWN, unit_of
from tests.reference.commands import ROOT


@pytest.mark.parametrize(
    ("test", "unit"),
    [
        ("tests/e2e/test_story.py::test_all[a/b::c]", "tests/e2e"),
        ("tests/browser/test_files.py::test_all", "tests/browser"),
        *((f"{file}::test_all", file) for file in sorted(WITH_THEIR_OWN)),
        ("tests/unit/test_models.py::test_all", "tests/unit/test_models.py"),
        ("tests/local/emulator/test_lambda.py::test_all", "tests/local/emulator/test_lambda.py"),
    ],
)
def test_a_worker_gets_whole_files_and_one_of_them_all_that_share_a_stack(test: str, unit: str) -> None:
    assert unit_of(test) == unit


def test_what_is_named_for_it_is_there() -> None:
    assert all((ROOT / file).is_file() for file in WITH_THEIR_OWN)
    assert all((ROOT / first).exists() for first in FIRST)
    assert all((ROOT / folder / "conftest.py").is_file() for folder in SHARED)
