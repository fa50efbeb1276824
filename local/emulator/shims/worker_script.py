"""How the Lambda shims change the script that ministack's Python workers run."""

from pathlib import Path
from typing import Any

from local.emulator import upstream, worker_prelude

_SCRIPT = "_PYTHON_WORKER_SCRIPT"


def replace(shim: str, old: str, new: str) -> Any:
    """Replace `old` in the script by `new`, which may call what worker_prelude.py defines.

    Returns ``ministack.core.lambda_runtime``.

    Raises
    ------
    UnsupportedMinistackError
        If `old` does not occur exactly once in the script.
    """
    runtime = upstream.module(shim, "core.lambda_runtime")
    upstream.replace_text(shim, runtime, _SCRIPT, old, new)
    prelude = Path(worker_prelude.__file__).read_text(encoding="utf-8")
    script = getattr(runtime, _SCRIPT)
    if not script.startswith(prelude):
        setattr(runtime, _SCRIPT, prelude + script)
    return runtime
