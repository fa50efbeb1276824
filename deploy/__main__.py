"""Deploys Rider Photos to AWS, removes it, and does what its operator has to do: `python -m deploy`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from chalicelib.models import UploadStatus
from deploy.appeals import AcceptOptions, AppealsOptions, accept, appeals
from deploy.bring_up import up
from deploy.checks import check_python
from deploy.errors import DeployError
from deploy.preflight import UpOptions, check
from deploy.progress import ConsoleProgress
from deploy.redrive import RedriveOptions, redrive
from deploy.riders import RiderOptions, allow_change, erase
from deploy.teardown import DownOptions, down


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    root = argparse.ArgumentParser(prog="python -m deploy", description=__doc__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--stage", required=True, help="name of the stage: dev, prod …")
    common.add_argument("--region", help="default: that of the environment or the profile")
    common.add_argument("--json", action="store_true", help="print the outcome as one JSON object")
    of_project = argparse.ArgumentParser(add_help=False)
    of_project.add_argument(
        "--project-dir", type=Path, default=Path.cwd(), metavar="DIR", help="default: the current directory"
    )
    of_rider = argparse.ArgumentParser(add_help=False)
    of_rider.add_argument(
        "--user", required=True, metavar="USERID", help="the rider's `sub` in the user pool, not the address"
    )
    commands = root.add_subparsers(dest="command", required=True)
    of_up = _options_of_up()
    commands.add_parser(
        "check",
        parents=[common, of_project, of_up],
        help="tell what up needs and creates; change nothing",
    )
    up_parser = commands.add_parser(
        "up", parents=[common, of_project, of_up], help="deploy a stage, or bring it up to date"
    )
    up_parser.add_argument(
        "--force", action="store_true", help="deploy the functions even if nothing has changed"
    )
    down_parser = commands.add_parser(
        "down", parents=[common, of_project], help="remove a stage with all its photos"
    )
    down_parser.add_argument("--keep-photos", action="store_true", help="leave both buckets as they are")
    down_parser.add_argument(
        "--yes-delete-production", action="store_true", help="has to be given for a production stage"
    )
    redrive_parser = commands.add_parser(
        "redrive", parents=[common], help="start again what lies in the dead-letter queue"
    )
    redrive_parser.add_argument("--dry-run", action="store_true", help="only show what lies there")
    erase_parser = commands.add_parser(
        "erase", parents=[common, of_rider], help="erase all that is kept of a rider"
    )
    commands.add_parser(
        "allow-change", parents=[common, of_rider], help="let a rider's next photo show another face, once"
    )
    commands.add_parser("appeals", parents=[common], help="list the rejections that riders call a mistake")
    accept_parser = commands.add_parser(
        "accept", parents=[common, of_rider], help="process a rejected upload again without the rule it broke"
    )
    accept_parser.add_argument("--upload", required=True, metavar="UPLOADID")
    for asking in (down_parser, erase_parser, accept_parser):
        asking.add_argument("--yes", action="store_true", help="don't ask")
    return root


def _options_of_up() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(add_help=False)
    options.add_argument(
        "--sender", help="address the riders' mails come from, verified in SES; default: that of the last up"
    )
    options.add_argument(
        "--page-origin",
        metavar="ORIGIN",
        help="origin at whose root riders find page and API; default: the API's",
    )
    options.add_argument(
        "--architecture", choices=["x86_64", "arm64"], help="Lambda's; default: as configured"
    )
    options.add_argument(
        "--alarm-email", metavar="ADDRESS", help="who hears of alarms; default: as in the last up"
    )
    options.add_argument(
        "--kms-key", metavar="ARN", help="key that encrypts what is stored; default: as in the last up"
    )
    options.add_argument(
        "--access-log-bucket", metavar="BUCKET", help="gets both buckets' access logs; default: as before"
    )
    options.add_argument(
        "--photo-readers",
        metavar="ARNS",
        help="roles and users, between commas, who may look at photos; default: as in the last up",
    )
    options.add_argument(
        "--uploads-per-second",
        type=float,
        default=1.0,
        metavar="N",
        help="expected at the busiest time; quotas are compared with it; default: 1",
    )
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 if it was done, 1 if not, 130 if interrupted."""
    given = parser().parse_args(arguments)
    progress = ConsoleProgress()
    try:
        return _COMMANDS[given.command](given, progress)
    except DeployError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. The same command goes on from here.", file=sys.stderr)
        return 130


