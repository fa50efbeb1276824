"""What is deployed: the zips of the app and of its layer, as Chalice makes them, against a plain build.

A plain build is all of the dependencies, boto3 among them, and the app, in one zip.
"""

from __future__ import annotations

import io
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Final

from chalice.deploy.packager import (
    AppOnlyDeploymentPackager,
    BaseLambdaDeploymentPackager,
    DependencyBuilder,
    LambdaDeploymentPackager,
)
from chalice.utils import UI, OSUtils

from benchmarks.costs.figures import Figure
from benchmarks.costs.processes import FOLDER
from deploy.dependencies import build_dependencies
from deploy.progress import Progress
from local.places import CACHE
from local.staging import stage_app

COMMAND: Final = "python -m benchmarks.costs bundle"


class _Silent(Progress):
    def step(self, text: str) -> None:
        """Nothing is shown."""

    def detail(self, text: str) -> None:
        """Nothing is shown."""


def missing() -> list[str]:
    """Nothing but what the project installs is needed."""
    return []


def measure(runs: int) -> Iterator[Figure]:
    """Size of both zips; they are the same each time."""
    staged = FOLDER / "app"
    stage_app(staged, CACHE / "packages")
    layer = build_dependencies(staged, "x86_64", _Silent())
    own = _zipped(staged, AppOnlyDeploymentPackager)
    with (staged / "requirements.txt").open("a") as requirements:
        requirements.write(f"boto3=={version('boto3')}\n")
    plain = _zipped(staged, LambdaDeploymentPackager)
    inside: Counter[str] = Counter()
    with zipfile.ZipFile(layer) as package:
        for entry in package.infolist():
            parts = entry.filename.split("/site-packages/")[-1].split("/")
            inside[parts[0]] += entry.compress_size
        unzipped = sum(entry.file_size for entry in package.infolist())
    megabytes = (layer.stat().st_size + own.stat().st_size) / 1e6
    largest = {name: size / 1e6 for name, size in inside.most_common(8)}
    yield Figure(
        "zip_mb",
        megabytes,
        f"layer {layer.stat().st_size / 1e6:.2f} MB ({unzipped / 1e6:.1f} unzipped), app's own files "
        f"{own.stat().st_size / 1e6:.2f} MB; a plain build {plain.stat().st_size / 1e6:.1f}; "
        + ", ".join(f"{name} {size:.1f}" for name, size in largest.items()),
        COMMAND,
        {"layer": layer.stat().st_size, "app": own.stat().st_size, "plain": plain.stat().st_size}
        | {"unzipped": unzipped, "inside": largest},
    )


def _zipped(staged: Path, packager: type[BaseLambdaDeploymentPackager]) -> Path:
    """A zip that Chalice makes."""
    system, said = OSUtils(), io.StringIO()
    builder = DependencyBuilder(system, architecture="x86_64")
    made = packager(system, builder, UI(out=said, err=said), "x86_64")
    runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return Path(made.create_deployment_package(str(staged), runtime))
