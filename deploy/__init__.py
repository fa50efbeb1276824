"""Deploys a stage of Rider Photos, operates it, and removes it: `python -m deploy COMMAND --stage S`."""

from deploy.bring_up import Deployment, up
from deploy.errors import ChaliceError, CheckError, DeployError, PackageError, StackError
from deploy.preflight import UpOptions, check
from deploy.progress import ConsoleProgress, NoProgress, Progress
from deploy.redrive import Redriven, RedriveOptions, redrive
from deploy.riders import RiderErased, RiderOptions, allow_change, erase
from deploy.teardown import DownOptions, Removal, down

__all__ = [
    "ChaliceError",
    "CheckError",
    "ConsoleProgress",
    "DeployError",
    "Deployment",
    "DownOptions",
    "NoProgress",
    "PackageError",
    "Progress",
    "RedriveOptions",
    "Redriven",
    "Removal",
    "RiderErased",
    "RiderOptions",
    "StackError",
    "UpOptions",
    "allow_change",
    "check",
    "down",
    "erase",
    "redrive",
    "up",
]
