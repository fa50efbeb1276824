"""What holds for all tests."""

from __future__ import annotations

import signal
from pathlib import PurePosixPath
from typing import Any, Final

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

# What shares a stack is for one worker, or each would start one and keep it to its end.
SHARED: Final = ("tests/browser", "tests/e2e")
WITH_THEIR_OWN: Final = {
    "tests/browser/test_console.py",
    "tests/e2e/test_commands.py",
    "tests/e2e/test_deploy.py",
    "tests/e2e/test_removal.py",
}
# What takes longest: begun last, it would leave the other processor idle at the end.
FIRST: Final = ("tests/e2e", "tests/simulation/test_exhaustive.py")

# A shell that runs tests in the background lets them ignore Ctrl-C; their children inherit that, and some are
# there to show that Ctrl-C ends them.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A change is judged by the examples that the change before it was judged by; `make fuzz-faces` and
# `make simulate` look for new ones. And a busy machine is no failure: how long an example takes says nothing.
settings.register_profile("tests", derandomize=True, deadline=None)
settings.load_profile("tests")


def unit_of(nodeid: str) -> str:
    """What one worker runs as a whole: the test's file, or all files that share its stack."""
    file = nodeid.partition("::")[0]
    folder = str(PurePosixPath(file).parent)
    return folder if folder in SHARED and file not in WITH_THEIR_OWN else file


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first."""
    ranks = {unit: rank for rank, unit in enumerate(FIRST)}
    items.sort(key=lambda item: ranks.get(unit_of(item.nodeid), len(FIRST)))


class OneWorkerAStack(LoadFileScheduling):
    """Gives each worker whole files, and one of them all files that share a stack."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """Schedule so where the files stay whole, as in `make test`."""
    return OneWorkerAStack(config, log) if config.getoption("dist") == "loadfile" else None
