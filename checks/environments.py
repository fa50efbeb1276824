"""Environments of the judges, made when first needed and anew when their pins change."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from checks.findings import JudgeError, ProgramMissingError

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent
_DIRECTORY: Final = ROOT / ".local" / "judges"
_NODE: Final = "node"


def python(name: str) -> Path:
    """The Python of the environment that has `requirements-{name}.txt`.

    Raises
    ------
    JudgeError
        If the packages cannot be installed.
    """
    pins = HERE / f"requirements-{name}.txt"
    directory, found = _DIRECTORY / name, _DIRECTORY / name / "bin" / "python"
    if _is_made(directory, pins):
        return found
    print(f"Installing {pins.relative_to(ROOT)} (once)", flush=True)
    shutil.rmtree(directory, ignore_errors=True)
    _install([sys.executable, "-m", "venv", str(directory)])
    quiet = ["--quiet", "--disable-pip-version-check", "--no-deps"]
    _install([str(found), "-m", "pip", "install", *quiet, "-r", str(pins)])
    _mark(directory, pins)
    return found


def node_program(name: str) -> list[str]:
    """The command that runs a program of `package-lock.json`.

    Raises
    ------
    ProgramMissingError
        If there is no node.
    JudgeError
        If the packages cannot be installed.
    """
    for needed in (_NODE, "npm"):
        if shutil.which(needed) is None:
            raise ProgramMissingError(
                f"{needed} is not installed (Debian: apt install nodejs npm; macOS: brew install node)"
            )
    pins, directory = HERE / "package-lock.json", _DIRECTORY / _NODE
    if not _is_made(directory, pins):
        print(f"Installing {pins.relative_to(ROOT)} (once)", flush=True)
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        for source in (pins, HERE / "package.json"):
            shutil.copy(source, directory)
        _install(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], directory)
        _mark(directory, pins)
    return [_NODE, str(directory / "node_modules" / ".bin" / name)]


def _is_made(directory: Path, pins: Path) -> bool:
    mark = directory / ".ready"
    return mark.exists() and mark.read_text() == _digest(pins)


def _mark(directory: Path, pins: Path) -> None:
    (directory / ".ready").write_text(_digest(pins))


def _digest(pins: Path) -> str:
    return hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()


def _install(command: list[str], directory: Path = ROOT) -> None:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        raise JudgeError(f"it cannot be installed: {done.stderr.strip()[-1000:]}")
