"""A mail server on this machine that keeps what it gets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from local.processes import LOOPBACK, free_port


class Inbox:
    """The mails that arrived, with the envelope's sender, oldest first."""

    def __init__(self) -> None:
        self.received: list[tuple[str, list[str], EmailMessage]] = []
        self.address = ""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Called by aiosmtpd for each mail."""
        message = message_from_bytes(cast(bytes, envelope.content), policy=policy.default)
        self.received.append((envelope.mail_from or "", list(envelope.rcpt_tos), cast(EmailMessage, message)))
        return "250 kept"

    def of(self, address: str, sender: str) -> list[EmailMessage]:
        """What that sender sent to an address."""
        return [
            mail for mail_from, to, mail in list(self.received) if to == [address] and mail_from == sender
        ]


@contextmanager
def serving() -> Iterator[Inbox]:
    """An Inbox that receives at its `address`, host and port, while the block runs."""
    inbox, port = Inbox(), free_port()
    controller = Controller(inbox, hostname=LOOPBACK, port=port)
    inbox.address = f"{LOOPBACK}:{port}"
    controller.start()
    try:
        yield inbox
    finally:
        controller.stop()
