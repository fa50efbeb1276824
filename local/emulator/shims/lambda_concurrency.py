"""At most so many workers a function; further invocations wait their turn.

Upstream starts a worker (about 50 MB) for every concurrent invocation: ten uploads at once
made 83 of them. Its own limits answer with a throttling error, which makes callers retry
and load grow. A queue keeps a laptop usable and changes nothing but the time taken.
The limit is ``LAMBDA_WORKERS_PER_FUNCTION``, 2 unless set.
"""

import collections
import functools
import os
import threading
from typing import Any

from local.emulator import upstream

_NAME = "lambda_concurrency"
LIMIT_VARIABLE = "LAMBDA_WORKERS_PER_FUNCTION"


def install() -> None:
    """Put a semaphore a function around the invocation.

    Raises
    ------
    ValueError
        If ``LAMBDA_WORKERS_PER_FUNCTION`` is not a positive whole number.
    """
    raw = os.environ.get(LIMIT_VARIABLE, "2")
    if not raw.isascii() or not raw.isdigit() or int(raw) < 1:
        raise ValueError(f"{LIMIT_VARIABLE} must be a whole number of at least 1, not {raw!r}.")
    limit = int(raw)
    service = upstream.module(_NAME, "services.lambda_svc")
    invoke = upstream.function(_NAME, service, "_execute_function_warm", "func", "event", "request_id")
    turns: collections.defaultdict[str, threading.BoundedSemaphore] = collections.defaultdict(
        lambda: threading.BoundedSemaphore(limit)
    )
    # defaultdict alone may call its factory twice for one key from two threads.
    lock = threading.Lock()

    @functools.wraps(invoke)
    def in_turn(func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        name = str((func.get("config") or func).get("FunctionName", ""))
        with lock:
            turn = turns[name]
        with turn:
            result: dict[str, Any] = invoke(func, event, request_id)
            return result

    service._execute_function_warm = in_turn
