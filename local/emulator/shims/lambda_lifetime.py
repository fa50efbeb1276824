"""A Lambda worker ends when the emulator does, however that ends.

An idle worker notices the end of its standard input. One that is running a handler would
go on to the end of it, so a thread in the worker watches for a new parent process.
"""

from local.emulator.shims import worker_script

_NAME = "lambda_lifetime"
_START = 'init = json.loads(sys.stdin.readline())\n    code_dir = init["code_dir"]'


def install() -> None:
    """Start the watch before the function's module is imported."""
    worker_script.replace(_NAME, _START, f"rp_end_with_parent()\n    {_START}")
