"""A function's failure is reported as Lambda's Python runtime reports it.

Upstream calls every exception ``Runtime.HandlerError`` (so a Catch on a custom error never
matches), drops the stack trace, and kills the worker. Here the worker stays warm after an
exception, as on AWS, and the payload has ``errorType``, ``errorMessage``, ``requestId`` and
``stackTrace``. An exception while the module is imported and a result that JSON can't hold
get the runtime's own names.
"""

import functools
import json
from typing import Any

from local.emulator import upstream
from local.emulator.shims import worker_script
from local.emulator.worker_prelude import RP_FAILURE

_NAME = "lambda_errors"
_INIT_FAILED = "Worker init failed: "


def _unmarked(result: dict[str, Any]) -> dict[str, Any]:
    """Turn a marked payload, or upstream's own word for a failure, into Lambda's error payload."""
    body = result.get("body")
    if not isinstance(body, dict):
        return result
    if RP_FAILURE in body:
        return {**result, "body": body[RP_FAILURE], "error": True}
    message = str(body.get("errorMessage", ""))
    if result.get("error") and message.startswith(_INIT_FAILED + "{"):
        payload = json.loads(message.removeprefix(_INIT_FAILED))
        log = "\n".join(
            [f"[ERROR] {payload['errorType']}: {payload['errorMessage']}", *payload["stackTrace"]]
        )
        return {**result, "body": payload, "log": log}
    if result.get("error") and message == "Worker process died":
        return {**result, "body": {"errorMessage": "Runtime exited", "errorType": "Runtime.ExitError"}}
    return result


def install() -> None:
    """Change the worker's script and what is made of its answer."""
    worker_script.replace(
        _NAME,
        'json.dumps({"status": "error", "error": str(e), "trace": traceback.format_exc()})',
        "rp_failure(e, context.aws_request_id)",
    )
    worker_script.replace(_NAME, 'json.dumps({"status": "ok", "result": result})', "rp_marshal(result)")
    worker_script.replace(
        _NAME,
        'json.dumps({"status": "error", "error": str(e)})',
        'json.dumps({"status": "error", "error": rp_init_failure(e, module_name, handler_name)})',
    )
    service = upstream.module(_NAME, "services.lambda_svc")
    invoke = upstream.function(_NAME, service, "_execute_function_warm", "func", "event", "request_id")

    @functools.wraps(invoke)
    def with_error_type(func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        return _unmarked(invoke(func, event, request_id))

    service._execute_function_warm = with_error_type
