"""The table of the settings, from the dataclasses that hold them and what their docstrings say."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields

from chalicelib.rules import PhotoRules
from chalicelib.settings import Settings
from deploy.functions import ENVIRONMENT

# Set by boto3's own variables, which are not this app's.
NOT_BY_NAME = {"cognito_endpoint", "photo_rules"}


def meanings(documented: type) -> dict[str, str]:
    """What a NumPy docstring's "Attributes" say of each attribute; several may share one entry."""
    text = inspect.getdoc(documented) or ""
    section = text.partition("Attributes\n----------\n")[2]
    found = {}
    for names, meaning in re.findall(r"^(\w[\w, ]*)\n((?:    .*\n?)+)", section, re.MULTILINE):
        for name in names.split(", "):
            found[name] = " ".join(meaning.split())
    return found


def required_rows() -> Iterator[str]:
    """The settings without a default, and where `up` takes them from."""
    for name, output in ENVIRONMENT.items():
        yield f"| `{name}` | the stack's output `{output}` |"
    yield "| `SENDER` | `--sender`, or the last `up` |"


def optional_rows(documented: type) -> Iterator[str]:
    """The settings with a default, and what they mean."""
    said = meanings(documented)
    for field in fields(documented):
        if field.default is MISSING or field.name in NOT_BY_NAME:
            continue
        default = "" if field.default is None else f"`{str(field.default).lower()}`"
        if field.name == "quality_filter":
            default = f"`{field.default}`"
        yield f"| `{field.name.upper()}` | {default} | {said[field.name]} |"


def tables() -> str:
    """All of it, in Markdown."""
    return "\n".join(
        [
            "### What `up` sets",
            "",
            "| variable | from |",
            "|---|---|",
            *required_rows(),
            "",
            "### Yours to set",
            "",
            "| variable | default | |",
            "|---|---|---|",
            *optional_rows(Settings),
            "",
            "### The rules of a photo",
            "",
            "| variable | default | |",
            "|---|---|---|",
            *optional_rows(PhotoRules),
            "",
        ]
    )
