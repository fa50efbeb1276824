"""The mails' one layout, as text and as HTML.

What mail programs differ in is why it is so plain: some drop `<style>`, so what matters is inline; some
turn light colours dark by themselves, so each colour is set with its background; there is no picture to
be switched off, and nothing is loaded. Where `<style>` is kept, dark mode has its own colours.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Final

from chalicelib.mail.words import Message

# Contrasts, text on its background: at least 4.5 to 1 (WCAG 2.2, 1.4.3) in both modes; a test checks it.
LIGHT: Final = {
    "page": ("#1f2430", "#f3f1f8"),
    "card": ("#1f2430", "#ffffff"),
    "brand": ("#5b2a9b", "#ffffff"),
    "button": ("#ffffff", "#5b2a9b"),
    "small": ("#5c6272", "#f3f1f8"),
}
DARK: Final = {
    "page": ("#e8e6ef", "#14121a"),
    "card": ("#e8e6ef", "#211e2b"),
    "brand": ("#c9a8f5", "#211e2b"),
    "button": ("#1b1026", "#c9a8f5"),
    "small": ("#a9a5b8", "#14121a"),
}

_FONT: Final = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif"


@dataclass(frozen=True, slots=True)
class Content:
    """What a mail says, in its order.

    Attributes
    ----------
    link
        Its words and where it leads to, or None.
    """

    language: str
    subject: str
    greeting: str
    message: Message
    tips: tuple[str, ...]
    link: tuple[str, str] | None
    signature: str
    why: str


def as_text(content: Content) -> str:
    """The mail as plain text."""
    parts = [content.greeting, content.message.what, content.message.advice]
    if content.tips:
        parts.append("\n".join(f"- {tip}" for tip in content.tips))
    if content.link:
        parts.append("{}:\n{}".format(*content.link))
    return "\n\n".join([*parts, content.signature, content.why]) + "\n"


def as_html(content: Content) -> str:
    """The mail as HTML."""
    paragraphs = "".join(
        f'<p style="margin:0 0 16px">{escape(part)}</p>'
        for part in (content.greeting, content.message.what, content.message.advice)
    )
    if content.tips:
        items = "".join(f'<li style="margin:0 0 4px">{escape(tip)}</li>' for tip in content.tips)
        paragraphs += f'<ul style="margin:0 0 16px;padding-left:20px">{items}</ul>'
    if content.link:
        words, url = content.link
        paragraphs += (
            f'<p style="margin:24px 0"><a class="button" href="{escape(url)}" style="display:inline-block;'
            f"padding:12px 20px;border-radius:8px;text-decoration:none;font-weight:600;{_inline('button')}"
            f'">{escape(words)}</a></p>'
        )
    return (
        f'<!doctype html><html lang="{escape(content.language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        '<meta name="supported-color-schemes" content="light dark">'
        f"<title>{escape(content.subject)}</title><style>{_STYLE}</style></head>"
        f'<body class="page" style="margin:0;padding:0;{_inline("page")}">'
        '<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0" '
        f'style="{_inline("page")}"><tr><td align="center" style="padding:24px 12px">'
        '<table role="presentation" class="card" width="100%" cellpadding="0" cellspacing="0" border="0" '
        f'style="max-width:560px;border-radius:12px;text-align:left;{_inline("card")}">'
        f'<tr><td style="padding:28px 28px 12px;font-size:16px;line-height:1.5;{_FONT}">'
        f'<p class="brand" style="margin:0 0 20px;font-size:20px;font-weight:700;{_inline("brand")}">'
        f"Wild Rydes</p>{paragraphs}"
        f'<p style="margin:0 0 16px">{escape(content.signature)}</p></td></tr></table>'
        f'<p class="small" style="margin:16px auto 0;max-width:560px;padding:0 16px;font-size:13px;'
        f'line-height:1.5;{_FONT};{_inline("small")}">{escape(content.why)}</p>'
        "</td></tr></table></body></html>"
    )


def _inline(name: str) -> str:
    colour, background = LIGHT[name]
    return f"color:{colour};background-color:{background}"


# `!important`, since it has to win over what is inline; Outlook's programs mark the body in their own way.
_STYLE: Final = (
    ":root{color-scheme:light dark;supported-color-schemes:light dark}"
    "@media (prefers-color-scheme:dark){"
    + "".join(
        f".{name}{{color:{colour}!important;background-color:{background}!important}}"
        for name, (colour, background) in DARK.items()
    )
    + "}"
    + "".join(
        f"[data-ogsc] .{name}{{color:{colour}!important}}"
        f"[data-ogsb] .{name}{{background-color:{background}!important}}"
        for name, (colour, background) in DARK.items()
    )
)
