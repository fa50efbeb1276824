"""At most so many workers a function; further invocations wait their turn.

Upstream starts a worker (about 50 MB) for every concurrent invocation: ten uploads at once
made 83 of them. Its own limits answer with a throttling error, which makes callers retry
and load grow. A queue keeps a laptop usable and changes nothing but the time taken.
The limit is ``LAMBDA_WORKERS_PER_FUNCTION``, 2 unless set; ``1 detect=2`` is 1, but 2 for the
function `detect`.
"""

import functools
import os
import threading
from typing import Any

from local.emulator import upstream

_NAME = "lambda_concurrency"
LIMIT_VARIABLE = "LAMBDA_WORKERS_PER_FUNCTION"
_EVERY = ""
_turns: dict[str, threading.BoundedSemaphore] = {}
_making = threading.Lock()
_limits: dict[str, int] = {_EVERY: 2}


def install() -> None:
    """Put a semaphore a function around the invocation.

    Raises
    ------
    ValueError
        If ``LAMBDA_WORKERS_PER_FUNCTION`` has anything but positive whole numbers.
    """
    _limits.update(read_limits(os.environ.get(LIMIT_VARIABLE, "2")))
    service = upstream.module(_NAME, "services.lambda_svc")
    invoke = upstream.function(_NAME, service, "_execute_function_warm", "func", "event", "request_id")

    @functools.wraps(invoke)
    def in_turn(func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        with turn_of(str((func.get("config") or func).get("FunctionName", ""))):
            result: dict[str, Any] = invoke(func, event, request_id)
            return result

    service._execute_function_warm = in_turn


def limit_of(function: str) -> int:
    """How many workers the function may have."""
    return _limits.get(function, _limits[_EVERY])


def turn_of(function: str) -> threading.BoundedSemaphore:
    """What an invocation of the function holds while it has a worker."""
    with _making:
        return _turns.setdefault(function, threading.BoundedSemaphore(limit_of(function)))


def read_limits(text: str) -> dict[str, int]:
    """Workers by function, those of every other under an empty name.

    Raises
    ------
    ValueError
        If one is not a positive whole number.
    """
    limits = {}
    for part in text.split(" "):
        function, _, number = part.rpartition("=")
        if not number.isascii() or not number.isdigit() or int(number) < 1:
            raise ValueError(f"{LIMIT_VARIABLE} must be a whole number of at least 1, not {part!r}.")
        limits[function] = int(number)
    return limits
