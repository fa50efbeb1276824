"""The parts of a drawing: boxes, the corners of edges, names in lines. Pure; lengths in SVG units."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from local.console.graph import Edge

NODE_WIDTH, NODE_HEIGHT = 140, 60
GAP_X, GAP_Y = 18, 36
LANE = 14
HEAD, PADDING = 30, 14
_LINE_LETTERS = 15
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|[^A-Za-z0-9]+|[A-Z]+")


type Point = tuple[float, float]


@dataclass
class Box:
    """A state's place: its left upper corner and its size."""

    name: str
    width: float
    height: float
    x: float = 0
    y: float = 0

    @property
    def centre(self) -> float:
        return self.x + self.width / 2

    @property
    def middle(self) -> float:
        return self.y + self.height / 2

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height


@dataclass
class Drawing:
    """Boxes by state, the corners that each edge runs through, and the size of all."""

    boxes: dict[str, Box] = field(default_factory=dict)
    routes: list[tuple[Edge, list[Point]]] = field(default_factory=list)
    width: float = 0
    height: float = 0


def wrapped(name: str) -> list[str]:
    """A name in lines that fit into a box, broken between its words."""
    lines = [""]
    for word in _WORD.findall(name):
        if lines[-1] and len(lines[-1]) + len(word) > _LINE_LETTERS:
            lines.append("")
        lines[-1] += word
    if len(lines) > 2:
        lines = [lines[0], "".join(lines[1:])]
    return [line if len(line) <= _LINE_LETTERS + 3 else f"{line[: _LINE_LETTERS + 2]}…" for line in lines]


def depths(names: Sequence[str], edges: Iterable[Edge]) -> dict[str, int]:
    """The longest way to each name, from those that none of the edges leads to; ways back don't count."""
    onward: dict[str, list[str]] = defaultdict(list)
    for edge in edges:
        onward[edge.source].append(edge.target)
    depth = dict.fromkeys(names, 0)

    def go(name: str, trail: tuple[str, ...]) -> None:
        for target in onward[name]:
            if target not in trail and depth[target] <= depth[name]:
                depth[target] = depth[name] + 1
                go(target, (*trail, target))

    entered = {target for targets in onward.values() for target in targets}
    for name in [name for name in names if name not in entered] or names[:1]:
        go(name, (name,))
    return depth


def entry(target: Box, lane: float, *, beside_lanes: bool) -> list[Point]:
    """From a lane into a state: by its side where it stands beside the lanes, else from above."""
    if beside_lanes:
        return [(lane, target.middle), (target.x, target.middle)]
    above = target.y - GAP_Y / 2
    return [(lane, above), (target.centre, above), (target.centre, target.y)]


def spread(number: int) -> float:
    return (0, 12, -12, 20, -20)[number % 5]


def straightened(points: Sequence[Point]) -> list[Point]:
    """Without corners that are none."""
    kept = [points[0]]
    for before, point, after in zip(points, points[1:], points[2:], strict=False):
        if point != before and not (before[0] == point[0] == after[0] or before[1] == point[1] == after[1]):
            kept.append(point)
    return [*kept, points[-1]]
