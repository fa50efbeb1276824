"""What a program costs: processor time of the whole process."""

from __future__ import annotations

import os
import statistics
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = PROJECT / ".bench"


class ProgramError(Exception):
    """A program that is measured failed."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one run: seconds of processor, user and system."""

    seconds: float


def cost_of(
    command: Sequence[str], environment: Mapping[str, str] | None = None, directory: Path | None = None
) -> Cost:
    """Run a program to its end.

    Raises
    ------
    ProgramError
        With the end of what it wrote, if it fails.
    """
    # A file, since a pipe that nobody reads while wait4 waits may fill up.
    said = FOLDER / "said.txt"
    FOLDER.mkdir(exist_ok=True)
    with said.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        tail = said.read_text(errors="replace")[-2000:]
        raise ProgramError(f"{' '.join(command)} ended with {process.returncode}:\n{tail}")
    return Cost(usage.ru_utime + usage.ru_stime)


def interleaved(programs: Mapping[str, Callable[[], Cost]], runs: int) -> dict[str, list[Cost]]:
    """Run all programs in turn, several times, so that a busy machine is as unkind to each.

    The first turn warms the disk's cache and doesn't count.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in programs}
    for turn in range(runs + 1):
        for name, run in programs.items():
            cost = run()
            if turn:
                costs[name].append(cost)
    return costs


def median_seconds(costs: Sequence[Cost]) -> float:
    """Median processor time."""
    return statistics.median(cost.seconds for cost in costs)
