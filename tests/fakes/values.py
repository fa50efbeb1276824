"""DynamoDB's attribute values: how they compare and add up."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

type Value = Mapping[str, Any]


class ExpressionError(ValueError):
    """What DynamoDB answers as a ValidationException."""


def existing(value: Value | None) -> Value:
    """The value, which must be there."""
    if value is None:
        raise ExpressionError(
            "The provided expression refers to an attribute that does not exist in the item"
        )
    return value


def added(left: Value, right: Value, sign: str) -> Value:
    """Sum or difference of two numbers."""
    if "N" not in left or "N" not in right:
        raise ExpressionError("An operand in the update expression has an incorrect data type")
    one, other = Decimal(left["N"]), Decimal(right["N"])
    return {"N": str(one + other if sign == "+" else one - other)}


def begins_with(value: Value | None, start: Value | None) -> bool:
    """Whether a string begins with another; without one of them it does not."""
    return bool(value and start and value.get("S", "").startswith(start.get("S", "\0")))


def compare(left: Value | None, operator: str, right: Value | None) -> bool:
    """Compare two attribute values; a missing one is unequal to all, different types are never ordered."""
    if operator == "<>":
        return not compare(left, "=", right)
    if left is None or right is None:
        return False
    if operator == "=":
        return _comparable(left) == _comparable(right)
    (left_type, a), (right_type, b) = _comparable(left), _comparable(right)
    if left_type != right_type or left_type not in {"S", "N"}:
        return False
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operator]


def _comparable(value: Value) -> tuple[str, Any]:
    [(kind, content)] = value.items()
    if kind == "N":
        return kind, Decimal(content)
    return kind, content.encode() if kind == "S" else content
