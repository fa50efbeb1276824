"""The operator's console of a stack on this machine: what the AWS console would show, in a browser."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, Self

from local.console.executions import Executions
from local.console.feed import Feed
from local.console.letters import Letters
from local.console.mails import Mailbox
from local.console.places import ConsoleError, Places
from local.console.records import Records
from local.console.server import ConsoleServer, Query, Routes

__all__ = ["Console", "Places"]

_LAST = 60


class Console:
    """Serves the console while the block runs, in threads of this process.

    Parameters
    ----------
    port
        0 takes a free one.

    Raises
    ------
    OSError
        If the port is taken.
    """

    def __init__(self, places: Places, port: int = 0) -> None:
        self._places = places
        self._executions = Executions(places)
        self._records = Records(places)
        self._letters = Letters(places)
        self._mailbox = Mailbox(places)
        self._feed = Feed(places, self._executions, self._records, self._letters, self._mailbox)
        self._server = ConsoleServer(port, self._routes())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="console")

    @property
    def url(self) -> str:
        """Where it is; only this machine reaches it."""
        return self._server.url

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.server_port

    def start(self) -> None:
        """Answer from now on."""
        self._feed.start()
        self._thread.start()

    def stop(self) -> None:
        """End it; pages that are open find nothing any more."""
        self._feed.close()
        self._letters.close()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _routes(self) -> Routes:
        executions, records = self._executions, self._records
        return Routes(
            views={
                "/api/places": self._named_places,
                "/api/pipeline": lambda query: executions.pipeline(_LAST),
                "/api/executions": lambda query: executions.page(
                    query.get("status"), query.get("search", "").strip(), query.get("cursor")
                ),
                "/api/execution": lambda query: executions.one(query.get("name", "")),
                "/api/uploads": lambda query: records.uploads(
                    query.get("status"),
                    query.get("search", "").strip(),
                    query.get("cursor"),
                    appeals="appeals" in query,
                ),
                "/api/upload": lambda query: records.upload(query.get("user", ""), query.get("upload", "")),
                "/api/riders": lambda query: records.riders(
                    query.get("search", "").strip(), query.get("cursor")
                ),
                "/api/faces": lambda query: records.faces(query.get("cursor")),
                "/api/mails": lambda query: {"mails": self._mailbox.all()},
                "/api/letters": lambda query: self._letters.all(),
            },
            actions={
                "/api/redrive": lambda body: self._letters.redrive(),
                "/api/stop": self._stop_execution,
            },
            picture=lambda query: records.photo(
                query.get("user", ""), query.get("upload", ""), query.get("kind", "")
            ),
            mail=lambda query: self._mailbox.html(query.get("id", "")),
            feed=self._feed,
        )

    def _named_places(self, query: Query) -> dict[str, Any]:
        names = ("stage", "region", "aws_endpoint", "state_machine_arn", "photo_bucket", "uploads_table")
        return {name: getattr(self._places, name) for name in names}

    def _stop_execution(self, body: Query) -> dict[str, Any]:
        if "name" not in body:
            raise ConsoleError(400, "Which execution is to be stopped?")
        self._executions.stop(body["name"])
        return {"stopped": body["name"]}
