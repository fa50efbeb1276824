"""What is deployed: the app's own zip and the layer of its dependencies, against a plain build with boto3."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.costs.figures import Figure
from benchmarks.costs.processes import FOLDER, PROJECT, ProgramError
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
    own = _zipped(staged)
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
        f"{own.stat().st_size / 1e6:.2f} MB; "
        + ", ".join(f"{name} {size:.1f}" for name, size in largest.items()),
        COMMAND,
        {"layer": layer.stat().st_size, "app": own.stat().st_size, "unzipped": unzipped, "inside": largest},
    )


def _zipped(staged: Path) -> Path:
    path = FOLDER / "app.zip"
    names = [staged / "app.py", *sorted((staged / "chalicelib").rglob("*"))]
    if not names[0].exists():
        raise ProgramError(f"{PROJECT} has no app.py")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name in names:
            package.write(name, name.relative_to(staged))
    return path
