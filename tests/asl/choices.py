"""The rules of a Choice state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.asl import paths
from tests.asl.errors import StateError, UnsupportedDefinitionError

type Json = Any
type Rule = Mapping[str, Any]

# A value of another type is simply not equal.
_COMPARISONS: Final[Mapping[str, Callable[[Json, Json], bool]]] = {
    "StringEquals": lambda value, wanted: isinstance(value, str) and value == wanted,
    "BooleanEquals": lambda value, wanted: isinstance(value, bool) and value == wanted,
    "NumericEquals": lambda value, wanted: (
        isinstance(value, int | float) and not isinstance(value, bool) and value == wanted
    ),
    "IsNull": lambda value, wanted: (value is None) == wanted,
}


def chosen(state: Mapping[str, Any], data: Json, context: Json) -> str:
    """The state that comes next.

    Raises
    ------
    StateError
        States.NoChoiceMatched; States.Runtime if a rule compares a field that is not there.
    """
    for rule in state["Choices"]:
        if holds(rule, data, context):
            return str(rule["Next"])
    if "Default" in state:
        return str(state["Default"])
    raise StateError("States.NoChoiceMatched", "No rule of the Choice state matched and it has no Default.")


def holds(rule: Rule, data: Json, context: Json) -> bool:
    """Whether a rule matches; only IsPresent may look at a field that is not there."""
    if "And" in rule:
        return all(holds(part, data, context) for part in rule["And"])
    if "Or" in rule:
        return any(holds(part, data, context) for part in rule["Or"])
    if "Not" in rule:
        return not holds(rule["Not"], data, context)
    path = rule["Variable"]
    if "IsPresent" in rule:
        return paths.present(path, context if paths.is_context_path(path) else data) is rule["IsPresent"]
    comparison = _comparison(rule)
    return _COMPARISONS[comparison](paths.get(path, data, context), rule[comparison])


def check_rule(rule: Rule) -> None:
    """Refuse a rule that this module would misunderstand.

    Raises
    ------
    UnsupportedDefinitionError
        Naming the rule.
    """
    combined = [name for name in ("And", "Or", "Not") if name in rule]
    if combined:
        parts = [rule["Not"]] if combined == ["Not"] else rule[combined[0]]
        if set(rule) - {combined[0], "Next"} or not parts:
            raise UnsupportedDefinitionError(f"A rule combines nothing, or more than one thing: {rule}")
        for part in parts:
            check_rule(part)
        return
    if "Variable" not in rule:
        raise UnsupportedDefinitionError(f"A rule has no Variable: {rule}")
    paths.steps_of(rule["Variable"])
    if "IsPresent" not in rule:
        _comparison(rule)
    if len(set(rule) - {"Next", "Comment"}) != 2:
        raise UnsupportedDefinitionError(f"A rule needs exactly one comparison: {rule}")


def _comparison(rule: Rule) -> str:
    for name in _COMPARISONS:
        if name in rule:
            return name
    raise UnsupportedDefinitionError(f"This interpreter does not know the comparison of {rule}")
