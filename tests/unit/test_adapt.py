"""The patches of docs/adapt.md fit the project, and what the page shows of them comes out."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = (ROOT / "docs" / "adapt.md").read_text()
SECTIONS: Final = {part.partition("\n")[0]: part for part in PAGE.split("\n## ")[1:]}
_CODE: Final = ("app.py", "chalicelib", "deploy", "statemachine", "local")


def blocks(section: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


def apply(patch: str, folder: Path) -> None:
    """Apply a patch by its texts, wherever in their files they are by now; each must be there once."""
    for file in re.split(r"^--- a/", patch, flags=re.MULTILINE)[1:]:
        path = folder / file.partition("\n")[0]
        text = path.read_text()
        for hunk in re.split(r"^@@.*\n", file, flags=re.MULTILINE)[1:]:
            lines = hunk.splitlines(keepends=True)
            before = "".join(line[1:] for line in lines if line[0] in " -")
            after = "".join(line[1:] for line in lines if line[0] in " +")
            assert text.count(before) == 1, f"{path.name} has not once:\n{before}"
            text = text.replace(before, after)
        path.write_text(text)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in _CODE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path)
    return tmp_path


@pytest.mark.parametrize("title", sorted(SECTIONS))
def test_a_patch_fits_and_its_example_prints_what_the_page_says(title: str, copy: Path) -> None:
    (patch,) = blocks(SECTIONS[title], "diff")
    apply(patch, copy)
    for name in re.findall(r"^--- a/(.*\.py)$", patch, re.MULTILINE):
        compile((copy / name).read_text(), name, "exec")
    programs, outputs = blocks(SECTIONS[title], "python"), blocks(SECTIONS[title], "text")
    assert len(programs) == len(outputs)
    for program, output in zip(programs, outputs, strict=True):
        run = subprocess.run([sys.executable, "-c", program], cwd=copy, capture_output=True, text=True)
        assert run.stdout == output, run.stderr


def test_the_page_has_an_example_of_each_kind() -> None:
    assert list(SECTIONS) == ["Another rule", "Another step", "Own face models"]


def test_a_patch_that_does_not_fit_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("one\n")
    with pytest.raises(AssertionError, match="has not once"):
        apply("--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-two\n+three\n", tmp_path)
