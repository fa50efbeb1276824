"""Where the documents point to is there; their commands are looked at in test_commands_of_docs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.reference.commands import DOCUMENTS, ROOT

_LINK: Final = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_each_link_leads_somewhere(document: Path) -> None:
    for link in _LINK.findall(document.read_text()):
        assert (document.parent / link).exists(), f"{name_of(document)} points to {link}"
