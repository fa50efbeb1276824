"""DynamoDB's expressions on the top level of an item: conditions, filters and updates.

Grammar and precedence as in the Amazon DynamoDB Developer Guide, "Condition and filter expressions" and
"Update expressions"; of the functions those that the app uses. Nested paths are refused, not misread.
An expression is read once and then evaluated on any item.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fakes.values import ExpressionError, Value, added, begins_with, compare, existing

type Item = Mapping[str, Any]
type Operand = Callable[[Item, Placeholders], Value | None]
type Test = Callable[[Item, Placeholders], bool]

_TOKEN = re.compile(r"\s*(?:(<>|<=|>=|[=<>(),+\-])|([#:]?[A-Za-z_][A-Za-z0-9_]*)|(\S))")
_KEYWORDS = frozenset({"AND", "OR", "NOT", "IN", "BETWEEN", "SET", "REMOVE", "ADD", "DELETE"})
_RESERVED_WORDS = frozenset(
    Path(__file__).with_name("dynamodb_reserved_words.txt").read_text(encoding="ascii").split()
)


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was read.

    Attributes
    ----------
    evaluate
        Gives a condition's truth, or the item after an update, for an item and the call's placeholders.
    paths
        The tokens that name attributes.
    placeholders
        The tokens, `#name` and `:value`, that the call has to define.
    """

    evaluate: Callable[[Item, Placeholders], Any]
    paths: frozenset[str]
    placeholders: frozenset[str]

    def names(self, placeholders: Placeholders) -> set[str]:
        """The names of all attributes that the expression mentions."""
        return {placeholders.name(token) for token in self.paths}


class Placeholders:
    """ExpressionAttributeNames and -Values of one call."""

    def __init__(self, names: Mapping[str, str] | None, values: Mapping[str, Value] | None) -> None:
        self._names, self._values = names or {}, values or {}

    def name(self, token: str) -> str:
        """The attribute's name behind a token of an expression."""
        return self._names.get(token, token)

    def value(self, token: str) -> Value:
        """The value behind a token of an expression."""
        return self._values[token]

    def check(self, *expressions: Expression) -> None:
        """Refuse placeholders that are not defined, or that no expression mentions, as DynamoDB does.

        Raises
        ------
        ExpressionError
            Naming them.
        """
        used = frozenset[str]().union(*(expression.placeholders for expression in expressions))
        defined = {*self._names, *self._values}
        if used - defined:
            raise ExpressionError(f"An expression attribute is not defined: {sorted(used - defined)}")
        if defined - used:
            raise ExpressionError(f"Value provided in ExpressionAttribute… unused: {sorted(defined - used)}")


@functools.cache
def condition(text: str) -> Expression:
    """Read a condition, filter or key condition."""
    parser = _Parser(text)
    test = parser.disjunction()
    parser.expect_end()
    return parser.expression(test)


@functools.cache
def update(text: str) -> Expression:
    """Read an update: SET (values, if_not_exists, + and -) and REMOVE; all values are from before it."""
    parser = _Parser(text)
    changes: list[tuple[str, Operand | None]] = []
    while parser.peek():
        clause = parser.accept("SET", "REMOVE")
        if not clause:
            raise ExpressionError(f"Invalid UpdateExpression: syntax error at {parser.peek()!r}")
        while True:
            target, value = parser.path(), None
            if clause == "SET":
                parser.expect("=")
                value = parser.sum()
            changes.append((target, value))
            if not parser.accept(","):
                break

    def apply(item: Item, placeholders: Placeholders) -> tuple[dict[str, Any], set[str]]:
        updated, targets = dict(item), set()
        for token, value in changes:
            name = placeholders.name(token)
            if name in targets:
                raise ExpressionError(f"Two document paths overlap with each other: {name}")
            targets.add(name)
            if value is None:
                updated.pop(name, None)
            else:
                updated[name] = existing(value(item, placeholders))
        return updated, targets

    return parser.expression(apply)


