"""Each state of the page: no violation of axe's rules, in light and in dark; and it fits a phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.accessibility import violations_in_both_schemes
from tests.browser.riding import RiderPage
from tests.browser.states import STATES


@pytest.mark.parametrize("name", STATES)
def test_a_state_is_accessible_and_nothing_sticks_out_of_a_phone(
    name: str, new_page: Callable[..., RiderPage]
) -> None:
    tab = new_page(viewport={"width": 320, "height": 640})
    STATES[name](tab)
    assert violations_in_both_schemes(tab.page) == []
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 320
