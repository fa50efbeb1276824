"""The mails to riders: one layout, as text and HTML."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from chalicelib.mail.english import ABOUT_THE_PHOTO, ADVICE, FAILED, GREETING, REJECTED, SIGNATURE, SUBJECTS
from chalicelib.models import Reason


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail without its address."""

    subject: str
    text: str
    html: str


def compose(reason: Reason | None) -> Mail:
    """The mail for a rejection, or, without a reason, for a technical failure.

    It says in plain words what was wrong and what to do; nothing in it comes from the photo
    or the rider, so nothing in it can be forged.
    """
    what, advice = REJECTED[reason] if reason else FAILED
    tips = ADVICE if reason in ABOUT_THE_PHOTO else ()
    subject = SUBJECTS["rejected" if reason else "failed"]
    text = "\n\n".join(
        [GREETING, what, advice, *(["\n".join(f"- {tip}" for tip in tips)] if tips else []), SIGNATURE]
    )
    paragraphs = "".join(
        f'<p style="margin:0 0 16px">{escape(part)}</p>' for part in (GREETING, what, advice)
    )
    if tips:
        items = "".join(f"<li>{escape(tip)}</li>" for tip in tips)
        paragraphs += f'<ul style="margin:0 0 16px;padding-left:20px">{items}</ul>'
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(subject)}</title></head>"
        '<body style="margin:0;padding:24px;font:16px/1.5 system-ui,sans-serif">'
        f'<div style="max-width:520px;margin:0 auto">{paragraphs}<p style="margin:0">{escape(SIGNATURE)}</p>'
        "</div></body></html>"
    )
    return Mail(subject, text + "\n", html)
