"""The page's files: whole, small, and of this project's own making."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from chalicelib.models import Reason
from chalicelib.outcome import Unclear

WEB: Final = Path(__file__).resolve().parents[2] / "chalicelib" / "web"
MODULES: Final = sorted(path.name for path in WEB.glob("*.js"))
LANGUAGES: Final = sorted(name for name in MODULES if name.startswith("strings."))


def text(name: str) -> str:
    return (WEB / name).read_text(encoding="utf-8")


def test_each_module_is_fetched_at_once_and_not_one_after_the_other() -> None:
    preloaded = re.findall(r'rel="modulepreload" href="web/([\w.-]+)"', text("index.html"))
    assert preloaded == [name for name in MODULES if name not in {"app.js", *LANGUAGES}]


@pytest.mark.parametrize("name", MODULES)
def test_each_import_of_a_module_is_there(name: str) -> None:
    imported = re.findall(r'(?:from|import\() ?"\./([\w.-]+)"', text(name))
    assert set(imported) <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_small(name: str) -> None:
    assert len(text(name).splitlines()) < 300


@pytest.mark.parametrize("name", ["index.html", "app.css", "icon.svg", *MODULES])
def test_nothing_is_fetched_from_elsewhere_and_nothing_is_inline(name: str) -> None:
    content = text(name)
    elsewhere = [
        url
        for url in re.findall(r"https?://[^\s\"'`)]+", content)
        if not url.startswith(("http://www.w3.org/2000/svg", "https://docs.aws.amazon.com/"))
        and url != "https://cognito-idp.${region}.amazonaws.com/"
    ]
    assert elsewhere == []
    assert "innerHTML" not in content
    if name == "index.html":
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", content)


@pytest.mark.parametrize("name", LANGUAGES)
def test_each_reason_has_its_words(name: str) -> None:
    rejected = text(name).partition("rejected: {")[2].partition("appeal: {")[0]
    for reason in Reason:
        assert len(re.findall(rf"\b{reason}:", rejected)) == 2, f"{name} lacks a title or advice for {reason}"


@pytest.mark.parametrize("name", LANGUAGES)
def test_each_thing_that_is_unclear_has_its_title(name: str) -> None:
    titles = text(name).partition("unclear: {")[2].partition("}")[0]
    assert re.findall(r'^ *"([^"]+)": "[^"]+",$', titles, re.MULTILINE) == list(Unclear)


def keys(strings: str) -> list[str]:
    """The dotted paths of a language's words: `privacy.title`."""
    bare = re.sub(r"/\*.*?\*/|`[^`]*`|\"[^\"]*\"", "", strings, flags=re.DOTALL)
    found: list[str] = []
    within: list[str] = []
    for name, opens, closes in re.findall(r"(\w+):\s*(\{)?|(\})", bare):
        if closes:
            within = within[:-1]
        elif opens:
            within.append(name)
        else:
            found.append(".".join([*within, name]))
    return found


def is_read(key: str, code: str) -> bool:
    """Whether the page reads a key by its name, or one of its groups as a whole, by what it is told."""
    names = key.split(".")
    groups = [".".join(names[:length]) for length in range(1, len(names))]
    wholes = [rf"\btext\.{re.escape(group)}\b(?!\.)" for group in groups]
    return any(re.search(pattern, code) for pattern in (rf"\btext\.{re.escape(key)}\b", *wholes))


@pytest.mark.parametrize("name", LANGUAGES)
def test_each_word_is_read_somewhere(name: str) -> None:
    code = "".join(text(module) for module in MODULES if module not in LANGUAGES)
    found = keys(text(name))
    assert {"loading", "consent.items", "rejected.advice.NO_FACE", "errors.tooManyUntil"} <= set(found)
    assert [key for key in found if not is_read(key, code)] == []
