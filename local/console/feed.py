"""The live feed: what changed since the last look, newest first, for as many pages as are open."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.rows import iso
from local.console.executions import Executions
from local.console.history import milliseconds
from local.console.letters import Letters
from local.console.mails import Mailbox
from local.console.places import Places
from local.console.records import Records

_LOOK_SECONDS = 1.0
_KEEP_ALIVE_SECONDS = 15.0
_KEPT = 200
_EPOCH = "0"
# A row may be written a moment after the time that is in it.
_OVERLAP = timedelta(seconds=10)
_APPEALS_EVERY = 10

_log = logging.getLogger(__name__)


@dataclass
class _Seen:
    """What one look has found, before all of it is known."""

    statuses: dict[tuple[str, str], str] = field(default_factory=dict)
    endings: dict[str, str] = field(default_factory=dict)
    mails: set[str] = field(default_factory=set)


class Feed:
    """Looks at the stage once a second while somebody listens, and not at all otherwise."""

    def __init__(
        self, places: Places, executions: Executions, records: Records, letters: Letters, mailbox: Mailbox
    ) -> None:
        self._places = places
        self._executions, self._records = executions, records
        self._letters, self._mailbox = letters, mailbox
        self._changed = threading.Condition()
        self._items: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self._number = 0
        self._counts: dict[str, Any] = {}
        self._version = 0
        self._listeners = 0
        self._closed = False
        self._since = _EPOCH
        self._statuses: dict[tuple[str, str], str] = {}
        self._endings: dict[str, str] = {}
        self._mails: set[str] = set()
        self._looks = 0
        self._thread = threading.Thread(target=self._run, name="console-feed", daemon=True)

    def start(self) -> None:
        """Begin to wait for listeners."""
        self._thread.start()

    def close(self) -> None:
        """Let every listener's iteration end, and stop looking."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(10)

    def listen(self) -> Iterator[dict[str, Any] | None]:
        """What is new, whenever there is something: `items` newest first, and `counts`.

        None is given where nothing happened for a while, so that a listener that is gone is noticed.
        """
        with self._changed:
            self._listeners += 1
            self._changed.notify_all()
        seen, version = 0, -1
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(partial(self._is_news, version), _KEEP_ALIVE_SECONDS)
                    if self._closed:
                        return
                    if not self._is_news(version):
                        message = None
                    else:
                        items = [item for item in self._items if item["id"] > seen]
                        message = {"items": items[::-1], "counts": self._counts, "first": seen == 0}
                        seen, version = self._number, self._version
                yield message
        finally:
            with self._changed:
                self._listeners -= 1

    def _is_news(self, version: int) -> bool:
        return self._closed or self._version not in {version, 0}

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._listeners > 0)
                if self._closed:
                    return
            began = time.monotonic()
            try:
                items, counts = self._look()
            except (BotoCoreError, ClientError, OSError, ValueError, KeyError) as error:
                # The embedded AWS may be ending, or busy: the pages say so, and the next look may do.
                _log.warning("The console can't look at the stage: %s", error)
                items, counts = [], {**self._counts, "unreachable": str(error)[:200]}
            self._publish(items, counts)
            with self._changed:
                rest = _LOOK_SECONDS - (time.monotonic() - began)
                self._changed.wait_for(lambda: self._closed, max(rest, 0.05))

    def _publish(self, items: list[dict[str, Any]], counts: dict[str, Any]) -> None:
        with self._changed:
            if not items and counts == self._counts and self._version:
                return
            for item in sorted(items, key=lambda item: item["at"]):
                self._number += 1
                self._items.append({"id": self._number, **item})
            self._counts = counts
            self._version += 1
            self._changed.notify_all()

    def _look(self) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        now = datetime.now(UTC)
        seen = _Seen()
        items = [*self._uploads(seen), *self._ended(seen), *self._sent(seen)]
        letters = self._letters.number()
        if self._counts and letters > self._counts.get("letters", 0):
            items.append({"kind": "letter", "at": milliseconds(now), "status": "letter"})
        counts = {
            "uploads": self._records.counts(),
            "running": self._running,
            "letters": letters,
            "mails": len(self._mails | seen.mails),
            "faces": self._faces(),
            "appeals": self._appeals(),
        }
        # Only now: what a look saw before it failed is new to the next.
        self._since = iso(now - _OVERLAP)
        self._statuses |= seen.statuses
        self._endings |= seen.endings
        self._mails |= seen.mails
        return items, counts

    def _uploads(self, seen: _Seen) -> Iterator[dict[str, Any]]:
        for row in self._records.changed_since(self._since):
            key, status = (row["userId"], row["uploadId"]), str(row.get("status"))
            if self._statuses.get(key) != status:
                seen.statuses[key] = status
                yield {
                    "kind": "upload",
                    "at": _moment(row.get("updatedAt")),
                    "status": status,
                    "userId": row["userId"],
                    "uploadId": row["uploadId"],
                    "reason": row.get("reason"),
                    "execution": str(row.get("executionArn", "")).rpartition(":")[2] or None,
                }

    def _ended(self, seen: _Seen) -> Iterator[dict[str, Any]]:
        """Executions that began or ended badly: how the others ended, their upload says."""
        listed = self._executions.page(None, "", None)["executions"]
        self._running = sum(execution["status"] == "RUNNING" for execution in listed)
        for execution in listed:
            name, status = execution["name"], execution["status"]
            if self._endings.get(name) != status:
                seen.endings[name] = status
                if status not in {"RUNNING", "SUCCEEDED"}:
                    yield {
                        "kind": "execution",
                        "at": execution["stopped"] or execution["started"],
                        "status": status,
                        "execution": name,
                        "userId": execution["userId"],
                    }

    def _sent(self, seen: _Seen) -> Iterator[dict[str, Any]]:
        for mail in self._mailbox.all():
            if mail["id"] not in self._mails:
                seen.mails.add(mail["id"])
                sent = {"at": mail["sent"], "mail": mail["id"], "to": mail["to"], "subject": mail["subject"]}
                yield {"kind": "mail", "status": "mail", **sent}

    def _faces(self) -> int:
        described = self._places.client("rekognition").describe_collection(
            CollectionId=self._places.collection_id
        )
        return int(described["FaceCount"])

    def _appeals(self) -> int:
        """Counted by a scan of the table, so not at each look."""
        self._looks += 1
        if self._looks % _APPEALS_EVERY == 1 or "appeals" not in self._counts:
            return self._records.appeals()
        return int(self._counts["appeals"])


def _moment(text: Any) -> int:
    try:
        return milliseconds(datetime.fromisoformat(str(text)))
    except ValueError:
        return 0
