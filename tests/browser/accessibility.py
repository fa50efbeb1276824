"""axe-core's rules for WCAG 2.2 A and AA, and its best practices, on what a page shows now."""

from __future__ import annotations

from functools import cache
from importlib import resources

from playwright.sync_api import Page


@cache
def _axe() -> str:
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Page, *rules: str) -> list[str]:
    """What breaks a rule, all rules unless some are named: the rule, why, and the element."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(_axe())
    options = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {})
    found = page.evaluate("async options => (await axe.run(document, options)).violations", options)
    return [
        f"{violation['id']}: {violation['help']}: {node['html']} {node['failureSummary']}"
        for violation in found
        for node in violation["nodes"]
    ]


def violations_in_both_schemes(page: Page) -> list[str]:
    """The violations in light colours, and those of contrast in dark ones too: nothing else differs there."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    light = violations(page)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    return light + [f"in the dark: {violation}" for violation in violations(page, "color-contrast")]
