"""The cable between a browser and the machine that serves: it may be thin, and it may be pulled."""

from __future__ import annotations

import re
import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from local.processes import LOOPBACK

_CHUNK = 16 * 1024
# What a browser asks a proxy for names the server too, which servers themselves don't expect.
_PROXY_REQUEST = re.compile(rb"\A([A-Z]+ )http://[^/ ]+(?=/)")


class Cable:
    """A proxy that browser contexts connect through; Chromium's own throttling can't cut what it slows.

    Attributes
    ----------
    bytes_a_second
        How fast the browser may send; None for as fast as can be.
    """

    def __init__(self, port: int) -> None:
        self._target = (LOOPBACK, port)
        self._listener = socket.create_server((LOOPBACK, 0))
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._pulled = False
        self._answering = threading.Event()
        self._answering.set()
        self.bytes_a_second: int | None = None

    @property
    def url(self) -> str:
        """What a browser context is given as its proxy."""
        return f"http://{LOOPBACK}:{self._listener.getsockname()[1]}"

    def hold_answers(self) -> None:
        """Let what the browser sends through, and nothing come back until it is plugged in again."""
        self._answering.clear()

    def pull(self) -> None:
        """Cut every connection, and let none come through until it is plugged in again."""
        with self._lock:
            self._pulled = True
            for connection in self._connections:
                with suppress(OSError):  # its browser has closed it, and its answer was held
                    connection.shutdown(socket.SHUT_RDWR)
        self._answering.set()

    def plug_in(self) -> None:
        """Let connections through again, at full speed."""
        with self._lock:
            self._pulled = False
        self._answering.set()
        self.bytes_a_second = None

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.pull()

    def _serve(self) -> None:
        while True:
            try:
                browser, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._connect, args=(browser,), daemon=True).start()

    def _connect(self, browser: socket.socket) -> None:
        with browser, socket.socket() as server:
            with self._lock:
                if self._pulled:
                    return
                server.connect(self._target)
                self._connections |= {browser, server}
            back = threading.Thread(target=self._relay, args=(server, browser), daemon=True)
            back.start()
            self._relay(browser, server, upwards=True)
            back.join()
            with self._lock:
                self._connections -= {browser, server}

    def _relay(self, source: socket.socket, target: socket.socket, *, upwards: bool = False) -> None:
        try:
            while chunk := source.recv(_CHUNK):
                if not upwards:
                    self._answering.wait()
                target.sendall(_PROXY_REQUEST.sub(rb"\1", chunk) if upwards else chunk)
                if upwards and self.bytes_a_second:
                    time.sleep(len(chunk) / self.bytes_a_second)  # that is how thin the cable is
        except OSError:
            pass  # cut: both ends hear of it below
        for end in (source, target):
            with suppress(OSError):  # closed already
                end.shutdown(socket.SHUT_RDWR)
