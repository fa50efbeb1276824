"""Where each state is drawn, and how the edges run between them. Pure; all lengths in SVG units.

The good way, from the start by Next and Default, is a column that goes down. All other states stand to its
right, in rows by their distance from that column. Edges that leave the column run along a lane for each
target, so that the many ways to an undoing are drawn as one line which each of its sources joins.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.console.graph import Edge, Graph, Machine, graph_of

NODE_WIDTH, NODE_HEIGHT = 130, 60
_GAP_X, _GAP_Y = 18, 36
_LANE = 14
_HEAD, _PADDING = 30, 14
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


def draw(definition: Machine) -> dict[str, Any]:
    """The drawing of a definition, as JSON holds it: `width`, `height`, `states`, `edges`."""
    graph = graph_of(definition)
    drawing = _Drafter(graph, definition).draw()
    states = [
        {
            "name": state.name,
            "lines": wrapped(state.name),
            "type": state.type,
            "comment": state.comment,
            "resource": state.resource,
            "parent": state.parent,
            "ends": state.ends,
            "group": state.name in graph.branches,
            **_place(drawing.boxes[state.name]),
        }
        for state in graph.states
    ]
    edges = [
        {
            "source": edge.source,
            "target": edge.target,
            "kind": edge.kind,
            "label": edge.label,
            "points": points,
        }
        for edge, points in drawing.routes
    ]
    size = {"width": drawing.width, "height": drawing.height}
    return {"start": graph.start, **size, "states": states, "edges": edges}


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


def _place(box: Box) -> dict[str, float]:
    return {"x": box.x, "y": box.y, "width": box.width, "height": box.height}


class _Drafter:
    """Draws one machine; the branches of its Parallel states by drafters of their own."""

    def __init__(self, graph: Graph, machine: Machine) -> None:
        self._graph = graph
        self._machine = machine
        names = set(machine["States"])
        self._edges = [edge for edge in graph.edges if edge.source in names]
        self._inner: dict[str, list[Drawing]] = {}

    def draw(self) -> Drawing:
        """Place the main column, then the rows beside it, then the edges."""
        boxes = {name: self._box(name) for name in self._machine["States"]}
        column = self._main_column()
        rows = self._side_rows(column)
        levels = max(len(column), max(rows.values(), default=-1) + 1)
        by_level: dict[int, list[str]] = defaultdict(list)
        for name, level in rows.items():
            by_level[level].append(name)
        targets = _ordered({edge.target for edge in self._edges if self._takes_lane(edge, rows)}, rows)
        loops = sum(self._goes_up(edge, column) for edge in self._edges)
        left = loops * _LANE
        spine_width = max(boxes[name].width for name in column)
        lanes_at = left + spine_width + _GAP_X
        side_at = lanes_at + (len(targets) * _LANE + _GAP_X if targets else 0)
        y = 0.0
        for level in range(levels):
            here = [column[level]] if level < len(column) else []
            height = max(boxes[name].height for name in here + by_level[level])
            for name in here:
                boxes[name].x, boxes[name].y = left + (spine_width - boxes[name].width) / 2, y
            x = side_at
            for name in by_level[level]:
                boxes[name].x, boxes[name].y = x, y
                x += boxes[name].width + _GAP_X
            y += height + _GAP_Y
        drawing = Drawing(boxes)
        lanes = {name: lanes_at + number * _LANE for number, name in enumerate(targets)}
        self._route(drawing, column, rows, lanes, left)
        outermost = max(x for _, points in drawing.routes for x, _ in points) if drawing.routes else 0
        drawing.width = max(outermost + 2, *(box.right for box in boxes.values()))
        drawing.height = y - _GAP_Y
        self._place_branches(drawing)
        return drawing

    def _box(self, name: str) -> Box:
        branches = self._graph.branches.get(name)
        if branches is None:
            return Box(name, NODE_WIDTH, NODE_HEIGHT)
        drawings = [_Stack(self._graph, branch).draw() for branch in branches]
        self._inner[name] = drawings
        width = sum(drawing.width for drawing in drawings) + _GAP_X * (len(drawings) - 1) + 2 * _PADDING
        height = max(drawing.height for drawing in drawings) + _HEAD + _PADDING
        return Box(name, width, height)

    def _place_branches(self, drawing: Drawing) -> None:
        for name, inner in self._inner.items():
            box = drawing.boxes[name]
            x, y = box.x + _PADDING, box.y + _HEAD
            for branch in inner:
                for within in branch.boxes.values():
                    within.x, within.y = within.x + x, within.y + y
                drawing.boxes |= branch.boxes
                moved = [(edge, [(px + x, py + y) for px, py in points]) for edge, points in branch.routes]
                drawing.routes += moved
                x += branch.width + _GAP_X

    def _main_column(self) -> list[str]:
        """From the start by Next and Default, each state once."""
        ways = {edge.source: edge.target for edge in self._edges if edge.kind in {"next", "default"}}
        column = [self._machine["StartAt"]]
        while (following := ways.get(column[-1])) is not None and following not in column:
            column.append(following)
        return column

    def _side_rows(self, column: Sequence[str]) -> dict[str, int]:
        """The row of each state beside the column: the longest way there, not counting ways back."""
        outside = [name for name in self._machine["States"] if name not in column]
        inside = [edge for edge in self._edges if edge.source in outside and edge.target in outside]
        depth = _depths(outside, inside)
        entered_at = {
            name: min(
                (column.index(edge.source) for edge in self._edges if _enters(edge, name, column)), default=0
            )
            for name in outside
        }
        # The first of them stand beside the state that most directly leads to them and to nothing earlier.
        first = [name for name in outside if depth[name] == 0]
        offset = min((entered_at[name] for name in first), default=0)
        if max(depth.values(), default=0) + offset + 2 < len(column):
            offset += 1
        return {name: depth[name] + offset for name in sorted(outside, key=depth.__getitem__)}

    def _takes_lane(self, edge: Edge, rows: Mapping[str, int]) -> bool:
        """Whether an edge runs along the lanes between the column and what stands beside it."""
        if edge.target not in rows:
            return False
        return edge.source not in rows or rows[edge.target] <= rows[edge.source]

    def _goes_up(self, edge: Edge, column: Sequence[str]) -> bool:
        if edge.source not in column or edge.target not in column:
            return False
        return column.index(edge.target) != column.index(edge.source) + 1

    def _route(
        self,
        drawing: Drawing,
        column: Sequence[str],
        rows: Mapping[str, int],
        lanes: Mapping[str, float],
        left: float,
    ) -> None:
        boxes, outer, loop = drawing.boxes, max(box.right for box in drawing.boxes.values()) + _LANE, left
        outside: dict[str, float] = {}
        leaving: dict[str, int] = defaultdict(int)
        for edge in self._edges:
            source, target = boxes[edge.source], boxes[edge.target]
            if self._goes_up(edge, column):
                loop -= _LANE
                points = [
                    (source.x, source.middle),
                    (loop, source.middle),
                    (loop, target.middle),
                    (target.x, target.middle),
                ]
            elif edge.target in lanes and self._takes_lane(edge, rows):
                lane = lanes[edge.target]
                # Several ways out of one state leave it one below the other.
                out = source.middle + _spread(leaving[edge.source])
                leaving[edge.source] += 1
                start = source.right if edge.source in column else source.x
                first = all(box.x >= target.x for box in boxes.values() if box.y == target.y and box.x > lane)
                points = [(start, out), (lane, out), *_entry(target, lane, beside_lanes=first)]
            elif edge.target in column or rows[edge.target] == rows.get(edge.source, -9) + 1:
                between = target.y - _GAP_Y / 2
                points = [
                    (source.centre, source.bottom),
                    (source.centre, between),
                    (target.centre, between),
                    (target.centre, target.y),
                ]
            else:
                lane = outside.setdefault(edge.target, outer + len(outside) * _LANE)
                out = source.middle
                points = [
                    (source.right, out),
                    (lane, out),
                    (lane, target.middle),
                    (target.right, target.middle),
                ]
            drawing.routes.append((edge, _straightened(points)))


class _Stack:
    """Draws a branch of a Parallel state: its states one below the other."""

    def __init__(self, graph: Graph, machine: Machine) -> None:
        self._graph, self._machine = graph, machine

    def draw(self) -> Drawing:
        names = set(self._machine["States"])
        edges = [edge for edge in self._graph.edges if edge.source in names]
        depth = _depths(list(self._machine["States"]), edges)
        drafter = _Drafter(self._graph, self._machine)
        drawing, y = Drawing(), 0.0
        for name in sorted(names, key=lambda name: (depth[name], name)):
            box = drafter._box(name)
            box.y = y
            drawing.boxes[name] = box
            y += box.height + _GAP_Y - 8
        drawing.width = max(box.width for box in drawing.boxes.values())
        drawing.height = y - _GAP_Y + 8
        for edge in edges:
            source, target = drawing.boxes[edge.source], drawing.boxes[edge.target]
            points = [(source.centre, source.bottom), (target.centre, target.y)]
            drawing.routes.append((edge, points))
        drafter._place_branches(drawing)
        return drawing


def _depths(names: Sequence[str], edges: Iterable[Edge]) -> dict[str, int]:
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


def _enters(edge: Edge, name: str, column: Sequence[str]) -> bool:
    return edge.target == name and edge.source in column


def _ordered(names: Iterable[str], rows: Mapping[str, int]) -> list[str]:
    """Lanes of the higher targets first, as they end there."""
    return sorted(names, key=lambda name: (rows[name], name))


def _entry(target: Box, lane: float, *, beside_lanes: bool) -> list[Point]:
    """From a lane into a state: by its side where it stands beside the lanes, else from above."""
    if beside_lanes:
        return [(lane, target.middle), (target.x, target.middle)]
    above = target.y - _GAP_Y / 2
    return [(lane, above), (target.centre, above), (target.centre, target.y)]


def _spread(number: int) -> float:
    return (0, 12, -12, 20, -20)[number % 5]


def _straightened(points: Sequence[Point]) -> list[Point]:
    """Without corners that are none."""
    kept = [points[0]]
    for before, point, after in zip(points, points[1:], points[2:], strict=False):
        if point != before and not (before[0] == point[0] == after[0] or before[1] == point[1] == after[1]):
            kept.append(point)
    return [*kept, points[-1]]
