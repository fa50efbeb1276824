"""Code and layers of Python functions are unpacked once, and not for each worker.

Upstream unpacks them (24 MB of layer here) into a directory of the worker's own, where Python then has to
compile every module anew. All workers with the same package now have a link to one copy of it, which a
function must not write to: at AWS it cannot.
"""

import functools
import hashlib
import tempfile
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from local.emulator import upstream

_NAME = "lambda_packages"
_unpacking = threading.Lock()
_start = threading.local()


class _SharedZip(zipfile.ZipFile):
    """A ZipFile that unpacks into one directory for all that have the same bytes."""

    def extractall(self, path: Any = None, members: Any = None, pwd: bytes | None = None) -> None:
        """Make `path`, an empty directory, a link to where this file is unpacked."""
        if not getattr(_start, "of_python", False):
            super().extractall(path, members, pwd)
            return
        assert self.filename is not None
        with Path(self.filename).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        shared = Path(tempfile.gettempdir()) / "packages" / digest
        with _unpacking:
            if not shared.exists():
                shared.parent.mkdir(exist_ok=True)
                unfinished = tempfile.mkdtemp(dir=shared.parent)
                super().extractall(unfinished)
                Path(unfinished).rename(shared)
        Path(path).rmdir()
        Path(path).symlink_to(shared, target_is_directory=True)


def install() -> None:
    """Give the start of workers a ZipFile that unpacks once."""
    runtime = upstream.module(_NAME, "core.lambda_runtime")
    worker = upstream.attribute(_NAME, runtime, "Worker")
    spawn = upstream.function(_NAME, worker, "_spawn", "self")
    library = upstream.attribute(_NAME, runtime, "zipfile")

    @functools.wraps(spawn)
    def spawn_sharing(self: Any) -> None:
        # For other languages upstream writes into the directories.
        _start.of_python = str(self.config.get("Runtime", "")).startswith("python")
        try:
            spawn(self)
        finally:
            _start.of_python = False

    worker._spawn = spawn_sharing
    runtime.zipfile = SimpleNamespace(**{**vars(library), "ZipFile": _SharedZip})
