"""DynamoDB's expressions on the top level of an item: conditions, filters and updates.

Grammar and precedence as in the Amazon DynamoDB Developer Guide, "Condition and filter expressions" and
"Update expressions"; of the functions those that the app uses. Nested paths are refused, not misread.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

type Item = Mapping[str, Any]
type Value = Mapping[str, Any]

_TOKEN = re.compile(r"\s*(?:(<>|<=|>=|[=<>(),+\-])|([#:]?[A-Za-z_][A-Za-z0-9_]*)|(\S))")
_KEYWORDS = frozenset({"AND", "OR", "NOT", "IN", "BETWEEN", "SET", "REMOVE", "ADD", "DELETE"})
_RESERVED_WORDS = frozenset(
    Path(__file__).with_name("dynamodb_reserved_words.txt").read_text(encoding="ascii").split()
)


class ExpressionError(ValueError):
    """What DynamoDB answers as a ValidationException."""


class Placeholders:
    """ExpressionAttributeNames and -Values of one call, and which of them its expressions used."""

    def __init__(self, names: Mapping[str, str] | None, values: Mapping[str, Value] | None) -> None:
        self._names, self._values = dict(names or {}), dict(values or {})
        self._used: set[str] = set()

    def name(self, token: str) -> str:
        """The attribute's name behind a token of an expression."""
        if token.startswith("#"):
            return self._look_up(token, self._names, "name")
        if token.upper() in _RESERVED_WORDS:
            raise ExpressionError(f"Attribute name is a reserved keyword; reserved keyword: {token}")
        return token

    def value(self, token: str) -> Value:
        """The value behind a token of an expression."""
        return self._look_up(token, self._values, "value")

    def check_all_used(self) -> None:
        """Refuse placeholders that no expression mentions, as DynamoDB does."""
        unused = sorted({*self._names, *self._values} - self._used)
        if unused:
            raise ExpressionError(f"Value provided in ExpressionAttribute… unused in expressions: {unused}")

    def _look_up(self, token: str, known: Mapping[str, Any], what: str) -> Any:
        if token not in known:
            raise ExpressionError(
                f"An expression attribute {what} used in expression is not defined: {token}"
            )
        self._used.add(token)
        return known[token]


class _Parser:
    """Tokens of one expression, read from left to right."""

    def __init__(self, text: str, item: Item, placeholders: Placeholders) -> None:
        self._tokens: list[str] = []
        for operator, word, other in _TOKEN.findall(text):
            if other:
                raise ExpressionError(f"Invalid expression: syntax error at {other!r} in {text!r}")
            self._tokens.append(operator or word)
        self._position = 0
        self._text = text
        self._item = item
        self._placeholders = placeholders
        self.names: list[str] = []

    def peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def take(self) -> str:
        token = self.peek()
        if not token:
            raise ExpressionError(f"Invalid expression: ends too early: {self._text!r}")
        self._position += 1
        return token

    def accept(self, *tokens: str) -> str:
        """The next token in capitals if it is one of these, else an empty string."""
        token = self.peek().upper()
        if token and token in tokens:
            self._position += 1
            return token
        return ""

    def expect(self, token: str) -> None:
        if not self.accept(token):
            raise ExpressionError(
                f"Invalid expression: {token} expected, not {self.peek()!r}, in {self._text!r}"
            )

    def expect_end(self) -> None:
        if self.peek():
            raise ExpressionError(f"Invalid expression: syntax error at {self.peek()!r} in {self._text!r}")

    def path(self) -> str:
        token = self.take()
        if not re.match(r"[#A-Za-z_]", token) or token.upper() in _KEYWORDS:
            raise ExpressionError(f"Invalid expression: a name expected, not {token!r}, in {self._text!r}")
        name = self._placeholders.name(token)
        self.names.append(name)
        return name

    def operand(self) -> Value | None:
        """A value, or an attribute's, or None if the item has no such attribute."""
        if self.peek().startswith(":"):
            return self._placeholders.value(self.take())
        return self._item.get(self.path())


