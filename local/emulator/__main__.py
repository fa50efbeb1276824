"""The emulator's own process: ministack with the shims, on the loopback interface.

Configured by the environment that :class:`local.emulator.Emulator` builds.
"""

import argparse
import os
import sys
from importlib import import_module

from local.emulator import SAVE_SECONDS, shims, upstream
from local.processes import GRACE_SECONDS, LOOPBACK, exit_with_parent


def main(arguments: list[str] | None = None) -> int:
    """Check ministack, install the shims and serve until SIGTERM or SIGINT; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.emulator", description=__doc__)
    parser.add_argument(
        "--exit-with-parent", action="store_true", help="stop when standard input ends (the parent is gone)"
    )
    options = parser.parse_args(arguments)
    if options.exit_with_parent:
        exit_with_parent(SAVE_SECONDS if os.environ.get("PERSIST_STATE") else GRACE_SECONDS)
    # Set here and not left to the caller: ministack's default is every interface.
    os.environ["BIND_HOST"] = LOOPBACK
    try:
        upstream.check_version()
        shims.install_all()
    except (upstream.UnsupportedMinistackError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    # ministack reads the command line itself.
    sys.argv = ["ministack"]
    try:
        import_module("ministack.app").main()
    finally:
        # Upstream leaves its Lambda workers to find out by themselves.
        import_module("ministack.core.lambda_runtime").reset()
    return 0


if __name__ == "__main__":
    sys.exit(main())
