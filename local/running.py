"""The one `up` that may run in this project: a lock that the kernel frees however its holder ends."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_POLL_SECONDS = 0.05


class AlreadyRunningError(Exception):
    """Another `up` runs."""


class StillRunningError(Exception):
    """The `up` that was told to end does not."""


@contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Hold the lock, with this process's id in its file, while the block runs.

    Raises
    ------
    AlreadyRunningError
        If another process holds it, saying which.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _pid(lock)
            raise AlreadyRunningError(
                f"`python -m local up` is running already{f' (process {holder})' if holder else ''}. "
                "End it with `python -m local down`."
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        try:
            yield
        finally:
            # The file stays: were it removed, two processes could each hold a lock of that name.
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def is_running(lock: Path) -> bool:
    """Whether a process holds the lock."""
    try:
        descriptor = os.open(lock, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def end(lock: Path, seconds: float) -> bool:
    """End the process that holds the lock, by SIGTERM, and wait until it has.

    Returns
    -------
    bool
        False if nobody held it.

    Raises
    ------
    StillRunningError
        If it is there still after that time.
    """
    if not is_running(lock):
        return False
    deadline = time.monotonic() + seconds
    told: int | None = None
    while is_running(lock):
        holder = _pid(lock)
        if holder is not None and holder != told:
            with suppress(ProcessLookupError):
                os.kill(holder, signal.SIGTERM)
            told = holder
        if time.monotonic() > deadline:
            raise StillRunningError(
                f"Process {told} was told to end and is still there after {seconds:g} s: `kill -9 {told}` "
                "ends it, without keeping what was uploaded."
            )
        time.sleep(_POLL_SECONDS)
    return True


def _pid(lock: Path) -> int | None:
    try:
        return int(lock.read_text())
    except (OSError, ValueError):
        return None  # its holder has just taken or is just leaving it
