"""Command line of `python -m deploy`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path

from deploy.bring_up import UpOptions, up
from deploy.checks import check_python
from deploy.errors import DeployError
from deploy.progress import ConsoleProgress
from deploy.teardown import DownOptions, down


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    root = argparse.ArgumentParser(prog="python -m deploy", description=__doc__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--stage", required=True, help="name of the stage: dev, prod …")
    common.add_argument("--region", help="default: that of the environment or the profile")
    common.add_argument("--json", action="store_true", help="print the outcome as one JSON object")
    common.add_argument(
        "--project-dir", type=Path, default=Path.cwd(), metavar="DIR", help="default: the current directory"
    )
    commands = root.add_subparsers(dest="command", required=True)
    up_parser = commands.add_parser("up", parents=[common], help="deploy a stage, or bring it up to date")
    up_parser.add_argument(
        "--sender", help="address the riders' mails come from, verified in SES; default: that of the last up"
    )
    up_parser.add_argument(
        "--page-origin", metavar="ORIGIN", help="origin of the page that uploads; default: the API's"
    )
    up_parser.add_argument(
        "--architecture", choices=["x86_64", "arm64"], help="Lambda's; default: as configured, or x86_64"
    )
    down_parser = commands.add_parser("down", parents=[common], help="remove a stage with all its photos")
    down_parser.add_argument("--yes", action="store_true", help="don't ask")
    return root


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 if it was done, 1 if not, 130 if interrupted."""
    given = parser().parse_args(arguments)
    progress = ConsoleProgress()
    try:
        return _up(given, progress) if given.command == "up" else _down(given, progress)
    except DeployError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. The same command goes on from here.", file=sys.stderr)
        return 130


def _up(given: argparse.Namespace, progress: ConsoleProgress) -> int:
    start = time.monotonic()
    deployment = up(
        UpOptions(
            stage=given.stage,
            sender=given.sender,
            region=given.region,
            project_dir=given.project_dir,
            page_origin=given.page_origin,
            architecture=given.architecture,
        ),
        progress,
    )
    progress.step(f"{deployment.stage} is up after {time.monotonic() - start:.0f} s: {deployment.api_url}")
    if given.json:
        print(json.dumps(dataclasses.asdict(deployment)))
    return 0


def _down(given: argparse.Namespace, progress: ConsoleProgress) -> int:
    check_python()
    removal = down(
        DownOptions(stage=given.stage, region=given.region, project_dir=given.project_dir),
        progress,
        (lambda question: True) if given.yes else _ask,
    )
    if not removal.removed:
        progress.step("Nothing was removed.")
    else:
        kept = f" Kept: {', '.join(removal.kept)}." if removal.kept else ""
        progress.step(f"{removal.stage} is gone, with {removal.objects:,} stored objects.{kept}")
    if given.json:
        print(json.dumps(dataclasses.asdict(removal)))
    return 0 if removal.removed else 1


def _ask(question: str) -> bool:
    if not sys.stdin.isatty():
        raise DeployError("There is nobody to ask here: give --yes to remove the stage.")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


if __name__ == "__main__":
    sys.exit(main())
