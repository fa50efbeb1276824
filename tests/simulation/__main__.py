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
from multiprocessing import Process, Queue

import pytest

from tests.simulation import calls, scenarios
from tests.simulation.explore import ViolationError, walk
from tests.simulation.invocations import Run, simulated
from tests.simulation.machines import Machine

SCENARIOS = (
    *(scenarios.THREE_RIDERS, scenarios.CHAIN, scenarios.AUDITED_RIVALS, scenarios.ERASED),
    *(scenarios.TWO_RIDERS, scenarios.TWO_RIDERS_LATE, scenarios.TWO_PHOTOS, scenarios.TWO_PEOPLE),
    *(scenarios.SAME_EVENT, scenarios.SWAPPED),
)
_BATCH = 200
_FORGET_AFTER = 100  # batches


def work(first_seed: int, workers: int, found: Queue[int | str]) -> None:
    """Walk, seed after seed; the number of schedules of each batch, or a violation, goes into the queue."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to hear
    gc.disable()  # a walk makes many tuples and no cycles
    with simulated(pytest.MonkeyPatch()):
        Machine.use()
        for batch in itertools.count():
            scenario = SCENARIOS[batch % len(SCENARIOS)]
            start = first_seed + batch * _BATCH * workers
            try:
                seen = {walk(scenario, seed, fault_count=seed % 3) for seed in range(start, start + _BATCH)}
            except ViolationError as violation:
                found.put(str(violation))
                return
            except Exception:  # whatever else it is, the parent has to hear of it
                found.put(traceback.format_exc())
                return
            found.put(len(seen))
            if batch % _FORGET_AFTER == _FORGET_AFTER - 1:
                Run.forget()
                Machine.use()
                calls.forget()
                gc.collect()


def main() -> int:
    """Run workers on all processors until a violation, the count, or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=0, help="schedules; 0 for no end")
    parser.add_argument("seed", type=int, nargs="?", default=time.time_ns() % 10**9)
    arguments = parser.parse_args()
    workers = os.cpu_count() or 1
    print(f"seed {arguments.seed}, {workers} workers")
    found: Queue[int | str] = Queue()
    processes = [
        Process(target=work, args=(arguments.seed + index * _BATCH, workers, found), daemon=True)
        for index in range(workers)
    ]
    for process in processes:
        process.start()
    began, total, told = time.monotonic(), 0, 0.0
    try:
        while not arguments.count or total < arguments.count:
            news = found.get()
            if isinstance(news, str):
                print(f"\n{news}")
                return 1
            total += news
            seconds = time.monotonic() - began
            if seconds - told >= 5:
                told = seconds
                print(f"{total:,} schedules, {total / seconds:,.0f} a second, no violation", flush=True)
    except KeyboardInterrupt:
        print()
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()
    print(f"{total:,} schedules, no violation")
    return 0


if __name__ == "__main__":
    sys.exit(main())