def _check(given: argparse.Namespace, progress: ConsoleProgress) -> int:
    check(_up_options(given), progress)
    progress.step("Nothing was changed; `up` would go on from here.")
    if given.json:
        print(json.dumps({"stage": given.stage, "checked": True}))
    return 0


def _up_options(given: argparse.Namespace) -> UpOptions:
    names = {field.name for field in dataclasses.fields(UpOptions)}
    return UpOptions(**{name: value for name, value in vars(given).items() if name in names})


def _up(given: argparse.Namespace, progress: ConsoleProgress) -> int:
    start = time.monotonic()
    deployment = up(_up_options(given), progress)
    progress.step(f"{deployment.stage} is up after {time.monotonic() - start:.0f} s: {deployment.api_url}")
    if given.json:
        print(json.dumps(dataclasses.asdict(deployment)))
    return 0


def _down(given: argparse.Namespace, progress: ConsoleProgress) -> int:
    check_python()
    removal = down(
        DownOptions(
            stage=given.stage,
            region=given.region,
            project_dir=given.project_dir,
            keep_photos=given.keep_photos,
            delete_production=given.yes_delete_production,
        ),
        progress,
        _confirmation(given),
    )
    if not removal.removed:
        progress.step("Nothing was removed.")
    else:
        kept = f" Kept: {', '.join(removal.kept)}." if removal.kept else ""
        progress.step(f"{removal.stage} is gone, with {removal.objects:,} stored objects.{kept}")
    if given.json:
        print(json.dumps(dataclasses.asdict(removal)))
    return 0 if removal.removed else 1


def _redrive(given: argparse.Namespace, progress: ConsoleProgress) -> int:
    done = redrive(RedriveOptions(given.stage, given.region, given.dry_run), progress)
    if given.dry_run:
        progress.step(
            f"{len(done.started)} to start again, {len(done.unusable)} that can never be processed."
        )
    else:
        progress.step(
            f"{len(done.started)} started again, {len(done.settled)} with nothing left to start, "
            f"{len(done.failed)} failed again, {len(done.unusable)} that can never be processed."
        )
    if given.json:
        print(json.dumps(dataclasses.asdict(done)))
    return 1 if done.failed else 0


def _erase(given: argparse.Namespace, progress: ConsoleProgress) -> int:
    done = erase(_rider(given), progress, _confirmation(given))
    if not done.erased:
        progress.step("Nothing was erased.")
    else:
        progress.step(f"{done.user} is erased; the account in the user pool is kept.")
    if given.json:
        print(json.dumps(dataclasses.asdict(done)))
    return 0 if done.erased else 1


def _allow_change(given: argparse.Namespace, progress: ConsoleProgress) -> int:
    allow_change(_rider(given), progress)
    if given.json:
        print(json.dumps({"stage": given.stage, "user": given.user, "allowed": True}))
    return 0


def _appeals(given: argparse.Namespace, progress: ConsoleProgress) -> int:
    found = appeals(AppealsOptions(given.stage, given.region), progress)
    progress.step(f"{len(found)} open appeals.")
    if given.json:
        print(json.dumps([dataclasses.asdict(appeal) for appeal in found]))
    return 0


def _accept(given: argparse.Namespace, progress: ConsoleProgress) -> int:
    options = AcceptOptions(given.stage, given.user, given.upload, given.region)
    done = accept(options, progress, _confirmation(given))
    if done.status == UploadStatus.REJECTED:
        progress.step("Nothing was changed.")
    if given.json:
        print(json.dumps(dataclasses.asdict(done)))
    return 1 if done.status == UploadStatus.REJECTED else 0


_COMMANDS = {
    "check": _check,
    "up": _up,
    "down": _down,
    "redrive": _redrive,
    "erase": _erase,
    "allow-change": _allow_change,
    "appeals": _appeals,
    "accept": _accept,
}


def _rider(given: argparse.Namespace) -> RiderOptions:
    return RiderOptions(given.stage, given.user, given.region)


def _confirmation(given: argparse.Namespace) -> Callable[[str], bool]:
    return (lambda question: True) if given.yes else _ask


def _ask(question: str) -> bool:
    if not sys.stdin.isatty():
        raise DeployError("There is nobody to ask here: give --yes if you are sure.")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


if __name__ == "__main__":
    sys.exit(main())
