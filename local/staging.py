"""The copy of the app that is deployed, so that no tracked file changes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from local.places import PROJECT

_FILES = ("app.py", "requirements.txt")
_DIRECTORIES = ("chalicelib", "statemachine")
_OPTIONAL_DIRECTORIES = ("vendor",)
_CONFIG = Path(".chalice/config.json")
_PACKAGES = Path(".chalice/deployments")
# Nothing here has a quota, so no upload waits for a turn: its steps wait for the processor.
_UNPACED = {"ADMISSIONS_PER_SECOND": "1000", "ADMISSION_BURST": "100000"}
# Chalice's name for the zip of the dependencies: it holds a digest of requirements.txt and vendor/.
_DEPENDENCIES = "managed-layer-*.zip"


def stage_app(directory: Path, package_cache: Path, source: Path = PROJECT) -> None:
    """Copy what `chalice deploy` needs into `directory`, which is made anew.

    Parameters
    ----------
    package_cache
        Where `keep_packages` put the dependencies that an earlier deployment built.
    source
        The project.
    """
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for name in _FILES:
        shutil.copy2(source / name, directory / name)
    for name in (*_DIRECTORIES, *_OPTIONAL_DIRECTORIES):
        if name in _DIRECTORIES or (source / name).is_dir():
            shutil.copytree(source / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
    config = json.loads((source / _CONFIG).read_text())
    # Stages of the user's own are none of ours.
    block = config.get("stages", {}).get("local", {})
    block["environment_variables"] = _UNPACED | block.get("environment_variables", {})
    config["stages"] = {"local": block}
    packages = directory / _PACKAGES
    packages.mkdir(parents=True)
    (directory / _CONFIG).write_text(json.dumps(config, indent=2) + "\n")
    for package in package_cache.glob(_DEPENDENCIES):
        shutil.copy2(package, packages / package.name)


def keep_packages(directory: Path, package_cache: Path) -> None:
    """Keep the dependencies that the deployment from `directory` built."""
    package_cache.mkdir(parents=True, exist_ok=True)
    built = {package.name: package for package in (directory / _PACKAGES).glob(_DEPENDENCIES)}
    for name, package in built.items():
        kept = package_cache / name
        # The name says what it was built of, not what of that is left out.
        if not kept.exists() or kept.stat().st_size != package.stat().st_size:
            unfinished = package_cache / f".{name}.{directory.parent.name}"
            shutil.copy2(package, unfinished)
            unfinished.replace(kept)


def api_stage(directory: Path) -> str:
    """The API's own stage, as Chalice is configured."""
    config = json.loads((directory / _CONFIG).read_text())
    return str(config.get("api_gateway_stage", "api"))
