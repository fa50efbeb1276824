"""The mails that the embedded SES took: the one thing here that is no AWS API, as SES keeps no mail."""

from __future__ import annotations

from typing import Any

from local import web
from local.console.places import ConsoleError, Places


class Mailbox:
    """Reads the embedded AWS's own list of mails."""

    def __init__(self, places: Places) -> None:
        self._url = f"{places.aws_endpoint}/_ministack/ses/messages"

    def all(self) -> list[dict[str, Any]]:
        """All mails since the start, newest first, without their HTML."""
        return [
            {
                "id": mail["MessageId"],
                "sent": round(float(mail["Timestamp"]) * 1000),
                "from": mail["Source"],
                "to": list(mail["To"]),
                "subject": mail["Subject"],
                "text": mail.get("BodyText") or "",
                "html": bool(mail.get("BodyHtml")),
            }
            for mail in self._messages()
        ]

    def html(self, mail_id: str) -> str:
        """A mail's HTML.

        Raises
        ------
        ConsoleError
            404, if there is no such mail or it has none.
        """
        for mail in self._messages():
            if mail["MessageId"] == mail_id and mail.get("BodyHtml"):
                return str(mail["BodyHtml"])
        raise ConsoleError(404, "There is no such mail.")

    def _messages(self) -> list[dict[str, Any]]:
        answer = web.request("GET", self._url)
        found = [mail for mails in answer.json()["messages"].values() for mail in mails]
        return sorted(found, key=lambda mail: float(mail["Timestamp"]), reverse=True)
