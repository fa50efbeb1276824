"""Reading a definition, and refusing one that the interpreter would misunderstand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.asl import choices, payloads
from tests.asl.errors import ALL, UnsupportedDefinitionError
from tests.asl.paths import steps_of

type State = Mapping[str, Any]
type Machine = Mapping[str, Any]

_SUBSTITUTION: Final = re.compile(r"\$\{(\w+)\}")
_IN_AND_OUT: Final = {"Type", "Comment", "InputPath", "OutputPath"}
_FLOW: Final = {"Next", "End"}
_RESULT: Final = {"Parameters", "ResultSelector", "ResultPath", "Retry", "Catch"}
_FIELDS: Final[Mapping[str, set[str]]] = {
    "Task": _IN_AND_OUT | _FLOW | _RESULT | {"Resource", "TimeoutSeconds"},
    "Parallel": _IN_AND_OUT | _FLOW | _RESULT | {"Branches"},
    "Pass": _IN_AND_OUT | _FLOW | {"Parameters", "Result", "ResultPath"},
    "Choice": _IN_AND_OUT | {"Choices", "Default"},
    "Wait": _IN_AND_OUT | _FLOW | {"Seconds", "SecondsPath"},
    "Succeed": _IN_AND_OUT,
    "Fail": {"Type", "Comment", "Error", "Cause", "ErrorPath", "CausePath"},
}
_MACHINE_FIELDS: Final = {"Comment", "StartAt", "States", "TimeoutSeconds", "Version"}
_RETRIER_FIELDS: Final = {
    *("ErrorEquals", "IntervalSeconds", "MaxAttempts"),
    *("BackoffRate", "MaxDelaySeconds", "JitterStrategy", "Comment"),
}
_CATCHER_FIELDS: Final = {"ErrorEquals", "ResultPath", "Next", "Comment"}
_PATH_FIELDS: Final = ("InputPath", "OutputPath", "SecondsPath", "ErrorPath", "CausePath")


def load(text: str, substitutions: Mapping[str, str]) -> dict[str, Any]:
    """Read a definition and make its substitutions, as CloudFormation's DefinitionSubstitutions does.

    Raises
    ------
    KeyError
        For a `${Name}` without a value.
    """
    definition: dict[str, Any] = json.loads(_SUBSTITUTION.sub(lambda match: substitutions[match[1]], text))
    return definition


def substitutions_in(text: str) -> set[str]:
    """The names of all `${Name}` in a definition."""
    return set(_SUBSTITUTION.findall(text))


def every_state(machine: Machine) -> Iterator[tuple[str, State]]:
    """(name, state) of the machine and of all branches within."""
    for name, state in machine["States"].items():
        yield name, state
        for branch in state.get("Branches", ()):
            yield from every_state(branch)


def next_states(state: State) -> list[str]:
    """All states that may come after this one."""
    names = [state.get("Next"), state.get("Default")]
    names += [rule["Next"] for rule in state.get("Choices", ())]
    names += [catcher["Next"] for catcher in state.get("Catch", ())]
    return list(dict.fromkeys(name for name in names if name is not None))


def reachable(machine: Machine) -> set[str]:
    """The states of this level that a run can reach from StartAt."""
    found: set[str] = set()
    waiting = [machine["StartAt"]]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += next_states(machine["States"][name])
    return found


def check_definition(definition: Machine) -> None:
    """Refuse what is invalid, and what this interpreter does not know.

    Raises
    ------
    UnsupportedDefinitionError
        Naming the state and the field.
    """
    _check_machine(definition, "the state machine")
    names = [name for name, _ in every_state(definition)]
    twice = {name for name in names if names.count(name) > 1}
    _require(not twice, f"names must be unique, also across branches: {sorted(twice)}")


def _check_machine(machine: Machine, what: str) -> None:
    _require_known(machine, _MACHINE_FIELDS, what)
    states = machine["States"]
    _require(machine.get("StartAt") in states, f"{what} has no state {machine.get('StartAt')!r} to start at")
    for name, state in states.items():
        _check_state(name, state, states)
    unreachable = sorted(set(states) - reachable(machine))
    _require(not unreachable, f"nothing leads to {unreachable}")


def _check_state(name: str, state: State, states: Mapping[str, State]) -> None:
    kind = state.get("Type", "")
    _require(kind in _FIELDS, f"{name} has the unknown type {kind!r}")
    _require_known(state, _FIELDS[kind], name)
    for following in next_states(state):
        _require(following in states, f"{name} leads to {following!r}, which is not there")
    if _FIELDS[kind] >= _FLOW:
        _require(("Next" in state) != (state.get("End") is True), f"{name} needs either Next or End")
    for field in _PATH_FIELDS:
        if state.get(field) is not None:
            steps_of(state[field])
    _check_result_path(name, state)
    for field in ("Parameters", "ResultSelector"):
        for path in payloads.paths_in(state.get(field)):
            steps_of(path)
    for rule in state.get("Choices", ()):
        choices.check_rule(rule)
    _require(kind != "Parallel" or bool(state.get("Branches")), f"{name} has no Branches")
    for branch in state.get("Branches", ()):
        _check_machine(branch, f"a branch of {name}")
    _check_handlers(name, "Retry", state.get("Retry", []), _RETRIER_FIELDS)
    _check_handlers(name, "Catch", state.get("Catch", []), _CATCHER_FIELDS)


def _check_handlers(name: str, field: str, handlers: list[Mapping[str, Any]], known: set[str]) -> None:
    for position, handler in enumerate(handlers):
        _require_known(handler, known, f"{field} of {name}")
        names = handler.get("ErrorEquals")
        _require(isinstance(names, list) and bool(names), f"{field} of {name} needs ErrorEquals")
        if ALL in handler["ErrorEquals"]:
            alone_and_last = handler["ErrorEquals"] == [ALL] and position == len(handlers) - 1
            _require(alone_and_last, f"{ALL} must stand alone, and last, in {field} of {name}")
        _check_result_path(f"{field} of {name}", handler)


def _check_result_path(what: str, value: Mapping[str, Any]) -> None:
    path = value.get("ResultPath")
    if path is not None:
        plain = not path.startswith("$$") and all(isinstance(step, str) for step in steps_of(path))
        _require(plain, f"{what} has a ResultPath that no result can be put to: {path!r}")


def _require_known(value: Mapping[str, Any], known: set[str], what: str) -> None:
    unknown = sorted(set(value) - known)
    _require(not unknown, f"{what} has fields that this interpreter does not know: {unknown}")


def _require(condition: bool, problem: str) -> None:
    if not condition:
        raise UnsupportedDefinitionError(problem)
