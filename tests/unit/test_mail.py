from __future__ import annotations

import html
import re
import types
from dataclasses import fields, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import chalicelib.mail
from chalicelib.mail import Mail, compose, words
from chalicelib.mail.layout import DARK, LIGHT
from chalicelib.mail.words import Message, Words, words_for
from chalicelib.mail.words_en import WORDS as ENGLISH
from chalicelib.models import Reason, UploadStatus
from tests.every_mail import every_mail

ALL = [
    (UploadStatus.ACCEPTED, None),
    *((UploadStatus.REJECTED, reason) for reason in Reason),
    (UploadStatus.FAILED, None),
]
PAGE = "https://rides.example.com/api/"
LANGUAGES = sorted(
    path.stem.removeprefix("words_") for path in Path(chalicelib.mail.__file__).parent.glob("words_*.py")
)


class TextOfHtml(HTMLParser):
    """The paragraphs, list items and links of a page, and a check that every element is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag != "meta":
            self.open.append(tag)
        if tag == "a":
            self.links.append(dict(attributes)["href"] or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open[-1] in {"p", "li", "a"}:
            self.texts.append(data)


@pytest.fixture(params=[None, PAGE], ids=["without a page", "with a page"])
def page_url(request: pytest.FixtureRequest) -> str | None:
    url: str | None = request.param
    return url


@pytest.mark.parametrize(("status", "reason"), ALL)
def test_text_and_html_say_the_same(
    status: UploadStatus, reason: Reason | None, page_url: str | None
) -> None:
    mail = compose(status, reason, page_url=page_url)
    page = TextOfHtml(mail.html)
    assert page.open == []
    assert page.links == ([page_url] if page_url else [])
    lines = [line.removeprefix("- ") for line in mail.text.splitlines() if line]
    if page_url:
        at = lines.index(page_url)
        assert lines[at - 1] == f"{ENGLISH.links[status]}:"
        lines[at - 1 : at + 1] = [ENGLISH.links[status]]
    assert page.texts == ["Wild Rydes", *lines]


@pytest.mark.parametrize(("status", "reason"), ALL)
def test_a_mail_is_whole(status: UploadStatus, reason: Reason | None) -> None:
    mail = compose(status, reason)
    assert mail.text.startswith("Hello rider,\n\n")
    assert "Your Wild Rydes team\n" in mail.text
    assert "\n" not in mail.subject
    assert 10 <= len(mail.subject) <= 78
    assert f"<title>{html.escape(mail.subject)}</title>" in mail.html
    assert '<html lang="en">' in mail.html


@pytest.mark.parametrize(("status", "reason"), ALL)
def test_html_loads_nothing_and_links_to_the_page_alone(
    status: UploadStatus, reason: Reason | None, page_url: str | None
) -> None:
    page = compose(status, reason, page_url=page_url).html
    assert not re.search(r"<(?:img|script|link|iframe)\b|url\(|@import", page)
    assert re.findall(r"https?:[^\"'<]*", page) == ([page_url] if page_url else [])
    assert len(page.encode()) < 10_000  # from 102 kB on Gmail cuts a mail off


def test_no_two_mails_say_the_same() -> None:
    texts = {compose(status, reason).text for status, reason in ALL}
    assert len(texts) == len(ALL) == len(every_mail())


def test_all_mails_are_rendered_by_name() -> None:
    pages = every_mail(PAGE)
    assert pages["accepted"] == compose(UploadStatus.ACCEPTED, page_url=PAGE).html
    assert (
        pages["rejected-SUNGLASSES"] == compose(UploadStatus.REJECTED, Reason.SUNGLASSES, page_url=PAGE).html
    )
    assert pages["failed"] == compose(UploadStatus.FAILED, page_url=PAGE).html


def test_only_rejections_for_what_the_photo_shows_give_tips() -> None:
    with_tips = {
        reason or status
        for status, reason in ALL
        if all(t in compose(status, reason).text for t in ENGLISH.tips)
    }
    assert with_tips == {
        *(Reason.NO_FACE, Reason.MULTIPLE_FACES, Reason.SUNGLASSES, Reason.FACE_NOT_CLEAR),
    }
    assert "not your photo's fault" in compose(UploadStatus.FAILED).text


def test_a_duplicate_never_says_whose_face_it_is() -> None:
    """The words are the same for everybody, and hold no field to fill in."""
    text = compose(UploadStatus.REJECTED, Reason.FACE_ALREADY_EXISTS).text
    assert "another rider's account" in text
    assert not re.search(r"[{}%@]", text)


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("name", LIGHT)
@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_each_text_stands_out_from_its_background(colours: dict[str, tuple[str, str]], name: str) -> None:
    darker, lighter = sorted(luminance(colour) for colour in colours[name])
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_dark_mode_has_colours_for_all_that_has_colours() -> None:
    page = compose(UploadStatus.REJECTED, Reason.NO_FACE, page_url=PAGE).html
    dark = page.partition("@media (prefers-color-scheme:dark){")[2]
    coloured = set(re.findall(r'class="(\w+)"', page))
    assert coloured == LIGHT.keys() == DARK.keys()
    assert all(f".{name}{{" in dark for name in coloured)
    assert '<meta name="color-scheme" content="light dark">' in page


# --- languages ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_words_for_every_outcome_and_reason(language: str) -> None:
    said = words_for(language)
    assert said.language.partition("-")[0] == language
    outcomes = {UploadStatus.ACCEPTED, UploadStatus.REJECTED, UploadStatus.FAILED}
    assert said.subjects.keys() == said.links.keys() == outcomes
    assert said.rejected.keys() == set(Reason)
    messages = [said.accepted, said.failed, *said.rejected.values()]
    assert all(part.strip() for message in messages for part in message)
    texts = [getattr(said, field.name) for field in fields(said) if field.type == "str"]
    assert all(text.strip() for text in [*texts, *said.tips, *said.subjects.values(), *said.links.values()])


@pytest.mark.parametrize(
    "locale", ["en", "en-US", "EN_gb", None, "", "tlh", "xx-XX", "../en", "é", "e", "__init__"]
)
def test_english_is_what_is_spoken_where_nothing_else_is_known(locale: str | None) -> None:
    assert words_for(locale) is ENGLISH


@pytest.fixture
def german(monkeypatch: pytest.MonkeyPatch) -> Words:
    """A second language: one file more."""
    said = replace(
        ENGLISH,
        language="de",
        greeting="Hallo,",
        subjects={**ENGLISH.subjects, UploadStatus.FAILED: "Das Foto ließ sich nicht verarbeiten"},
        failed=Message("das ging schief.", "Bitte später noch einmal."),
    )
    module = types.ModuleType("chalicelib.mail.words_de")
    module.WORDS = said  # type: ignore[attr-defined]
    monkeypatch.setitem(__import__("sys").modules, module.__name__, module)
    words.words_for.cache_clear()
    return said


@pytest.mark.parametrize("locale", ["de", "de-AT", "de_CH", "DE"])
def test_another_language_is_one_file_more(german: Words, locale: str) -> None:
    mail = compose(UploadStatus.FAILED, locale=locale)
    assert mail.subject == "Das Foto ließ sich nicht verarbeiten"
    assert mail.text.startswith("Hallo,\n\ndas ging schief.\n\nBitte später noch einmal.\n")
    assert '<html lang="de">' in mail.html
    assert compose(UploadStatus.FAILED, locale="fr").text.startswith("Hello rider,")


def test_a_language_file_that_misses_something_is_not_taken_for_a_missing_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "words_qq.py").write_text("import chalicelib.mail.no_such_module\n")
    monkeypatch.setattr(chalicelib.mail, "__path__", [*chalicelib.mail.__path__, str(tmp_path)])
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        words_for("qq")


def test_words_and_the_pages_url_are_escaped_in_html(german: Words, monkeypatch: pytest.MonkeyPatch) -> None:
    said = replace(
        german,
        rejected={Reason.NO_FACE: Message("<b>1 & 2</b>", '"quoted"')},
        tips=("Light & shade",),
    )
    monkeypatch.setattr("chalicelib.mail.words_for", lambda locale: said)
    url = 'https://example.com/?a=1&b="2"'
    mail: Mail = compose(UploadStatus.REJECTED, Reason.NO_FACE, page_url=url)
    assert ">Light &amp; shade</li>" in mail.html
    assert "- Light & shade\n" in mail.text
    assert "<b>1 & 2</b>" in mail.text
    assert "<b>" not in mail.html
    page = TextOfHtml(mail.html)
    assert page.texts[2:4] == ["<b>1 & 2</b>", '"quoted"']
    assert page.links == [url]
