"""What the documents tell people to run exists, and where they point to is there."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
DOCUMENTS: Final = sorted(
    [ROOT / "README.md", ROOT / "statemachine" / "README.md", *(ROOT / "docs").rglob("*.md")]
)
_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
_TARGET = re.compile(r"(?<![\w-])make ([a-z]+(?:-[a-z]+)*)")
_MODULE = re.compile(r"python -m ((?:local|deploy|tests|benchmarks|checks)[\w.]*)(?: ([a-z][a-z-]+))?")
_LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def code_of(document: Path) -> str:
    return "\n".join(_CODE.findall(document.read_text()))


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_each_make_target_exists(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in _TARGET.findall(code_of(document)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{name_of(document)} says make {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_each_link_leads_somewhere(document: Path) -> None:
    for link in _LINK.findall(document.read_text()):
        assert (document.parent / link).exists(), f"{name_of(document)} points to {link}"


def commands() -> set[tuple[str, str]]:
    return {match for document in DOCUMENTS for match in _MODULE.findall(code_of(document))}


@pytest.mark.parametrize(("module", "subcommand"), sorted(commands()))
def test_each_module_and_its_subcommand_exist(module: str, subcommand: str) -> None:
    assert importlib.util.find_spec(module) is not None
    if subcommand and module in {"local", "deploy"}:
        asked = subprocess.run(
            [sys.executable, "-m", module, subcommand, "--help"], cwd=ROOT, capture_output=True, text=True
        )
        assert asked.returncode == 0, asked.stderr
