"""The project's directory: what `up` reads there, and what it writes for Chalice."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.errors import CheckError
from deploy.functions import APP_NAME, ENVIRONMENT, FUNCTIONS, PAGE_URL, role_output
from deploy.pace import ADMITTING, BURST, PER_SECOND
from deploy.template import DEFINITION, OPERATIONS, RESOURCES

CONFIG = Path(".chalice/config.json")
NEEDED = (
    Path("app.py"),
    Path("chalicelib"),
    Path("requirements.txt"),
    CONFIG,
    RESOURCES,
    OPERATIONS,
    DEFINITION,
)

JsonObject = dict[str, Any]


class Project:
    """A copy of the project on this machine.

    Parameters
    ----------
    directory
        Where `app.py` is.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()

    def check_complete(self) -> None:
        """Raise a CheckError that names every file `up` would miss."""
        missing = [str(path) for path in NEEDED if not (self.directory / path).exists()]
        if missing:
            raise CheckError(
                f"{self.directory} is no complete copy of the project: {', '.join(missing)} missing. "
                "Run this in the project's directory, or name it with --project-dir."
            )
        name = self.config().get("app_name")
        if name != APP_NAME:
            raise CheckError(f"{CONFIG} has app_name {name!r}; names and roles are made for {APP_NAME!r}.")

    def config(self) -> JsonObject:
        """Chalice's configuration."""
        return _read_json(self.directory / CONFIG)

    def architecture(self, stage: str) -> str:
        """Lambda's architecture for this stage: `x86_64` or `arm64`."""
        config = self.config()
        block = config.get("stages", {}).get(stage, {})
        return str(block.get("lambda_architecture") or config.get("lambda_architecture") or "x86_64")

    def write_stage(
        self, stage: str, outputs: Mapping[str, str], sender: str, architecture: str | None
    ) -> None:
        """Write what the stack gave into the stage's block; all else in the file stays.

        Parameters
        ----------
        outputs
            The stack's.
        architecture
            Lambda's, or None to leave it as it is configured.
        """

        def change(stages: JsonObject) -> None:
            block = stages.setdefault(stage, {})
            variables = block.setdefault("environment_variables", {})
            variables.update({name: outputs[output] for name, output in ENVIRONMENT.items()})
            variables["SENDER"] = sender
            functions = block.setdefault("lambda_functions", {})
            for function in FUNCTIONS:
                functions.setdefault(function, {})["iam_role_arn"] = outputs[role_output(function)]
            if architecture is not None:
                block["lambda_architecture"] = architecture

        self._change_stages(change)

    def own_variables(self, stage: str) -> dict[str, str]:
        """What an operator has set for a stage's functions, or for those of all stages."""
        config = self.config()
        block = config.get("stages", {}).get(stage, {})
        return {**config.get("environment_variables", {}), **block.get("environment_variables", {})}

    def write_admission(self, stage: str, computed: Mapping[str, str]) -> None:
        """Write how uploads are started, for the functions that take turns.

        There, since a stage's own variables are the operator's: what is set among those is not in `computed`.
        """

        def change(stages: JsonObject) -> None:
            _forget_admission(stages[stage])
            for function in ADMITTING if computed else ():
                block = stages[stage]["lambda_functions"].setdefault(function, {})
                block.setdefault("environment_variables", {}).update(computed)

        self._change_stages(change)

    def write_page_url(self, stage: str, url: str) -> None:
        """Write where the riders' page is, once the API is known that serves it."""

        def change(stages: JsonObject) -> None:
            stages[stage]["environment_variables"][PAGE_URL] = url

        self._change_stages(change)

    def forget_stage(self, stage: str) -> None:
        """Take out what `write_stage` put in, and the record of what was deployed."""

        def change(stages: JsonObject) -> None:
            block = stages.get(stage)
            if block is None:
                return
            variables = block.get("environment_variables", {})
            for name in (*ENVIRONMENT, "SENDER", PAGE_URL):
                variables.pop(name, None)
            _forget_admission(block)
            functions = block.get("lambda_functions", {})
            for function in FUNCTIONS:
                functions.get(function, {}).pop("iam_role_arn", None)
                if function in functions and not functions[function]:
                    del functions[function]
            for name in ("environment_variables", "lambda_functions"):
                if name in block and not block[name]:
                    del block[name]
            block.pop("lambda_architecture", None)
            if not block:
                del stages[stage]

        if (self.directory / CONFIG).exists():
            self._change_stages(change)
        self._record_path(stage).unlink(missing_ok=True)

    def record(self, stage: str) -> JsonObject | None:
        """What Chalice noted of its last deployment from this copy, or None."""
        path = self._record_path(stage)
        return _read_json(path) if path.exists() else None

    def write_record(self, stage: str, record: JsonObject | None) -> None:
        """Replace Chalice's note; None removes it, as a note of another deployment would mislead it."""
        path = self._record_path(stage)
        if record is None:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_atomically(path, record)

    def remove_bytecode(self) -> None:
        """Remove `__pycache__` from what Chalice puts into the package: it takes every file it finds."""
        for directory in list((self.directory / "chalicelib").rglob("__pycache__")):
            shutil.rmtree(directory, ignore_errors=True)

    def _record_path(self, stage: str) -> Path:
        return self.directory / ".chalice" / "deployed" / f"{stage}.json"

    def _change_stages(self, change: Callable[[JsonObject], None]) -> None:
        path = self.directory / CONFIG
        with _locked(path.parent):
            config = _read_json(path)
            change(config.setdefault("stages", {}))
            _write_atomically(path, config)


def _forget_admission(block: JsonObject) -> None:
    for function in ADMITTING:
        settings = block.get("lambda_functions", {}).get(function, {})
        variables = settings.get("environment_variables", {})
        for name in (PER_SECOND, BURST):
            variables.pop(name, None)
        if not variables:
            settings.pop("environment_variables", None)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the directory against another deployment from the same copy, of another stage say."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read_json(path: Path) -> JsonObject:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckError(f"{path} is no valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise CheckError(f"{path} holds no JSON object.")
    return content


def _write_atomically(path: Path, content: JsonObject) -> None:
    """Write beside the file, then rename: whoever is killed leaves the old file or the new one."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        try:
            json.dump(content, file, indent=2, ensure_ascii=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
            Path(file.name).chmod(mode)
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
