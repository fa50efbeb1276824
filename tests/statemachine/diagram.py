"""Draws the state machine as a Mermaid diagram, and puts it into statemachine/README.md.

    python -m tests.statemachine.diagram

The good way goes down; edges of a Catch are named after what they catch, those of a Choice after its rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tests.asl.errors import ALL
from tests.statemachine.definitions import ROOT, rider_photo_processing

type State = Mapping[str, Any]

README: Final = ROOT / "statemachine" / "README.md"
START: Final = "```mermaid\n"
END: Final = "```\n"
_INDENT: Final = "    "


def mermaid(definition: Mapping[str, Any]) -> str:
    """The definition as a Mermaid stateDiagram, a line an edge."""
    return "\n".join(["stateDiagram-v2", *(_INDENT + line for line in _machine(definition))]) + "\n"


def refreshed(readme: str, diagram: str) -> str:
    """The README with this diagram in the place of its first.

    Raises
    ------
    ValueError
        If it has none.
    """
    start = readme.index(START) + len(START)
    return readme[:start] + diagram + readme[readme.index(END, start) :]


def _machine(machine: Mapping[str, Any]) -> Iterator[str]:
    yield f"[*] --> {machine['StartAt']}"
    for name, state in machine["States"].items():
        if state["Type"] == "Choice":
            yield f"state {name} <<choice>>"
        if state["Type"] == "Parallel":
            yield from _parallel(name, state)
        yield from (f"{name} --> {target}{_label(words)}" for target, words in _edges(state))


def _parallel(name: str, state: State) -> Iterator[str]:
    yield f"state {name} {{"
    for number, branch in enumerate(state["Branches"]):
        if number:
            yield f"{_INDENT}--"
        yield from (_INDENT + line for line in _machine(branch))
    yield "}"


def _edges(state: State) -> Iterator[tuple[str, str]]:
    """(target, what leads there) in the order of the definition, those of a Choice first."""
    for rule in state.get("Choices", ()):
        yield rule["Next"], _rule(rule)
    if "Default" in state:
        yield state["Default"], "otherwise"
    if "Next" in state:
        yield state["Next"], ""
    catchers = state.get("Catch", [])
    for catcher in catchers:
        if catcher["Next"] != state.get("Next"):
            names = " or ".join(name.removesuffix("Error") for name in catcher["ErrorEquals"])
            yield (
                catcher["Next"],
                names.replace(ALL, "any failure" if catchers[1:] == [] else "any other failure"),
            )
    if state.get("End") or state["Type"] in {"Succeed", "Fail"}:
        yield "[*]", "fails" if state["Type"] == "Fail" else ""


def _rule(rule: State) -> str:
    if "StringEquals" in rule:
        return str(rule["StringEquals"])
    branch, _, field = rule["Variable"].removeprefix("$.parallelResult[").partition("].")
    return f"branch {int(branch) + 1} has {field}"


def _label(words: str) -> str:
    return f" : {words}" if words else ""


def main(readme: Path = README) -> None:
    """Put the diagram of the definition as it stands into the README."""
    readme.write_text(refreshed(readme.read_text(), mermaid(rider_photo_processing())))


if __name__ == "__main__":
    main()
