"""The part of S3 that the face service needs: GET of an object version."""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

_MISSING = (
    b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code>"
    b"<Message>The specified key does not exist.</Message></Error>"
)


class FakeS3:
    """Objects by (bucket, key, version), served on loopback; the empty version is the latest."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], bytes] = {}
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
                version = parse_qs(parts.query).get("versionId", [""])[0]
                data = fake.objects.get((bucket, key, version))
                self.send_response(404 if data is None else 200)
                body = _MISSING if data is None else data
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                # A reader may hang up once it has seen the length.
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def put(self, bucket: str, key: str, data: bytes, version: str = "") -> None:
        self.objects[bucket, key, version] = data

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
