"""Child processes that never outlive their parent.

The parent holds the write end of a pipe that is the child's standard input. However the
parent ends (return, exception, Ctrl-C, SIGKILL), the kernel closes that end, and
:func:`exit_with_parent` in the child sees the end of the file and shuts the child down.
A child leads a session of its own, so a Ctrl-C in the terminal reaches the parent alone,
which then stops its children in the order it wants.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, ClassVar, Self

LOOPBACK = "127.0.0.1"
GRACE_SECONDS = 10.0
"""How long a child that is told to end may take."""

# What a child needs of the caller's environment to run at all. Everything else, above all
# the caller's AWS profile, keys, region and proxies, stays out.
_PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
)


class ProcessError(Exception):
    """A child process ended, or did not get ready, when it should have been running."""


def free_port() -> int:
    """Return a TCP port that is free on the loopback interface right now.

    Another process may take it before the caller listens on it, so the caller must treat a
    failed start as an error and not wait for it.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def port_as_before(file: Path) -> int:
    """The port of the last run if it is free still, else another: stored URLs keep their meaning."""
    try:
        port = int(file.read_text())
        with socket.socket() as probe:
            # As servers do: connections that just closed don't keep a port taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((LOOPBACK, port))
    except (OSError, ValueError, OverflowError):
        return free_port()
    return port


def base_environment() -> dict[str, str]:
    """Return the environment every child starts from.

    It has the search paths and the locale of the caller, reaches loopback without a proxy, and
    sees neither the caller's AWS files nor an instance's credentials.
    """
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    no_proxy = f"{LOOPBACK},localhost"
    return {
        **passed_on,
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "PYTHONUNBUFFERED": "1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def exit_with_parent(grace: float = GRACE_SECONDS) -> None:
    """Shut this process down when standard input ends, that is, when the parent is gone.

    Called by a child that a :class:`ChildProcess` started. First SIGTERM, so that the usual
    shutdown runs (and saves what is to be saved); after `grace` seconds the hard way.
    """

    def watch() -> None:
        stdin = sys.stdin.fileno()
        while os.read(stdin, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace)
        os._exit(1)

    threading.Thread(target=watch, name="exit-with-parent", daemon=True).start()


class ChildProcess:
    """One child process with its log file, started and stopped by this process.

    Parameters
    ----------
    name
        What the child is, for messages: "embedded AWS", "face service".
    arguments
        The command line.
    environment
        The whole environment of the child; see :func:`base_environment`.
    log_file
        Gets standard output and standard error; begun anew at each start.
    directory
        Working directory of the child.

    Attributes
    ----------
    was_killed
        Whether the last stop took too long, and so ended the child the hard way.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        log_file: Path,
        directory: Path | None = None,
    ) -> None:
        self.name = name
        self.log_file = log_file
        self._arguments = list(arguments)
        self._environment = dict(environment)
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self.was_killed = False

    @property
    def pid(self) -> int | None:
        """Process id while the child is started, else None."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the child.

        Raises
        ------
        ProcessError
            If it is running already, or its program cannot be started.
        """
        if self._process is not None and self._process.poll() is None:
            raise ProcessError(f"The {self.name} is running already (process {self._process.pid}).")
        self._release()
        self.was_killed = False
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("wb") as log:
            try:
                self._process = subprocess.Popen(
                    self._arguments,
                    env=self._environment,
                    cwd=self._directory,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise ProcessError(f"The {self.name} could not be started: {error}") from error

    def poll(self) -> int | None:
        """Return the exit code, or None while the child runs.

        Raises
        ------
        ProcessError
            If the child was never started.
        """
        if self._process is None:
            raise ProcessError(f"The {self.name} has not been started.")
        return self._process.poll()

    def wait_until(self, ready: Callable[[], bool], timeout: float, interval: float = 0.05) -> None:
        """Wait until `ready` is true.

        Raises
        ------
        ProcessError
            If the child ends first or `timeout` seconds pass; the message ends with the log's last lines.
        """
        deadline = time.monotonic() + timeout
        while not ready():
            code = self.poll()
            if code is not None:
                raise ProcessError(f"The {self.name} ended with exit code {code}.{self._log_excerpt()}")
            if time.monotonic() > deadline:
                raise ProcessError(f"The {self.name} was not ready after {timeout:g} s.{self._log_excerpt()}")
            time.sleep(interval)

    def stop(self, grace: float = GRACE_SECONDS) -> None:
        """End the child: SIGTERM, and SIGKILL after `grace` seconds. Does nothing if it isn't running."""
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(grace)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                self.was_killed = True
        self._release()

    def log_tail(self, lines: int = 20) -> str:
        """Return the last lines of the log, empty if there is none."""
        try:
            text = self.log_file.read_text(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _release(self) -> None:
        pipe: IO[bytes] | None = self._process.stdin if self._process else None
        if pipe is not None:
            pipe.close()

    def _log_excerpt(self) -> str:
        tail = self.log_tail()
        return f" Its log, {self.log_file}, ends:\n{tail}" if tail else f" Its log {self.log_file} is empty."


class ServiceProcess(ChildProcess, ABC):
    """A child that serves HTTP on a loopback port: started, it answers.

    Attributes
    ----------
    start_seconds
        How long it may take until it answers.
    """

    start_seconds: ClassVar[float] = 30.0

    def start(self) -> None:
        """Start the child and wait until it answers.

        Raises
        ------
        ProcessError
            If it ends or stays silent for too long; the message has the end of its log.
        """
        super().start()
        try:
            self.wait_until(self._is_ready, self.start_seconds)
        except BaseException:
            # Also for Ctrl-C: nobody else knows of the child yet.
            self.stop()
            raise

    @abstractmethod
    def _is_ready(self) -> bool:
        """Whether it answers."""


def answers(url: str) -> bool:
    """Whether a GET of a loopback URL gives 200; a proxy of the user's is not asked for it."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
