"""Helpers of the emulator's tests: tiny functions, and waiting for a condition."""

import io
import time
import uuid
import zipfile
from collections.abc import Callable
from typing import Any

ROLE = "arn:aws:iam::000000000000:role/test"


def unique(prefix: str) -> str:
    """Return a name no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def zipped(source: str) -> bytes:
    """Return a deployment package whose module `handler` is `source`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        package.writestr("handler.py", source)
    return buffer.getvalue()


def make_function(client: Any, source: str, **options: Any) -> str:
    """Create a function whose module is `source` and whose handler is `handle`; return its ARN."""
    made = client.create_function(
        **{
            "FunctionName": unique("function"),
            "Runtime": "python3.13",
            "Role": ROLE,
            "Handler": "handler.handle",
            "Code": {"ZipFile": zipped(source)},
            "Timeout": 10,
            **options,
        }
    )
    return str(made["FunctionArn"])


def eventually[Value](look: Callable[[], Value | None], timeout: float = 60.0) -> Value:
    """Return what `look` gives as soon as it is neither None nor empty.

    Raises
    ------
    AssertionError
        After `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = look()
        if value:
            return value
        assert time.monotonic() < deadline, f"nothing after {timeout:g} s, last: {value!r}"
        time.sleep(0.05)
