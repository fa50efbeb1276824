"""What is long wants a split: a module of about 300 lines, a decision of 40."""

from __future__ import annotations

import pytest

from tests.reference.commands import ROOT


@pytest.mark.parametrize(
    ("most", "patterns"),
    [
        (300, ("app.py", "chalicelib/**/*.py", "deploy/**/*.py", "local/**/*.py")),
        (40, ("docs/decisions/*.md",)),
    ],
    ids=["modules", "decisions"],
)
def test_none_is_longer_than_it_should_be(most: int, patterns: tuple[str, ...]) -> None:
    files = [file for pattern in patterns for file in ROOT.glob(pattern)]
    lines = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in files}
    assert len(lines) > 10
    assert {name: count for name, count in lines.items() if count > most} == {}, f"shorten to {most} lines"
