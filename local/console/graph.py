"""The states of a definition, and the ways between them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

type Machine = Mapping[str, Any]


@dataclass(frozen=True)
class State:
    """A state of a machine or of a Parallel state's branch.

    Attributes
    ----------
    parent, branch
        The Parallel state it is in, and in which of its branches; None and 0 at the top.
    ends
        Whether the machine, or the branch, may end with it.
    """

    name: str
    type: str
    comment: str
    resource: str
    parent: str | None
    branch: int
    ends: bool


@dataclass(frozen=True)
class Edge:
    """A way from one state to another.

    Attributes
    ----------
    kind
        next, choice, default or catch.
    label
        What leads there: a rule, or the errors that are caught.
    """

    source: str
    target: str
    kind: str
    label: str


@dataclass(frozen=True)
class Graph:
    """All states, those of branches too, each after its parent; and all edges."""

    start: str
    states: tuple[State, ...]
    edges: tuple[Edge, ...]
    branches: Mapping[str, tuple[Machine, ...]]


def graph_of(definition: Machine) -> Graph:
    """The graph of a definition in the Amazon States Language."""
    states: list[State] = []
    edges: list[Edge] = []
    branches: dict[str, tuple[Machine, ...]] = {}
    _read(definition, None, 0, states, edges, branches)
    return Graph(definition["StartAt"], tuple(states), tuple(edges), branches)


def _read(
    machine: Machine,
    parent: str | None,
    branch: int,
    states: list[State],
    edges: list[Edge],
    branches: dict[str, tuple[Machine, ...]],
) -> None:
    for name, state in machine["States"].items():
        kind = state["Type"]
        ends = bool(state.get("End")) or kind in {"Succeed", "Fail"}
        resource = _resource(state)
        states.append(State(name, kind, state.get("Comment", ""), resource, parent, branch, ends))
        edges += _edges(name, state)
        inner = tuple(state.get("Branches", ()))
        processor = state.get("ItemProcessor") or state.get("Iterator")
        if processor:
            inner = (processor,)
        if inner:
            branches[name] = inner
        for number, within in enumerate(inner):
            _read(within, name, number, states, edges, branches)


def _edges(name: str, state: Machine) -> Iterator[Edge]:
    """Each target of a state once: what leads there first names the edge."""
    seen: set[str] = set()
    for edge in _all_edges(name, state):
        if edge.target not in seen:
            seen.add(edge.target)
            yield edge


def _all_edges(name: str, state: Machine) -> Iterator[Edge]:
    if "Next" in state:
        yield Edge(name, state["Next"], "next", "")
    for rule in state.get("Choices", ()):
        yield Edge(name, rule["Next"], "choice", _rule(rule))
    if "Default" in state:
        yield Edge(name, state["Default"], "default", "otherwise")
    for catcher in state.get("Catch", ()):
        errors = [error.removesuffix("Error") for error in catcher["ErrorEquals"]]
        yield Edge(name, catcher["Next"], "catch", ", ".join(errors).replace("States.ALL", "any failure"))


def _rule(rule: Machine) -> str:
    """A comparison in a few words; of And, Or and Not only that there are several."""
    variable = str(rule.get("Variable", "")).rpartition(".")[2]
    for name, value in rule.items():
        if name == "IsPresent":
            return f"{variable} {'present' if value else 'absent'}"
        if name not in {"Variable", "Next", "Comment"} and not isinstance(value, dict | list):
            return str(value)
    return "rule"


def _resource(state: Machine) -> str:
    """Which function or service a task calls."""
    function = str(state.get("Parameters", {}).get("FunctionName", ""))
    return function.rpartition(":")[2] or str(state.get("Resource", "")).rpartition(":::")[2]
