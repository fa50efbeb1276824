"""What a benchmark found: figures with what they were measured from, as JSON and as a table."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

# Of each figure: what it must reach, and whether less or more is better.
TARGETS: Final[dict[str, tuple[str, float]]] = {
    "thumbnail_vs_limit": ("<=", 1.5),
    "thumbnail_vs_vips": ("<=", 1.0),
    "thumbnail_vs_gm": ("<=", 0.2),
    "thumbnail_peak_mb": ("<=", 60.0),
    "import_vs_bare": ("<=", 1.3),
    "import_vs_eager": ("<=", 0.3),
    "first_invoke_vs_bare": ("<=", 1.15),
    "first_invoke_vs_boto3": ("<=", 1.6),
    "zip_mb": ("<=", 10.0),
    "burst100_vs_model": ("<=", 2.0),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Attributes
    ----------
    absolute
        The absolute figures behind it, as a person reads them.
    command
        What was run.
    raw
        What was measured, run by run.
    """

    name: str
    value: float
    absolute: str
    command: str
    raw: Any = None
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def reached(self) -> bool | None:
        """Whether it reaches its target; None where it has none."""
        target = TARGETS.get(self.name)
        return None if target is None else self.value <= target[1]

    def as_json(self) -> dict[str, Any]:
        """All of it, with its target."""
        target = TARGETS.get(self.name)
        content = asdict(self)
        del content["name"]
        return {**content, "target": " ".join(map(str, target)) if target else None, "reached": self.reached}


def write_results(figures: Iterable[Figure], path: Path, about: dict[str, Any]) -> None:
    """Put figures into the file of results; those of parts that were not run now stay as they are."""
    known = json.loads(path.read_text()) if path.exists() else {}
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    for figure in figures:
        known[figure.name] = {**figure.as_json(), "measuredAt": moment, "machine": about}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(known, indent=2) + "\n")


def table(figures: Iterable[Figure]) -> str:
    """A table in Markdown: the ratio first, absolute figures beside it."""
    lines = ["| figure | value | target | reached | absolute |", "|---|---|---|---|---|"]
    for figure in figures:
        target = TARGETS.get(figure.name)
        wanted = f"{target[0]} {target[1]:g}" if target else "–"
        reached = {True: "yes", False: "**no**", None: "–"}[figure.reached]
        lines.append(f"| {figure.name} | {figure.value:.3g} | {wanted} | {reached} | {figure.absolute} |")
    return "\n".join(lines)
