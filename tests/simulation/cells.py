"""The world: what all services hold, as immutable cells, so that a state of it can be kept and compared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

type Value = Any  # hashable: strings, numbers, tuples


class World:
    """Cells by name, as `rows/{userId}/{uploadId}`; equal worlds are the same object.

    Attributes
    ----------
    cells
        Never changed.
    number
        Tells worlds apart, in place of their contents.
    """

    __slots__ = ("_under", "cells", "number")
    _known: ClassVar[dict[frozenset[tuple[str, Value]], World]] = {}

    def __init__(self, cells: Mapping[str, Value], number: int) -> None:
        self.cells = cells
        self.number = number
        self._under: dict[str, tuple[str, ...]] = {}

    @classmethod
    def of(cls, cells: Mapping[str, Value]) -> World:
        """The world with these cells."""
        key = frozenset(cells.items())
        world = cls._known.get(key)
        if world is None:
            world = cls._known[key] = cls(dict(cells), len(cls._known))
        return world

    @classmethod
    def forget(cls) -> None:
        """Forget all worlds, to free their memory."""
        cls._known.clear()

    def under(self, prefix: str) -> tuple[str, ...]:
        """Names of the cells below a prefix, in order."""
        names = self._under.get(prefix)
        if names is None:
            names = tuple(sorted(name for name in self.cells if name.startswith(prefix)))
            self._under[prefix] = names
        return names

    def values_under(self, prefix: str) -> Iterator[Value]:
        """The cells below a prefix, in the order of their names."""
        return (self.cells[name] for name in self.under(prefix))

    def changed(self, changes: Mapping[str, Value | None]) -> World:
        """The world with some cells changed, or gone where they are None."""
        if all(self.cells.get(name) == value for name, value in changes.items()):
            return self
        cells = {**self.cells, **changes}
        return World.of({name: value for name, value in cells.items() if value is not None})


class Edit:
    """A world that one call reads and changes."""

    __slots__ = ("_world", "changes")

    def __init__(self, world: World) -> None:
        self._world = world
        self.changes: dict[str, Value | None] = {}

    def get(self, name: str) -> Value | None:
        """A cell, or None."""
        return self.changes[name] if name in self.changes else self._world.cells.get(name)

    def set(self, name: str, value: Value | None) -> None:
        """Set a cell; None removes it."""
        self.changes[name] = value

    def under(self, prefix: str) -> Iterable[str]:
        """Names of the cells below a prefix, as they were before the call."""
        return self._world.under(prefix)


class RefusedError(Exception):
    """What a service answers instead: an error's code, message and HTTP status."""

    def __init__(self, code: str, message: str = "", status: int = 400) -> None:
        super().__init__(code)
        self.answer = (code, message or code, status)


def frozen(value: Any) -> str:
    """JSON as a text that is equal for what is equal."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
