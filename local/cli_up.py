"""`python -m local up`, `down`, `reset` and `env`: a stack that keeps running for a person to use."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import time
from contextlib import suppress

from local.console import Console, Places
from local.display import Display
from local.emulator import SAVE_SECONDS
from local.endpoints import Endpoints
from local.places import APP, ENDPOINTS, LOCK, STATE
from local.processes import ProcessError, port_as_before
from local.running import end, is_running, only_one
from local.stack import Directories, NotKeptError, Stack

_LOOK_SECONDS = 0.5
_DOWN_SECONDS = SAVE_SECONDS + 30
# There if the last `up` had to end without keeping what was uploaded.
_NOT_KEPT = STATE / "not-kept"
# Of a real account: they would outweigh or confuse what `env` exports.
_FOREIGN = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")


def up(*, as_json: bool) -> int:
    """Start everything, say where it is, and keep it running until SIGTERM or Ctrl-C.

    Raises
    ------
    AlreadyRunningError
        If another `up` runs.
    ProcessError
        If a part ends by itself; the rest is ended too.
    NotKeptError
        If what was uploaded could not be kept.
    """
    with only_one(LOCK):
        ENDPOINTS.unlink(missing_ok=True)
        _NOT_KEPT.unlink(missing_ok=True)
        try:
            with (
                Display() as display,
                Stack(Directories(data=STATE, app=APP), display, persist=True) as stack,
                _console(stack) as console,
            ):
                display.done()
                stack.endpoints.write(ENDPOINTS, consoleUrl=console.url)
                _tell(stack.endpoints, console.url, display, as_json=as_json)
                _keep_running(stack)
                display.step("Ending everything")
        except NotKeptError as error:
            _NOT_KEPT.write_text(f"{error}\n")
            raise
        finally:
            ENDPOINTS.unlink(missing_ok=True)
    return 0


def down() -> int:
    """End a running `up`; what was uploaded stays.

    Raises
    ------
    NotKeptError
        If it could not be kept.
    """
    if not end(LOCK, _DOWN_SECONDS):
        ENDPOINTS.unlink(missing_ok=True)
        print("Nothing was running.", file=sys.stderr)
        return 0
    if _NOT_KEPT.exists():
        raise NotKeptError(_NOT_KEPT.read_text().strip())
    print("Ended. What was uploaded is kept for the next `up`.", file=sys.stderr)
    return 0


def reset() -> int:
    """End a running `up`, and forget all that was uploaded."""
    end(LOCK, _DOWN_SECONDS)
    with only_one(LOCK):
        ENDPOINTS.unlink(missing_ok=True)
        for directory in (STATE, APP):
            if directory.exists():
                shutil.rmtree(directory)
    print("All that was uploaded is gone; the next `up` starts fresh.", file=sys.stderr)
    return 0


def env(*, as_json: bool) -> int:
    """Print what leads the AWS CLI and boto3 to a running `up`, for `eval "$(python -m local env)"`.

    Raises
    ------
    ProcessError
        If none is running, or it isn't ready yet.
    """
    if not is_running(LOCK):
        raise ProcessError("Nothing is running: start it with `make local`, in another terminal.")
    try:
        variables = Endpoints.read(ENDPOINTS).environment()
    except (OSError, ValueError, KeyError) as error:
        raise ProcessError(
            "`python -m local up` is still starting: try again when it shows its URLs."
        ) from error
    if as_json:
        print(json.dumps(variables))
        return 0
    for name in _FOREIGN:
        if name in os.environ:
            print(f"unset {name}")
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def _console(stack: Stack) -> Console:
    """The console of a stack, on the port it had before where that is free: people bookmark its pages."""
    port = STATE / "console-port"
    console = Console(Places.of(stack), port_as_before(port))
    port.write_text(f"{console.port}\n")
    return console


def _tell(endpoints: Endpoints, console_url: str, display: Display, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(endpoints.as_json() | {"consoleUrl": console_url}), flush=True)
        return
    told = {
        "Console": console_url,
        "API": endpoints.api_url,
        "Embedded AWS": endpoints.aws_endpoint,
        "Mails": f"{endpoints.aws_endpoint}/_ministack/ses/messages",
        "User pool": f"{endpoints.user_pool_id}, client {endpoints.user_pool_client_id}",
        "Photos": f"s3://{endpoints.photo_bucket}",
        "All of it": str(ENDPOINTS),
    }
    for name, value in told.items():
        print(f"{name:<13} {value}", flush=True)
    display.line("\nReady. Ctrl-C ends it; what is uploaded stays for the next time.")


def _keep_running(stack: Stack) -> None:
    """Watch the stack until this process is told to end, which is the way this is meant to end."""
    with suppress(KeyboardInterrupt, SystemExit):
        while True:
            stack.check()
            time.sleep(_LOOK_SECONDS)
