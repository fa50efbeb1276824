"""What the mails say: a file a language, `words_{language}.py`, whose `WORDS` is a `Words`."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from chalicelib.models import Reason, UploadStatus
from chalicelib.outcome import Unclear

_LANGUAGE: Final = re.compile(r"([a-z]{2,3})(?:[-_]|\Z)", re.ASCII)
_FALLBACK: Final = "en"


class Message(NamedTuple):
    """Two sentences: what happened, and what to do."""

    what: str
    advice: str


@dataclass(frozen=True, slots=True)
class Words:
    """A language.

    Attributes
    ----------
    language
        As HTML's `lang`: en, de, pt-BR.
    subjects, links
        Of the mail for accepted, rejected and failed: its subject, and the link to the rider's page.
    rejected
        For every Reason.
    unclear
        In the place of FACE_NOT_CLEAR's, where it is known what is unclear.
    tips
        How to take a photo that passes; for those Reasons with which they help.
    why
        Why the rider gets this mail.
    """

    language: str
    subjects: Mapping[UploadStatus, str]
    links: Mapping[UploadStatus, str]
    greeting: str
    signature: str
    accepted: Message
    rejected: Mapping[Reason, Message]
    unclear: Mapping[Unclear, Message]
    failed: Message
    tips: tuple[str, ...]
    why: str


@lru_cache(maxsize=32)
def words_for(locale: str | None) -> Words:
    """The words in a rider's language; English where there is no file of it.

    Parameters
    ----------
    locale
        The user pool's attribute, as the rider set it: "de", "de-AT", "pt_BR", or anything at all.
    """
    match = _LANGUAGE.match((locale or "").lower())
    for language in (match[1] if match else _FALLBACK, _FALLBACK):
        name = f"chalicelib.mail.words_{language}"
        try:
            words = importlib.import_module(name).WORDS
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
            continue
        assert isinstance(words, Words)
        return words
    raise AssertionError("English is always there")
