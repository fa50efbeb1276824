"""The log of an invocation ends with a mark instead of after a wait.

Upstream can't tell when a worker has written its last line, so it waits 50 ms for a first
one and may give an invocation's late lines to the next. The worker now writes a mark with the
invocation's request id on standard error before each answer, and the reader stops there. What
comes before another invocation's mark was that one's, and too late: it is nobody's log.
"""

import functools
import queue
import re
import time
from contextvars import ContextVar
from typing import Any

from local.emulator import upstream
from local.emulator.shims import worker_script
from local.emulator.worker_prelude import rp_end_of_log

_NAME = "lambda_logs"
_ANSWER = "        _real_stdout.flush()\n\nrun()\n"
_ENDED = '        rp_end_log(_ms_ctx.get("request_id", ""))\n'
_MARK = re.compile(re.escape(rp_end_of_log("?")).replace(r"\?", r"[^\x00]*") + r"\Z")
# Seconds. A function that closed its standard error, or a worker that died, never writes the mark.
_PATIENCE = 1.0
# Upstream reads the log in the thread that invokes.
_request_id: ContextVar[str] = ContextVar("request_id", default="")


def install() -> None:
    """Change the worker's script and the reader of its log."""
    runtime = worker_script.replace(_NAME, _ANSWER, f"{_ENDED}{_ANSWER}")
    worker = runtime.Worker
    drain = upstream.function(
        _NAME, worker, "_drain_stderr_bounded", "self", "first_line_wait", "idle_confirm", "hard_cap"
    )
    names = ("self", "event", "request_id", "trace_id", "depth", "durable", "invoked_function_arn")
    invoke = upstream.function(_NAME, worker, "invoke", *names)

    @functools.wraps(invoke)
    def named(self: Any, event: Any, request_id: str, **more: Any) -> Any:
        token = _request_id.set(request_id)
        try:
            return invoke(self, event, request_id, **more)
        finally:
            _request_id.reset(token)

    @functools.wraps(drain)
    def until_mark(self: Any, *args: float, **kwargs: float) -> str:
        if not str(self.config.get("Runtime", "")).startswith("python"):
            return str(drain(self, *args, **kwargs))
        return _until_mark(self._stderr_queue, _request_id.get())

    worker.invoke = named
    worker._drain_stderr_bounded = until_mark


def _until_mark(log: "queue.Queue[str]", request_id: str) -> str:
    lines: list[str] = []
    deadline = time.monotonic() + _PATIENCE
    while (left := deadline - time.monotonic()) > 0:
        try:
            line = log.get(timeout=left)
        except queue.Empty:
            break
        mark = _MARK.search(line)
        if mark is None:
            lines.append(line)
        elif mark.group() == rp_end_of_log(request_id):
            # What the function wrote without a line end stands before the mark.
            lines.extend(filter(None, [line.removesuffix(mark.group())]))
            break
        else:
            lines.clear()
    return "\n".join(lines)
