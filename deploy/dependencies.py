"""The layer of dependencies: built by Chalice's own packager, and looked at before it is deployed."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

from chalice.deploy.packager import (
    DependencyBuilder,
    EmptyPackageError,
    LayerDeploymentPackager,
    NoSuchPackageError,
    PackageDownloadError,
    UnsupportedPackageError,
)
from chalice.utils import UI, OSUtils

from deploy.errors import PackageError
from deploy.progress import Progress
from deploy.pruning import prune

MISSING = "Could not install dependencies"
# Lambda's limit for a zip that is sent with the request (bytes).
MAX_ZIP = 50 * 1024 * 1024

_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}


def build_dependencies(project_dir: Path, architecture: str, progress: Progress) -> Path:
    """Build the zip that `chalice deploy` will use, or find it built already; return its path.

    It holds what runs of the dependencies (`deploy.pruning`), under the name that Chalice looks for.

    Chalice prints a note and goes on when a dependency has no wheel for Lambda, and compiles Pillow
    against this machine's libraries when it can; it then keeps the broken zip for the next time. So the
    zip is made and checked here, before any function gets it, and a broken one is removed.

    Parameters
    ----------
    architecture
        `x86_64` or `arm64`.

    Raises
    ------
    PackageError
        If the zip wouldn't run in Lambda.
    """
    said = io.StringIO()
    system = OSUtils()
    packager = LayerDeploymentPackager(
        system,
        DependencyBuilder(system, architecture=architecture),
        UI(out=said, err=said),
        architecture,
    )
    runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
    _remove_half_written(project_dir / ".chalice" / "deployments")
    try:
        path = Path(packager.create_deployment_package(str(project_dir), runtime))
    except EmptyPackageError as error:
        raise PackageError("requirements.txt names no dependency; the functions need some.") from error
    except (NoSuchPackageError, PackageDownloadError, UnsupportedPackageError) as error:
        raise PackageError(f"pip couldn't get what requirements.txt names: {error}") from error
    try:
        if MISSING in said.getvalue():
            # Chalice lists them a line each, then advises over several.
            missing = said.getvalue().partition(f"{MISSING}:\n")[2].partition("\nYou will")[0].split()
            raise PackageError(
                f"No wheel for Lambda ({runtime}, {architecture}) was found for {', '.join(missing)}. Update "
                "pip (`python -m pip install -U pip`), or choose a version that has one."
            )
        check_package(path, runtime, architecture)
        prune(path, _packages(runtime))
    except PackageError:
        path.unlink(missing_ok=True)
        raise
    progress.detail(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, for {runtime} on {architecture}")
    return path


def _remove_half_written(directory: Path) -> None:
    """Remove what a killed deployment left: Chalice would take it for a finished package for ever."""
    for path in directory.glob("*.zip"):
        if not zipfile.is_zipfile(path):
            path.unlink()


def _packages(runtime: str) -> str:
    return f"python/lib/{runtime}/site-packages/"


def check_package(path: Path, runtime: str, architecture: str) -> None:
    """Raise a PackageError unless the zip holds what Lambda needs to run the functions.

    Parameters
    ----------
    runtime
        Lambda's name for it, `python3.13` say.
    """
    with zipfile.ZipFile(path) as package:
        names = package.namelist()
    if path.stat().st_size > MAX_ZIP:
        raise PackageError(f"{path} is larger than Lambda takes ({MAX_ZIP // 1024**2} MB).")
    prefix = _packages(runtime)
    inside = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
    version = runtime.removeprefix("python").replace(".", "")
    extension = f"PIL/_imaging.cpython-{version}-{_MACHINES[architecture]}"
    if not any(name.startswith(extension) for name in inside):
        raise PackageError(
            f"Pillow in {path.name} isn't built for {runtime} on {architecture}: {extension}*.so is missing."
        )
    if not any(name.startswith("pillow.libs/") for name in inside):
        raise PackageError(
            f"Pillow in {path.name} was compiled on this machine: its libraries (pillow.libs/) are missing, "
            "and Lambda doesn't have them. Update pip (`python -m pip install -U pip`), so that it finds "
            "the wheel."
        )
    if not any(name.startswith("aws_lambda_powertools/") for name in inside):
        raise PackageError(f"{path.name} holds no aws_lambda_powertools: is it in requirements.txt?")
