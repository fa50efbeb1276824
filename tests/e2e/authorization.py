"""What the embedded AWS decided on the calls of the functions, each made as its role."""

from __future__ import annotations

import json
from pathlib import Path


def assert_authorized(log: Path) -> None:
    """Nothing that a function called since the start was refused."""
    if not log.exists():
        return  # no test invoked a function
    decisions = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    refused = {(made["role"], made["action"], made["resource"]) for made in decisions if not made["allowed"]}
    assert not refused
