"""Random schedules without end: python -m tests.simulation [COUNT] [SEED]; Ctrl-C ends it."""

from __future__ import annotations

import argparse
import gc
import itertools
import os
import signal
import sys
import time
import traceback
from collections import deque
from multiprocessing import Process, Queue

import pytest

from tests.simulation import calls, scenarios
from tests.simulation.explore import ViolationError
from tests.simulation.invocations import Run, simulated
from tests.simulation.machines import Machine
from tests.simulation.scenarios import Scenario
from tests.simulation.walks import Walks

SCENARIOS = (
    *(scenarios.THREE_RIDERS, scenarios.CHAIN, scenarios.AUDITED_RIVALS, scenarios.ERASED),
    *(scenarios.TWO_RIDERS, scenarios.TWO_RIDERS_LATE, scenarios.TWO_PHOTOS, scenarios.TWO_PEOPLE),
    *(scenarios.SAME_EVENT, scenarios.SWAPPED),
)
_FAULT_COUNTS = (0, 1, 2)
_TURN_SECONDS = 2.0
_BATCH = 50
# A scenario of which a turn finds almost nothing new is walked through.
_WORTH_WHILE = 0.05
_MOST_STATES = 400_000  # remembered by a worker, some 2 KB each with all that belongs to them


class _Scenario:
    """A scenario with its number of faults, as far as it was walked through."""

    def __init__(self, scenario: Scenario, fault_count: int, first_seed: int) -> None:
        self.walks = Walks(scenario, fault_count)
        self._seeds = itertools.count(first_seed)
        self._seen: set[int] = set()

    def turn(self) -> tuple[int, bool]:
        """How many new schedules a turn had, and whether another one is worth while."""
        end, tried, before = time.monotonic() + _TURN_SECONDS, 0, len(self._seen)
        while time.monotonic() < end:
            self._seen.update(self.walks.walk(seed) for seed in itertools.islice(self._seeds, _BATCH))
            tried += _BATCH
        new = len(self._seen) - before
        return new, new > _WORTH_WHILE * tried


def work(first_seed: int, index: int, workers: int, found: Queue[int | str | None]) -> None:
    """Walk, each scenario in turn; how many new schedules a turn had, or a violation, goes into the queue.

    Each worker has scenarios of its own, so that no schedule is counted twice.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to hear
    gc.disable()  # a walk makes many tuples and no cycles
    with simulated(pytest.MonkeyPatch()):
        Machine.use()
        own = itertools.islice(itertools.product(SCENARIOS, _FAULT_COUNTS), index, None, workers)
        waiting = deque(_Scenario(scenario, fault_count, first_seed) for scenario, fault_count in own)
        while waiting:
            scenario = waiting.popleft()
            try:
                new, worth_while = scenario.turn()
            except ViolationError as violation:
                found.put(str(violation))
                return
            except Exception:  # whatever else it is, the parent has to hear of it
                found.put(traceback.format_exc())
                return
            found.put(new)
            if worth_while:
                waiting.append(scenario)
            if sum(other.walks.states for other in waiting) > _MOST_STATES:
                for other in waiting:
                    other.walks.forget()
                Run.forget()
                Machine.use()
                calls.forget()
                gc.collect()
    found.put(None)


def main() -> int:
    """Run workers on all processors until a violation, the count, or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=0, help="different schedules; 0 for no end")
    parser.add_argument("seed", type=int, nargs="?", default=time.time_ns() % 10**9)
    arguments = parser.parse_args()
    workers = min(os.cpu_count() or 1, len(SCENARIOS) * len(_FAULT_COUNTS))
    print(f"seed {arguments.seed}, {workers} workers")
    found: Queue[int | str | None] = Queue()
    processes = [
        Process(target=work, args=(arguments.seed, index, workers, found), daemon=True)
        for index in range(workers)
    ]
    for process in processes:
        process.start()
    began, total, told = time.monotonic(), 0, 0.0
    try:
        while workers and (not arguments.count or total < arguments.count):
            news = found.get()
            if isinstance(news, str):
                print(f"\n{news}")
                return 1
            if news is None:  # all its scenarios are walked through
                workers -= 1
                continue
            total += news
            seconds = time.monotonic() - began
            if seconds - told >= 5:
                told = seconds
                print(
                    f"{total:,} different schedules, {total / seconds:,.0f} a second, no violation",
                    flush=True,
                )
    except KeyboardInterrupt:
        print()
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()
    print(f"{total:,} different schedules, no violation")
    return 0


if __name__ == "__main__":
    sys.exit(main())
