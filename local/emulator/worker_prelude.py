"""What the shims add to ministack's Lambda worker script: this file's text stands at its beginning.

It runs in the worker process, beside the function's own modules, and so has nothing but the
standard library and names that no function uses.
"""

import decimal
import importlib
import json
import os
import sys
import threading
import time
import traceback
from typing import Any

RP_FAILURE = "__rider_photos_lambda_failure__"
RP_IMPORT = "__rider_photos_import__"


class RpMarshalError(Exception):
    """What a handler returned cannot be written as JSON."""


def rp_marshal(result: Any) -> str:
    """Return the worker's answer to a successful invocation, with decimals as numbers as in Lambda."""

    def default(value: Any) -> float:
        if isinstance(value, decimal.Decimal):
            return float(value)
        raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")

    try:
        return json.dumps({"status": "ok", "result": result}, default=default)
    except Exception as error:  # whatever json makes of the function's own classes
        raise RpMarshalError(f"Unable to marshal response: {error}") from error


def rp_failure(error: Exception, request_id: str) -> str:
    """Return the answer to an invocation that raised, which upstream takes for a success."""
    kind, message, frames = type(error).__name__, str(error), rp_frames(error)
    if isinstance(error, RpMarshalError):
        kind, frames = "Runtime.MarshalError", []
    sys.stderr.write(f"[ERROR] {kind}: {message}\n")
    if frames:
        sys.stderr.write("Traceback (most recent call last):\n" + "".join(frames))
    payload = {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": frames}
    return json.dumps({"status": "ok", "result": {RP_FAILURE: payload}})


def rp_init_failure(error: Exception, module: str, handler: str) -> str:
    """Return the error payload of a function whose module or handler could not be loaded."""
    kind, message, frames = type(error).__name__, str(error), rp_frames(error)
    if isinstance(error, ImportError):
        kind, message = "Runtime.ImportModuleError", f"Unable to import module '{module}': {error}"
    elif isinstance(error, SyntaxError):
        kind, message = "Runtime.UserCodeSyntaxError", f"Syntax error in module '{module}': {error}"
    elif isinstance(error, AttributeError) and error.name == handler:
        kind, message = "Runtime.HandlerNotFound", f"Handler '{handler}' missing on module '{module}'"
    return json.dumps({"errorMessage": message, "errorType": kind, "requestId": "", "stackTrace": frames})


def rp_frames(error: Exception) -> list[str]:
    """Return the stack trace as Lambda gives it, without the worker's own frame, which comes first."""
    return traceback.format_list(traceback.extract_tb(error.__traceback__)[1:])


def rp_imports(line: str) -> bool:
    """Import the modules that a line names which is no invocation; False if it is one."""
    if not line.startswith(f'{{"{RP_IMPORT}"'):
        return False
    for name in json.loads(line)[RP_IMPORT]:
        importlib.import_module(name)
    return True


def rp_end_of_log(request_id: str) -> str:
    """Return the mark that ends the log of that invocation."""
    return f"\x00rider-photos: end of {request_id}\x00"


def rp_end_log(request_id: str) -> None:
    """Mark the end of an invocation's log."""
    sys.stderr.write(rp_end_of_log(request_id) + "\n")
    sys.stderr.flush()


def rp_end_with_parent() -> None:
    """End this process when its parent has gone, also in the middle of a handler."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()
