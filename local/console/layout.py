"""Where each state is drawn, and how the edges run between them. Pure; all lengths in SVG units.

The good way, from the start by Next and Default, is a column that goes down. All other states stand to its
right, in rows by their distance from that column. Edges that leave the column run along a lane for each
target, so that the many ways to an undoing are drawn as one line which each of its sources joins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from local.console.drawing import (
    GAP_X,
    GAP_Y,
    HEAD,
    LANE,
    NODE_HEIGHT,
    NODE_WIDTH,
    PADDING,
    Box,
    Drawing,
    depths,
    entry,
    spread,
    straightened,
    wrapped,
)
from local.console.graph import Edge, Graph, Machine, graph_of


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
        left = loops * LANE
        spine_width = max(boxes[name].width for name in column)
        lanes_at = left + spine_width + GAP_X
        side_at = lanes_at + (len(targets) * LANE + GAP_X if targets else 0)
        y = 0.0
        for level in range(levels):
            here = [column[level]] if level < len(column) else []
            height = max(boxes[name].height for name in here + by_level[level])
            for name in here:
                boxes[name].x, boxes[name].y = left + (spine_width - boxes[name].width) / 2, y
            x = side_at
            for name in by_level[level]:
                boxes[name].x, boxes[name].y = x, y
                x += boxes[name].width + GAP_X
            y += height + GAP_Y
        drawing = Drawing(boxes)
        lanes = {name: lanes_at + number * LANE for number, name in enumerate(targets)}
        self._route(drawing, column, rows, lanes, left)
        outermost = max(x for _, points in drawing.routes for x, _ in points) if drawing.routes else 0
        drawing.width = max(outermost + 2, *(box.right for box in boxes.values()))
        drawing.height = y - GAP_Y
        self._place_branches(drawing)
        return drawing

    def _box(self, name: str) -> Box:
        branches = self._graph.branches.get(name)
        if branches is None:
            return Box(name, NODE_WIDTH, NODE_HEIGHT)
        drawings = [_Stack(self._graph, branch).draw() for branch in branches]
        self._inner[name] = drawings
        width = sum(drawing.width for drawing in drawings) + GAP_X * (len(drawings) - 1) + 2 * PADDING
        height = max(drawing.height for drawing in drawings) + HEAD + PADDING
        return Box(name, width, height)

    def _place_branches(self, drawing: Drawing) -> None:
        for name, inner in self._inner.items():
            box = drawing.boxes[name]
            x, y = box.x + PADDING, box.y + HEAD
            for branch in inner:
                for within in branch.boxes.values():
                    within.x, within.y = within.x + x, within.y + y
                drawing.boxes |= branch.boxes
                moved = [(edge, [(px + x, py + y) for px, py in points]) for edge, points in branch.routes]
                drawing.routes += moved
                x += branch.width + GAP_X

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
        depth = depths(outside, inside)
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
        boxes, outer, loop = drawing.boxes, max(box.right for box in drawing.boxes.values()) + LANE, left
        outside: dict[str, float] = {}
        leaving: dict[str, int] = defaultdict(int)
        for edge in self._edges:
            source, target = boxes[edge.source], boxes[edge.target]
            if self._goes_up(edge, column):
                loop -= LANE
                points = [
                    (source.x, source.middle),
                    (loop, source.middle),
                    (loop, target.middle),
                    (target.x, target.middle),
                ]
            elif edge.target in lanes and self._takes_lane(edge, rows):
                lane = lanes[edge.target]
                # Several ways out of one state leave it one below the other.
                out = source.middle + spread(leaving[edge.source])
                leaving[edge.source] += 1
                start = source.right if edge.source in column else source.x
                first = all(box.x >= target.x for box in boxes.values() if box.y == target.y and box.x > lane)
                points = [(start, out), (lane, out), *entry(target, lane, beside_lanes=first)]
            elif edge.target in column or rows[edge.target] == rows.get(edge.source, -9) + 1:
                between = target.y - GAP_Y / 2
                points = [
                    (source.centre, source.bottom),
                    (source.centre, between),
                    (target.centre, between),
                    (target.centre, target.y),
                ]
            else:
                lane = outside.setdefault(edge.target, outer + len(outside) * LANE)
                out = source.middle
                points = [
                    (source.right, out),
                    (lane, out),
                    (lane, target.middle),
                    (target.right, target.middle),
                ]
            drawing.routes.append((edge, straightened(points)))


class _Stack:
    """Draws a branch of a Parallel state: its states one below the other."""

    def __init__(self, graph: Graph, machine: Machine) -> None:
        self._graph, self._machine = graph, machine

    def draw(self) -> Drawing:
        names = set(self._machine["States"])
        edges = [edge for edge in self._graph.edges if edge.source in names]
        depth = depths(list(self._machine["States"]), edges)
        drafter = _Drafter(self._graph, self._machine)
        drawing, y = Drawing(), 0.0
        for name in sorted(names, key=lambda name: (depth[name], name)):
            box = drafter._box(name)
            box.y = y
            drawing.boxes[name] = box
            y += box.height + GAP_Y - 8
        drawing.width = max(box.width for box in drawing.boxes.values())
        drawing.height = y - GAP_Y + 8
        for edge in edges:
            source, target = drawing.boxes[edge.source], drawing.boxes[edge.target]
            points = [(source.centre, source.bottom), (target.centre, target.y)]
            drawing.routes.append((edge, points))
        drafter._place_branches(drawing)
        return drawing


def _enters(edge: Edge, name: str, column: Sequence[str]) -> bool:
    return edge.target == name and edge.source in column


def _ordered(names: Iterable[str], rows: Mapping[str, int]) -> list[str]:
    """Lanes of the higher targets first, as they end there."""
    return sorted(names, key=lambda name: (rows[name], name))
