"""Workers of functions start before they are first called: `POST /_ministack/lambda/start`.

Upstream starts a worker at a function's first invocation, so that a first upload waits for each of its
steps in turn. The body is a JSON list of functions; each gets all the workers it may have. The answer comes
at once, and nothing is invoked: a worker that is on its way counts as the function's turn, so that an
invocation waits for it and takes it. Afterwards it imports boto3, which is most of what a first call does.
"""

import functools
import json
import logging
from contextlib import ExitStack
from typing import Any

from local.emulator import upstream
from local.emulator.process import START_PATH
from local.emulator.shims import worker_script
from local.emulator.shims.lambda_concurrency import limit_of, turn_of
from local.emulator.worker_prelude import RP_IMPORT

_NAME = "lambda_start"
_INVOCATION = "        _ms_msg = json.loads(line)\n"
_PERHAPS = f"        if rp_imports(line):\n            continue\n{_INVOCATION}"
_IMPORT_BOTO3 = json.dumps({RP_IMPORT: ["boto3"]}) + "\n"
# The first of them are soon there, and whoever calls one meanwhile has a share of the processor.
_AT_ONCE = 2
_log = logging.getLogger("lambda")

Response = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Answer the path, besides upstream's own paths for whoever runs the emulator."""
    app = upstream.module(_NAME, "app")
    admin = upstream.function(_NAME, app, "_handle_admin_config_request", "path", "method", "body")
    service = upstream.module(_NAME, "services.lambda_svc")
    upstream.function(_NAME, service, "_get_func_record_for_ref", "function_ref")
    runtime = worker_script.replace(_NAME, _INVOCATION, _PERHAPS)
    acquire = ("func_name", "config", "code_zip", "qualifier", "max_concurrency")
    upstream.function(_NAME, runtime, "acquire_worker", *acquire)
    upstream.function(_NAME, runtime, "ensure_spawned", "worker")
    upstream.function(_NAME, runtime, "release_worker", "worker")
    concurrency = upstream.module(_NAME, "core.concurrency")
    in_background = upstream.attribute(_NAME, concurrency, "spawn_background")

    @functools.wraps(admin)
    async def answer(path: str, method: str, body: bytes) -> Response | None:
        if path != START_PATH or method != "POST":
            response: Response | None = await admin(path, method, body)
            return response
        names = json.loads(body)
        found = {name: service._get_func_record_for_ref(name) for name in names}
        unknown = [name for name, (function, _, _) in found.items() if not function]
        if unknown:
            said = {"message": f"There is no function {', '.join(unknown)}."}
            return 404, {"Content-Type": "application/json"}, json.dumps(said).encode()
        for part in range(_AT_ONCE):
            functions = list(found.values())[part::_AT_ONCE]
            in_background(_start_all, runtime, functions, thread_name="lambda-start")
        return 202, {"Content-Type": "application/json"}, b"{}"

    app._handle_admin_config_request = answer


def _start_all(runtime: Any, functions: list[tuple[dict[str, Any], dict[str, Any], str]]) -> None:
    for function, config, name in functions:
        with ExitStack() as held:
            for _ in range(limit_of(name)):
                # If there is none, an invocation has it, which starts a worker by itself.
                if not turn_of(name).acquire(blocking=False):
                    break
                held.callback(turn_of(name).release)
                version = config.get("Version", "$LATEST")
                worker, _ = runtime.acquire_worker(name, config, function["code_zip"], qualifier=version)
                held.callback(runtime.release_worker, worker)
                _start(runtime, worker, name)


def _start(runtime: Any, worker: Any, function: str) -> None:
    try:
        runtime.ensure_spawned(worker)
        worker._proc.stdin.write(_IMPORT_BOTO3)
        worker._proc.stdin.flush()
    except (RuntimeError, OSError) as error:
        # The first invocation will try again, and tell its caller.
        _log.warning("A worker of %s does not start: %s", function, error)
