"""The console's HTTP server: on the loopback interface, for this machine's browser alone.

A page of another site must neither read nor change anything here, though the operator's browser would
carry its requests: the Host header is checked (DNS rebinding), what comes from another site is refused,
and what changes something needs a token that only a page of this origin can read.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from local.console.feed import Feed
from local.console.places import ConsoleError
from local.processes import LOOPBACK

TOKEN_HEADER = "X-Console-Token"
_STATIC = Path(__file__).parent / "static"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# A mail is shown as it is, in a frame that may do nothing but be looked at.
_MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"
_PICTURE_POLICY = "default-src 'none'; sandbox"
_MOST_BODY_BYTES = 16 * 1024
_IDLE_SECONDS = 60

type Query = dict[str, str]
type View = Callable[[Query], Any]

_log = logging.getLogger(__name__)


class Routes:
    """What is answered where.

    Attributes
    ----------
    views, actions
        By path: what is read by GET, and what is done by POST; both give what JSON holds.
    picture, mail
        Give a content type with bytes, and HTML.
    """

    def __init__(
        self,
        views: dict[str, View],
        actions: dict[str, View],
        picture: Callable[[Query], tuple[str, bytes]],
        mail: Callable[[Query], str],
        feed: Feed,
    ) -> None:
        self.views, self.actions = views, actions
        self.picture, self.mail, self.feed = picture, mail, feed
        self.token = secrets.token_urlsafe(32)
        # Read once: a path from outside never becomes the path of a file.
        self.files = {
            f"/{file.relative_to(_STATIC).as_posix()}": (_TYPES[file.suffix], file.read_bytes())
            for file in sorted(_STATIC.rglob("*"))
            if file.suffix in _TYPES
        }
        self.files["/"] = self.files["/index.html"]


class ConsoleServer(ThreadingHTTPServer):
    """A thread a connection; it and its threads end with the process."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, routes: Routes) -> None:
        self.routes = routes
        super().__init__((LOOPBACK, port), _Handler)
        self.hosts = {f"{name}:{self.server_port}" for name in (LOOPBACK, "localhost")}

    @property
    def url(self) -> str:
        """Where the console is."""
        return f"http://{LOOPBACK}:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a browser that closes a page in the middle of an answer is no fault."""
        _log.debug("connection ended by an error", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: ConsoleServer
    protocol_version = "HTTP/1.1"
    server_version = "RiderPhotosConsole"
    sys_version = ""
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        routes = self.server.routes
        address = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        path = address.path
        if not self._is_allowed():
            return
        if path in routes.files:
            kind, content = routes.files[path]
            self._send(200, kind, content)
        elif path == "/api/feed":
            self._stream()
        elif path == "/photo":
            self._answer(lambda: (*routes.picture(query), _PICTURE_POLICY))
        elif path == "/mail":
            self._answer(lambda: ("text/html; charset=utf-8", routes.mail(query).encode(), _MAIL_POLICY))
        elif path == "/api/session":
            self._answer(lambda: _as_json({"token": routes.token}))
        elif path in routes.views:
            self._answer(lambda: _as_json(routes.views[path](query)))
        else:
            self._refuse(404, "There is nothing here.")

    def do_POST(self) -> None:
        routes = self.server.routes
        # Whatever happens to this request, its body is not the next one on this connection.
        self.close_connection = True
        if not self._is_allowed():
            return
        given = self.headers.get(TOKEN_HEADER, "")
        if not secrets.compare_digest(given.encode(), routes.token.encode()):
            self._refuse(403, "This needs the console's own page: reload it.")
        elif self.path not in routes.actions:
            self._refuse(404, "There is nothing here.")
        else:
            self._answer(lambda: _as_json(routes.actions[self.path](self._body())))

    def _is_allowed(self) -> bool:
        """Whether the request is for this server by its own name, and not another site's."""
        if self.headers.get("Host") not in self.server.hosts:
            self._refuse(421, "This is the console of Rider Photos on 127.0.0.1.")
            return False
        origin = self.headers.get("Origin")
        foreign = origin is not None and origin.removeprefix("http://") not in self.server.hosts
        # A link from elsewhere may lead to the page itself, and to nothing else.
        followed = self.headers.get("Sec-Fetch-Mode") == "navigate" and self.path == "/"
        site = self.headers.get("Sec-Fetch-Site", "same-origin")
        if foreign or (site not in {"same-origin", "none"} and not followed):
            self._refuse(403, "Requests of other sites are refused.")
            return False
        return True

    def _body(self) -> Query:
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit() and int(length) <= _MOST_BODY_BYTES):
            raise ConsoleError(413, "The request is too large.")
        try:
            body = json.loads(self.rfile.read(int(length)) or b"{}")
        except ValueError:
            raise ConsoleError(400, "The request is not JSON.") from None
        if not isinstance(body, dict) or not all(isinstance(value, str) for value in body.values()):
            raise ConsoleError(400, "The request is not a JSON object of texts.")
        return body

    def _answer(self, make: Callable[[], tuple[str, bytes, str]]) -> None:
        try:
            kind, content, policy = make()
        except ConsoleError as error:
            self._refuse(error.status, str(error))
        except (BotoCoreError, ClientError, OSError) as error:
            self._refuse(502, f"The embedded AWS didn't do it: {error}")
        except Exception as error:
            # The page is to show that something is wrong here, and which, and to go on.
            _log.exception("a view failed")
            self._refuse(500, f"The console failed: {type(error).__name__}: {error}")
        else:
            self._send(200, kind, content, policy)

    def _refuse(self, status: int, message: str) -> None:
        kind, content, policy = _as_json({"message": message})
        self._send(status, kind, content, policy)

    def _send(self, status: int, kind: str, content: bytes, policy: str = _POLICY) -> None:
        self._head(status, kind, policy)
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def _head(self, status: int, kind: str, policy: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Security-Policy", policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cache-Control", "no-store")

    def _stream(self) -> None:
        """Server-sent events (WHATWG HTML, section 9.2), until the page is closed or the console ends."""
        self.close_connection = True
        self._head(200, "text/event-stream; charset=utf-8", _POLICY)
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            for message in self.server.routes.feed.listen():
                text = ": still here\n\n" if message is None else f"data: {json.dumps(message)}\n\n"
                self.wfile.write(text.encode())
                self.wfile.flush()
        except OSError:
            return  # the page was closed

    def log_message(self, format: str, *args: Any) -> None:
        _log.debug(format, *args)


def _as_json(content: Any) -> tuple[str, bytes, str]:
    return "application/json", json.dumps(content, default=str).encode(), _POLICY
