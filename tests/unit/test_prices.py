"""The prices of docs/scale.md have their sources, agree with what `deploy` reckons with, and add up."""

from __future__ import annotations

import re
from typing import Final

from deploy.plan import GB_SECOND
from tests.reference.commands import ROOT

PAGE: Final = (ROOT / "docs" / "scale.md").read_text()


def rows(title: str) -> list[list[str]]:
    """The cells of the first table below a title, without its head."""
    section = PAGE.partition(f"{title}\n")[2]
    table = re.findall(r"^\|(.*)\|$", section.partition("\n#")[0], re.MULTILINE)
    return [[cell.strip() for cell in row.split(" | ")] for row in table[2:]]


def test_each_price_has_its_page_and_how_far_it_was_seen() -> None:
    found = rows("### Where the prices are from")
    assert len(found) > 10
    for service, price, page, seen in found:
        assert re.search(r"\(https://aws\.amazon\.com/[\w/-]+/pricing/", page), service
        assert price
        assert re.search(r"\bpage\b|quoted, 20\d\d-\d\d|unverified", seen), service


def test_the_sums_are_those_of_the_lines() -> None:
    *lines, total = rows("## Price of 1,000 photos")
    for column in range(1, 4):
        amounts = [round(100 * float(line[column].strip("$"))) for line in lines]
        assert sum(amounts) == round(100 * float(total[column].strip("*$")))


def test_lambda_is_reckoned_for_the_processor_that_is_deployed() -> None:
    assert f"${GB_SECOND['arm64']:.10f} a GB-second" in PAGE
    [seconds_and_memory] = [line[0] for line in rows("## Price of 1,000 photos") if "Lambda" in line[0]]
    assert seconds_and_memory == "Lambda, 3 s, 1 s and 0.5 s of 0.5 GB"
    assert 1000 * 3 * 0.5 * GB_SECOND["arm64"] + 1000 * 9 * 0.2e-6 < 0.03
