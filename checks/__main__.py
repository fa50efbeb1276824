"""Ask all judges, or those that are named: `python -m checks [JUDGE …]`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence

from checks.accepted import ACCEPTED
from checks.findings import JudgeError, NotRunError, ProgramMissingError, left, stale
from checks.judges import JUDGES


def main(names: Sequence[str]) -> int:
    """Ask the judges; 1 if one finds something, or fails, or in CI lacks its interpreter."""
    unknown = sorted(set(names) - JUDGES.keys())
    if unknown:
        print(f"No judge is called {', '.join(unknown)}. They are: {', '.join(JUDGES)}.", file=sys.stderr)
        return 2
    clean = True
    for name in names or JUDGES:
        begun = time.monotonic()
        try:
            found = list(JUDGES[name]())
        except NotRunError as why:
            # A person may well lack node; a pipeline that does would be green for ever without this judge.
            clean = clean and not (isinstance(why, ProgramMissingError) and os.environ.get("CI"))
            print(f"{name:15} NOT RUN: {why}", flush=True)
            continue
        except JudgeError as why:
            clean = False
            print(f"{name:15} FAILED: {why}", flush=True)
            continue
        problems = [f"{one.rule} {one.where}: {one.text}" for one in left(found, ACCEPTED)]
        problems += [f"accepted, but not found: {e.rule} {e.where}" for e in stale(name, found, ACCEPTED)]
        clean = clean and not problems
        accepted = len(found) - len(left(found, ACCEPTED))
        verdict = f"{len(problems)} to mend" if problems else "clean"
        with_reason = f", {accepted} accepted with a reason" if accepted else ""
        print(f"{name:15} {verdict}{with_reason} ({time.monotonic() - begun:.0f} s)", flush=True)
        print("".join(f"  {problem}\n" for problem in problems), end="", flush=True)
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
