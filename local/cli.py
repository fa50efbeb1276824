"""Command line of `python -m local`."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from deploy import DeployError
from local import cli_demo, cli_up
from local.demo_photos import PhotoPathError
from local.downloads import DownloadError
from local.processes import ProcessError
from local.rekognition.weights import WeightsError
from local.riders import RiderError
from local.running import AlreadyRunningError, StillRunningError

_EXPECTED_ERRORS = (
    AlreadyRunningError,
    DeployError,
    DownloadError,
    PhotoPathError,
    ProcessError,
    RiderError,
    StillRunningError,
    # That of the samples too.
    WeightsError,
)


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    root = argparse.ArgumentParser(prog="python -m local", description="Rider Photos on this machine alone.")
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="upload photos as riders do, and show what becomes of each")
    demo.add_argument(
        "photos",
        nargs="*",
        type=Path,
        metavar="PHOTO",
        help="files or folders (default: the demo's own)",
    )
    demo.add_argument("--json", action="store_true", help="print one JSON object a photo, and nothing else")
    demo.add_argument("--keep", type=Path, metavar="DIR", help="copy the thumbnails there")
    up = commands.add_parser("up", help="start everything and keep it running until Ctrl-C or `down`")
    up.add_argument("--json", action="store_true", help="print the endpoints as one JSON object")
    commands.add_parser("down", help="end a running `up`; what was uploaded stays")
    commands.add_parser("reset", help="`down`, and forget all that was uploaded")
    env = commands.add_parser("env", help="print the variables that lead the AWS CLI to a running `up`")
    env.add_argument("--json", action="store_true", help="as one JSON object")
    commands.add_parser(
        "rekognition", help="the face service alone (--help shows its options)", add_help=False
    )
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if all was as it should be, 1 if not, 2 for a wrong call, 130 after Ctrl-C."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["rekognition"]:
        # The face models load only here.
        from local.rekognition.service import main as serve_faces

        return serve_faces(words[1:])
    given = parser().parse_args(words)
    signal.signal(signal.SIGTERM, _end)
    try:
        match given.command:
            case "demo":
                return cli_demo.demo(given.photos, as_json=given.json, keep=given.keep)
            case "up":
                return cli_up.up(as_json=given.json)
            case "down":
                return cli_up.down()
            case "reset":
                return cli_up.reset()
            case _:
                return cli_up.env(as_json=given.json)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except PhotoPathError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except _EXPECTED_ERRORS as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _end(number: int, frame: FrameType | None) -> NoReturn:
    """Leave through every `with` block, as after Ctrl-C."""
    raise SystemExit(128 + number)
