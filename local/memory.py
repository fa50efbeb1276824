"""How much memory a process and all that it started hold."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

_PROC = Path("/proc")
_INTERVAL_SECONDS = 0.5
# A look at a gigabyte takes the kernel a tenth of a second, which what is measured must not feel.
_MOST_SHARE = 0.02


def processes_of(root: int) -> dict[int, int]:
    """A process and its descendants: memory in bytes by process id.

    Where the kernel says so (Linux), a page that n processes share counts as its nth part for each
    (proportional set size), so that a sum is what they hold together; elsewhere it counts for each.
    """
    children: dict[int, list[int]] = defaultdict(list)
    resident: dict[int, int] = {}
    for pid, parent, size in _from_proc() if _PROC.joinpath("self/stat").exists() else _from_ps():
        children[parent].append(pid)
        resident[pid] = size
    found: dict[int, int] = {}
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        if pid in resident:
            found[pid] = _proportional(pid) or resident[pid]
        waiting += children[pid]
    return found


def _proportional(pid: int) -> int | None:
    try:
        rollup = (_PROC / str(pid) / "smaps_rollup").read_text()
    except OSError:
        return None  # it ended meanwhile, or the kernel doesn't say
    for line in rollup.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return None


def _from_proc() -> Iterator[tuple[int, int, int]]:
    page = os.sysconf("SC_PAGE_SIZE")
    for directory in _PROC.glob("[0-9]*"):
        try:
            # The second field, the program's name in parentheses, may hold anything.
            fields = (directory / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        yield int(directory.name), int(fields[1]), int(fields[21]) * page


def _from_ps() -> Iterator[tuple[int, int, int]]:
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,rss="], capture_output=True, text=True, check=True
    ).stdout
    for line in listing.splitlines():
        pid, parent, kibibytes = (int(field) for field in line.split())
        yield pid, parent, kibibytes * 1024


class PeakMemory:
    """The most memory that some processes and their descendants held while the block ran.

    Parameters
    ----------
    roots
        Process ids; this process alone if there are none.

    Attributes
    ----------
    peak
        Bytes, looked at twice a second, or less often where a look takes long.
    """

    def __init__(self, *roots: int) -> None:
        self.peak = 0
        self._roots = roots or (os.getpid(),)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            begin = time.thread_time()
            self.peak = max(self.peak, sum(sum(processes_of(root).values()) for root in self._roots))
            took = time.thread_time() - begin
            if self._ended.wait(max(_INTERVAL_SECONDS, took / _MOST_SHARE)):
                return
