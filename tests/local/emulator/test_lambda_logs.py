"""Where the log of an invocation ends: at its own mark, without a wait."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

import pytest

from local.emulator import upstream
from local.emulator.shims import lambda_logs
from local.emulator.worker_prelude import rp_end_of_log

FIRST, SECOND = (rp_end_of_log(request_id) for request_id in ("first", "second"))


class Log(queue.SimpleQueue[str]):
    """What a worker has written so far; nobody may wait for more."""

    def __init__(self, *lines: str) -> None:
        for line in lines:
            self.put(line)

    def get(self, block: bool = True, timeout: float | None = None) -> str:
        assert not self.empty(), "waits for a line that never comes"
        return super().get(block, timeout)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A worker of the changed upstream, without its process; upstream's own wait for a log fails the test."""
    runtime = upstream.module("test", "core.lambda_runtime")

    def _drain_stderr_bounded(
        self: Any, first_line_wait: float = 0, idle_confirm: float = 0, hard_cap: float = 0
    ) -> str:
        pytest.fail("upstream waits for the log")

    def invoke(
        self: Any,
        event: Any,
        request_id: str,
        *,
        trace_id: Any = None,
        depth: Any = None,
        durable: Any = None,
        invoked_function_arn: Any = None,
    ) -> str:
        return str(self._drain_stderr_bounded())

    monkeypatch.setattr(runtime, "_PYTHON_WORKER_SCRIPT", runtime._PYTHON_WORKER_SCRIPT)
    monkeypatch.setattr(runtime.Worker, "_drain_stderr_bounded", _drain_stderr_bounded)
    monkeypatch.setattr(runtime.Worker, "invoke", invoke)
    lambda_logs.install()
    worker = runtime.Worker.__new__(runtime.Worker)
    worker.config = {"Runtime": "python3.13"}
    return worker


@pytest.mark.parametrize(
    ("written", "log"),
    [
        ([FIRST], ""),
        (["a", "b", FIRST], "a\nb"),
        (["a", f"no line end{FIRST}"], "a\nno line end"),
        (["a", FIRST, "the next one's"], "a"),
    ],
)
def test_a_log_ends_at_its_mark_without_a_wait(worker: Any, written: list[str], log: str) -> None:
    worker._stderr_queue = Log(*written)
    assert worker.invoke({}, "first") == log


def test_a_mark_that_comes_late_shifts_no_log(worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    worker._stderr_queue = queue.Queue()
    worker._stderr_queue.put("of the first")
    with monkeypatch.context() as impatient:
        impatient.setattr(lambda_logs, "_PATIENCE", 0.01)
        assert worker.invoke({}, "first") == "of the first"
    worker._stderr_queue = Log("late", f"no line end{FIRST}", "of the second", SECOND, "of the third")
    assert worker.invoke({}, "second") == "of the second"
    worker._stderr_queue = Log(rp_end_of_log("third"))
    assert worker.invoke({}, "third") == ""