class _Parser:
    """Tokens of one expression, read from left to right into functions that evaluate it."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        for operator, word, other in _TOKEN.findall(text):
            if other:
                raise ExpressionError(f"Invalid expression: syntax error at {other!r} in {text!r}")
            self._tokens.append(operator or word)
        self._position = 0
        self._text = text
        self._paths: set[str] = set()
        self._placeholders: set[str] = set()

    def expression(self, evaluate: Callable[[Item, Placeholders], Any]) -> Expression:
        return Expression(evaluate, frozenset(self._paths), frozenset(self._placeholders))

    def peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def take(self) -> str:
        token = self.peek()
        if not token:
            raise ExpressionError(f"Invalid expression: ends too early: {self._text!r}")
        self._position += 1
        if token[0] in "#:":
            self._placeholders.add(token)
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
        if token.upper() in _RESERVED_WORDS:
            raise ExpressionError(f"Attribute name is a reserved keyword; reserved keyword: {token}")
        self._paths.add(token)
        return token

    def operand(self) -> Operand:
        """A value, or an attribute's, or None if the item has no such attribute."""
        if self.peek().startswith(":"):
            value = self.take()
            return lambda item, placeholders: placeholders.value(value)
        path = self.path()
        return lambda item, placeholders: item.get(placeholders.name(path))

    def disjunction(self) -> Test:
        tests = [self._conjunction()]
        while self.accept("OR"):
            tests.append(self._conjunction())
        if len(tests) == 1:
            return tests[0]
        return lambda item, placeholders: any(test(item, placeholders) for test in tests)

    def _conjunction(self) -> Test:
        tests = [self._negation()]
        while self.accept("AND"):
            tests.append(self._negation())
        if len(tests) == 1:
            return tests[0]
        return lambda item, placeholders: all(test(item, placeholders) for test in tests)

    def _negation(self) -> Test:
        if self.accept("NOT"):
            negated = self._negation()
            return lambda item, placeholders: not negated(item, placeholders)
        if self.accept("("):
            inner = self.disjunction()
            self.expect(")")
            return inner
        return self._predicate()

    def _predicate(self) -> Test:
        function = self.accept("ATTRIBUTE_EXISTS", "ATTRIBUTE_NOT_EXISTS", "BEGINS_WITH")
        if function:
            return self._function(function)
        left = self.operand()
        if self.accept("IN"):
            self.expect("(")
            choices = [self.operand()]
            while self.accept(","):
                choices.append(self.operand())
            self.expect(")")
            return lambda item, p: any(compare(left(item, p), "=", choice(item, p)) for choice in choices)
        if self.accept("BETWEEN"):
            low = self.operand()
            self.expect("AND")
            high = self.operand()
            return lambda item, p: (
                compare(left(item, p), ">=", low(item, p)) and compare(left(item, p), "<=", high(item, p))
            )
        operator = self.accept("=", "<>", "<", "<=", ">", ">=")
        if not operator:
            raise ExpressionError(f"Invalid expression: a comparison expected in {self._text!r}")
        right = self.operand()
        return lambda item, p: compare(left(item, p), operator, right(item, p))

    def _function(self, function: str) -> Test:
        self.expect("(")
        path = self.path()
        if function == "BEGINS_WITH":
            self.expect(",")
            start = self.operand()
            self.expect(")")
            return lambda item, p: begins_with(item.get(p.name(path)), start(item, p))
        self.expect(")")
        exists = function == "ATTRIBUTE_EXISTS"
        return lambda item, p: (p.name(path) in item) == exists

    def sum(self) -> Operand:
        left = self._set_operand()
        sign = self.accept("+", "-")
        if not sign:
            return left
        right = self._set_operand()
        return lambda item, p: added(existing(left(item, p)), existing(right(item, p)), sign)

    def _set_operand(self) -> Operand:
        if not self.accept("IF_NOT_EXISTS"):
            return self.operand()
        self.expect("(")
        path = self.path()
        self.expect(",")
        other = self.operand()
        self.expect(")")
        return lambda item, p: item[p.name(path)] if p.name(path) in item else other(item, p)
