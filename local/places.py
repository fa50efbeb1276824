"""Where everything made at run time lives: `.local/` in the project, never in git."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
LOCAL = PROJECT / ".local"
# Downloads, weights, sample photos, the built dependencies: kept, safe to delete.
CACHE = LOCAL / "cache"
# What the riders of `make local` have uploaded; `python -m local reset` wipes it.
STATE = LOCAL / "state"
APP = LOCAL / "app"
ENDPOINTS = LOCAL / "endpoints.json"
LOCK = LOCAL / "up.lock"
_RUNS = LOCAL / "runs"


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """A directory for one run, removed at its end; what killed runs left is removed at the start.

    A run holds a lock on its directory for as long as it lives, so no run takes another's away.
    """
    _RUNS.mkdir(parents=True, exist_ok=True)
    with _locked(_RUNS):
        for other in _RUNS.iterdir():
            _remove_unless_locked(other)
        directory = Path(tempfile.mkdtemp(dir=_RUNS))
        lock = os.open(directory, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(lock)


def _remove_unless_locked(directory: Path) -> None:
    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(directory, ignore_errors=True)
    except BlockingIOError:
        pass  # its run is alive
    finally:
        os.close(descriptor)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
