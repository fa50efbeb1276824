"""Deploys a stage of Rider Photos, and removes it: `python -m deploy up|down --stage S`."""

from deploy.bring_up import Deployment, UpOptions, up
from deploy.errors import ChaliceError, CheckError, DeployError, PackageError, StackError
from deploy.progress import ConsoleProgress, NoProgress, Progress
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
    "Removal",
    "StackError",
    "UpOptions",
    "down",
    "up",
]