class Condition(_Parser):
    """A condition, filter or key condition, evaluated on an item while it is read.

    Both sides of AND and OR are always evaluated, so that every placeholder counts as used.
    """

    def evaluate(self) -> bool:
        result = self._or()
        self.expect_end()
        return result

    def _or(self) -> bool:
        result = self._and()
        while self.accept("OR"):
            result = self._and() or result
        return result

    def _and(self) -> bool:
        result = self._not()
        while self.accept("AND"):
            result = self._not() and result
        return result

    def _not(self) -> bool:
        if self.accept("NOT"):
            return not self._not()
        if self.accept("("):
            result = self._or()
            self.expect(")")
            return result
        return self._predicate()

    def _predicate(self) -> bool:
        function = self.accept("ATTRIBUTE_EXISTS", "ATTRIBUTE_NOT_EXISTS", "BEGINS_WITH")
        if function:
            self.expect("(")
            value = self._item.get(self.path())
            if function == "BEGINS_WITH":
                self.expect(",")
                start = self.operand()
            self.expect(")")
            if function == "BEGINS_WITH":
                return bool(value and start and value.get("S", "").startswith(start.get("S", "\0")))
            return (value is not None) == (function == "ATTRIBUTE_EXISTS")
        left = self.operand()
        if self.accept("IN"):
            self.expect("(")
            choices = [self.operand()]
            while self.accept(","):
                choices.append(self.operand())
            self.expect(")")
            return any(compare(left, "=", choice) for choice in choices)
        if self.accept("BETWEEN"):
            low = self.operand()
            self.expect("AND")
            return compare(left, ">=", low) and compare(left, "<=", self.operand())
        operator = self.accept("=", "<>", "<", "<=", ">", ">=")
        if not operator:
            raise ExpressionError(f"Invalid expression: a comparison expected in {self._text!r}")
        return compare(left, operator, self.operand())


class Update(_Parser):
    """An update expression: SET (values, if_not_exists, + and -) and REMOVE."""

    def __init__(self, text: str, item: Item, placeholders: Placeholders) -> None:
        super().__init__(text, item, placeholders)
        self._targets: set[str] = set()

    def apply(self) -> dict[str, Any]:
        """The item with the update; all values are those from before it."""
        updated = dict(self._item)
        while self.peek():
            clause = self.accept("SET", "REMOVE")
            if not clause:
                raise ExpressionError(f"Invalid UpdateExpression: syntax error at {self.peek()!r}")
            while True:
                name = self.path()
                if name in self._targets:
                    raise ExpressionError(f"Two document paths overlap with each other: {name}")
                self._targets.add(name)
                if clause == "SET":
                    self.expect("=")
                    updated[name] = self._sum()
                else:
                    updated.pop(name, None)
                if not self.accept(","):
                    break
        return updated

    @property
    def targets(self) -> frozenset[str]:
        """Names of the attributes that are set or removed."""
        return frozenset(self._targets)

    def _sum(self) -> Value:
        value = self._set_operand()
        sign = self.accept("+", "-")
        if not sign:
            return value
        other = self._set_operand()
        if "N" not in value or "N" not in other:
            raise ExpressionError("An operand in the update expression has an incorrect data type")
        left, right = Decimal(value["N"]), Decimal(other["N"])
        return {"N": str(left + right if sign == "+" else left - right)}

    def _set_operand(self) -> Value:
        if self.accept("IF_NOT_EXISTS"):
            self.expect("(")
            current = self._item.get(self.path())
            self.expect(",")
            other = self.operand()
            self.expect(")")
            value = current if current is not None else other
        else:
            value = self.operand()
        if value is None:
            raise ExpressionError(
                "The provided expression refers to an attribute that does not exist in the item"
            )
        return value


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
