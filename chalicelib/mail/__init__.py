"""The mails to riders: one layout, as text and HTML, in the rider's language.

Nothing in them comes from the photo or the rider, so nothing in them can be forged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chalicelib.mail.layout import Content, as_html, as_text
from chalicelib.mail.words import Message, Words, words_for
from chalicelib.models import Reason, UploadStatus
from chalicelib.outcome import Unclear

__all__ = ["Mail", "compose"]

# The reasons for which tips on taking photos help.
ABOUT_THE_PHOTO: Final = frozenset(
    {Reason.NO_FACE, Reason.MULTIPLE_FACES, Reason.SUNGLASSES, Reason.FACE_NOT_CLEAR}
)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail without its address."""

    subject: str
    text: str
    html: str


def compose(
    status: UploadStatus,
    reason: Reason | None = None,
    unclear: Unclear | None = None,
    *,
    locale: str | None = None,
    page_url: str | None = None,
) -> Mail:
    """The mail for an outcome.

    Parameters
    ----------
    status
        Accepted, rejected or failed.
    reason, unclear
        Of a rejection; what is unclear about the face, where that is the reason.
    locale
        The rider's, as the user pool has it; English if it is unknown.
    page_url
        The rider's page; without it there is no link.
    """
    words = words_for(locale)
    content = Content(
        language=words.language,
        subject=words.subjects[status],
        greeting=words.greeting,
        message=_message(words, status, reason, unclear),
        tips=words.tips if reason in ABOUT_THE_PHOTO else (),
        link=(words.links[status], page_url) if page_url else None,
        signature=words.signature,
        why=words.why,
    )
    return Mail(content.subject, as_text(content), as_html(content))


def _message(words: Words, status: UploadStatus, reason: Reason | None, unclear: Unclear | None) -> Message:
    if status is UploadStatus.REJECTED and reason:
        return words.unclear[unclear] if unclear else words.rejected[reason]
    return {UploadStatus.ACCEPTED: words.accepted, UploadStatus.FAILED: words.failed}[status]
