"""Every mail that a rider can get."""

from __future__ import annotations

from chalicelib.mail import compose
from chalicelib.models import Reason, UploadStatus


def every_mail(page_url: str | None = None, locale: str | None = None) -> dict[str, str]:
    """The HTML of each by name: "accepted", "rejected-NO_FACE", …, "failed"."""
    outcomes: list[tuple[str, UploadStatus, Reason | None]] = [
        ("accepted", UploadStatus.ACCEPTED, None),
        *((f"rejected-{reason}", UploadStatus.REJECTED, reason) for reason in Reason),
        ("failed", UploadStatus.FAILED, None),
    ]
    return {
        name: compose(status, reason, locale=locale, page_url=page_url).html
        for name, status, reason in outcomes
    }
