"""`make bench`: what this app costs, beside the best that anyone could do, in the same run.

    python -m benchmarks.costs [--runs N] [PART…]

Parts: thumbnail, start, bundle, calls, demo, pipeline, which are the default, and growth. Figures go to
.bench/results.json, each with what it was measured from. Costs of processors are times of the processor
(user and system) and not of the clock, so that other programs on the machine hardly count.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.costs.figures import Figure, table, write_results
from benchmarks.costs.processes import FOLDER, PROJECT, ProgramError

PARTS: Final = ("thumbnail", "start", "bundle", "calls", "demo", "pipeline")
# Only by name, since it takes minutes.
LONG: Final = ("growth",)
RESULTS: Final = FOLDER / "results.json"


def about() -> dict[str, object]:
    """The machine that was measured on."""
    model = ""
    information = Path("/proc/cpuinfo")
    if information.exists():
        names = [line for line in information.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(": ")[2] if names else ""
    return {
        "cores": os.cpu_count(),
        "processor": model or platform.processor(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run parts, show a table, and keep the figures; 1 if one misses its target."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.costs", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join((*PARTS, *LONG)))
    parser.add_argument("--runs", type=int, default=7, help="how often each program is run (default 7)")
    arguments = parser.parse_args(argv)
    unknown = set(arguments.parts) - {*PARTS, *LONG}
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    os.chdir(PROJECT)
    figures: list[Figure] = []
    broken = False
    for part in arguments.parts or PARTS:
        module = importlib.import_module(f"benchmarks.costs.{part}")
        for sentence in module.missing():
            print(sentence, file=sys.stderr)
        print(f"measuring: {part}", file=sys.stderr, flush=True)
        try:
            # Each as soon as it is known: a part may take minutes.
            for figure in module.measure(arguments.runs):
                figures.append(figure)
                write_results([figure], RESULTS, about())
        except ProgramError as error:
            print(error, file=sys.stderr)
            broken = True
    print(table(figures))
    print(f"\nAll of it, with what it was measured from: {RESULTS.relative_to(PROJECT)}")
    missed = [figure.name for figure in figures if figure.reached is False]
    if missed:
        print(f"Not reached: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed or broken else 0


if __name__ == "__main__":
    sys.exit(main())
