from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pytest

from chalicelib.mail import compose, english
from chalicelib.models import Reason

ALL = [*Reason, None]


class TextOfHtml(HTMLParser):
    """The paragraphs and list items of a page, and a check that every element is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: object) -> None:
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open[-1] in {"p", "li"}:
            self.texts.append(data)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_words_of_its_own(reason: Reason) -> None:
    what, advice = english.REJECTED[reason]
    assert what.endswith(".")
    assert advice.endswith(".")
    others = [compose(other).text for other in ALL if other is not reason]
    assert compose(reason).text not in others


@pytest.mark.parametrize("reason", ALL)
def test_text_and_html_say_the_same(reason: Reason | None) -> None:
    mail = compose(reason)
    page = TextOfHtml(mail.html)
    assert page.open == []
    lines = [line.removeprefix("- ") for line in mail.text.splitlines() if line]
    assert page.texts == lines


@pytest.mark.parametrize("reason", ALL)
def test_a_mail_is_whole(reason: Reason | None) -> None:
    mail = compose(reason)
    assert mail.text.startswith("Hello rider,\n\n")
    assert mail.text.endswith("Your Wild Rydes team\n")
    assert "\n" not in mail.subject
    assert 10 <= len(mail.subject) <= 78
    assert f"<title>{html.escape(mail.subject)}</title>" in mail.html


@pytest.mark.parametrize("reason", ALL)
def test_html_loads_nothing_and_links_nowhere(reason: Reason | None) -> None:
    assert not re.search(r"<(?:img|script|link|iframe|a)\b|url\(|https?:", compose(reason).html)


def test_a_failure_gives_no_advice_on_taking_photos() -> None:
    failure = compose(None).text
    assert "not your photo's fault" in failure
    assert not any(tip in failure for tip in english.ADVICE)
    assert all(tip in compose(Reason.SUNGLASSES).text for tip in english.ADVICE)


def test_words_are_escaped_in_html(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(english.REJECTED, Reason.NO_FACE, ("<b>1 & 2</b>", '"quoted"'))
    monkeypatch.setattr("chalicelib.mail.ADVICE", ("Light & shade",))
    mail = compose(Reason.NO_FACE)
    assert "<li>Light &amp; shade</li>" in mail.html
    assert "- Light & shade\n" in mail.text
    assert "<b>1 & 2</b>" in mail.text
    assert "&lt;b&gt;1 &amp; 2&lt;/b&gt;" in mail.html
    assert "<b>" not in mail.html
    assert TextOfHtml(mail.html).texts[1:3] == ["<b>1 & 2</b>", '"quoted"']
