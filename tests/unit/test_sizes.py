"""What is long wants a split: a module of about 300 lines, a decision of 40."""

from __future__ import annotations

from typing import Final

import pytest

from tests.reference.commands import ROOT

MODULE_LINES: Final = 300
DECISION_LINES: Final = 40
# Longer today: each goes when it has been split or shortened, and none comes.
LONG_MODULES: Final = {
    "chalicelib/erasure.py",
    "chalicelib/models.py",
    "chalicelib/uploads_table.py",
}
LONG_DECISIONS: Final = {
    "docs/decisions/admission.md",
    "docs/decisions/chalice-deploy-and-stack.md",
    "docs/decisions/claims.md",
    "docs/decisions/face-models.md",
    "docs/decisions/judges.md",
    "docs/decisions/simulation.md",
}


def lines_of(*patterns: str) -> dict[str, int]:
    """The number of lines of each file, by its path in the project."""
    files = [file for pattern in patterns for file in sorted(ROOT.glob(pattern))]
    return {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in files}


MODULES: Final = lines_of("app.py", "chalicelib/**/*.py", "deploy/**/*.py", "local/**/*.py")
DECISIONS: Final = lines_of("docs/decisions/*.md")

KINDS: Final = pytest.mark.parametrize(
    ("found", "most", "known"),
    [(MODULES, MODULE_LINES, LONG_MODULES), (DECISIONS, DECISION_LINES, LONG_DECISIONS)],
    ids=["modules", "decisions"],
)


@KINDS
def test_none_is_longer_than_it_should_be(found: dict[str, int], most: int, known: set[str]) -> None:
    assert len(found) > 10
    long = {file: lines for file, lines in found.items() if lines > most and file not in known}
    assert long == {}, f"split or shorten these to {most} lines"


@KINDS
def test_what_is_short_by_now_is_no_exception_any_more(
    found: dict[str, int], most: int, known: set[str]
) -> None:
    assert [file for file in sorted(known) if found.get(file, 0) <= most] == [], "remove these exceptions"
