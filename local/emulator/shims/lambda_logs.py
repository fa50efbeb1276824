"""The log of an invocation ends with a mark instead of after a wait.

Upstream can't tell when a worker has written its last line, so it waits 50 ms for a first
one and may give an invocation's late lines to the next. The worker now writes a mark on
standard error before each answer, and the reader stops there.
"""

import functools
import queue
import time
from typing import Any

from local.emulator import upstream
from local.emulator.shims import worker_script
from local.emulator.worker_prelude import RP_END_OF_LOG

_NAME = "lambda_logs"
_ANSWER = "        _real_stdout.flush()\n\nrun()\n"
# Seconds. A function that closed its standard error never writes the mark.
_PATIENCE = 0.25


def install() -> None:
    """Change the worker's script and the reader of its log."""
    runtime = worker_script.replace(_NAME, _ANSWER, f"        rp_end_log()\n{_ANSWER}")
    drain = upstream.function(
        _NAME, runtime.Worker, "_drain_stderr_bounded", "self", "first_line_wait", "idle_confirm", "hard_cap"
    )

    @functools.wraps(drain)
    def until_mark(self: Any, *args: float, **kwargs: float) -> str:
        if not str(self.config.get("Runtime", "")).startswith("python"):
            return str(drain(self, *args, **kwargs))
        return _until_mark(self._stderr_queue)

    runtime.Worker._drain_stderr_bounded = until_mark


def _until_mark(log: "queue.Queue[str]") -> str:
    lines: list[str] = []
    deadline = time.monotonic() + _PATIENCE
    while (left := deadline - time.monotonic()) > 0:
        try:
            line = log.get(timeout=left)
        except queue.Empty:
            break
        if line.endswith(RP_END_OF_LOG):
            # What the function wrote without a line end stands before the mark.
            lines.extend(filter(None, [line.removesuffix(RP_END_OF_LOG)]))
            break
        lines.append(line)
    return "\n".join(lines)
