"""JSONPath, as far as it names one value: `$`, `$.a.b[0]['c d']`, and `$$.…` into the context object."""

from __future__ import annotations

import copy
import re
from functools import cache
from typing import Any, Final

from tests.asl.errors import RUNTIME, StateError, UnsupportedDefinitionError

type Json = Any

_PATH: Final = re.compile(r"\$\$?(?:\.[A-Za-z_]\w*|\[\d+\]|\['[^'\[\]]+'\])*\Z")
_STEP: Final = re.compile(r"\.(\w+)|\[(\d+)\]|\['([^']+)'\]")


@cache
def steps_of(path: str) -> tuple[str | int, ...]:
    """The fields and indexes that a path walks through; the root is ().

    Raises
    ------
    UnsupportedDefinitionError
        For a path that can name several values, or calls an intrinsic function.
    """
    if not _PATH.match(path):
        raise UnsupportedDefinitionError(f"This interpreter does not know the path {path!r}.")
    return tuple(int(index) if index else field or quoted for field, index, quoted in _STEP.findall(path))


def is_context_path(path: str) -> bool:
    """Whether the path leads into the context object."""
    return path.startswith("$$")


def present(path: str, data: Json) -> bool:
    """Whether the path leads to a value, null included."""
    try:
        _walk(path, data)
    except LookupError:
        return False
    return True


def get(path: str, data: Json, context: Json) -> Json:
    """A copy of the value that the path leads to.

    Raises
    ------
    StateError
        States.Runtime if there is none: no Catch helps against it.
    """
    try:
        return copy.deepcopy(_walk(path, context if is_context_path(path) else data))
    except LookupError:
        raise StateError(RUNTIME, f"The JSONPath {path!r} could not be found in the input.") from None


def put(path: str | None, data: Json, value: Json) -> Json:
    """What `ResultPath` makes of a state's input and its result.

    Parameters
    ----------
    path
        `$` replaces the input, None throws the result away, any other path puts it there.

    Raises
    ------
    StateError
        States.ResultPathMatchFailure if the input has no room there.
    """
    if path is None:
        return data
    if path == "$":
        return value
    *outer, last = steps_of(path)
    output = copy.deepcopy(data)
    place = output
    for step in outer:
        _require_object(place, path)
        place = place.setdefault(step, {})
    _require_object(place, path)
    place[last] = value
    return output


def _walk(path: str, data: Json) -> Json:
    for step in steps_of(path):
        fits = isinstance(data, list if isinstance(step, int) else dict)
        if not fits:
            raise KeyError(step)
        data = data[step]
    return data


def _require_object(place: Json, path: str) -> None:
    if not isinstance(place, dict):
        raise StateError("States.ResultPathMatchFailure", f"The input has no room for {path!r}.")
