"""The one ministack version the shims are written for, and the checks that it is what they expect.

A shim replaces private names of ministack. It fetches each of them through this module,
so that an upstream that differs stops the start with the shim, the name and the version
in the message, instead of behaving subtly wrong later.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

SUPPORTED_VERSION = "1.5.33"


class UnsupportedMinistackError(Exception):
    """The installed ministack is not the one the shims were written for."""


def installed_version() -> str | None:
    """Return the version of the installed ministack, None if there is none."""
    try:
        return version("ministack")
    except PackageNotFoundError:
        return None


def check_version() -> None:
    """Refuse any ministack but the supported one.

    Raises
    ------
    UnsupportedMinistackError
        Naming the version found and the command that installs the right one.
    """
    found = installed_version()
    if found != SUPPORTED_VERSION:
        state = f"ministack {found} is installed" if found else "ministack is not installed"
        raise UnsupportedMinistackError(
            f"The embedded AWS needs ministack {SUPPORTED_VERSION}, but {state}. "
            f"Install it with: python -m pip install ministack=={SUPPORTED_VERSION}"
        )


def _differs(shim: str, name: str, how: str) -> UnsupportedMinistackError:
    return UnsupportedMinistackError(
        f"Shim '{shim}' cannot replace {name}: {how}. It is written for ministack {SUPPORTED_VERSION}; "
        f"found: {installed_version()}. Install ministack=={SUPPORTED_VERSION} anew, unmodified."
    )


def module(shim: str, name: str) -> Any:
    """Import ``ministack.<name>``.

    Raises
    ------
    UnsupportedMinistackError
        If there is no such module.
    """
    try:
        return importlib.import_module(f"ministack.{name}")
    except ImportError as error:
        raise _differs(shim, f"ministack.{name}", f"it cannot be imported ({error})") from error


def attribute(shim: str, owner: Any, name: str) -> Any:
    """Return ``owner.name``.

    Raises
    ------
    UnsupportedMinistackError
        If there is no such attribute.
    """
    if not hasattr(owner, name):
        raise _differs(shim, f"{owner.__name__}.{name}", "it does not exist")
    return getattr(owner, name)


def function(shim: str, owner: Any, name: str, *parameters: str) -> Callable[..., Any]:
    """Return the function ``owner.name`` after checking the names of its parameters.

    Raises
    ------
    UnsupportedMinistackError
        If it is missing, no function, or takes other parameters.
    """
    found = attribute(shim, owner, name)
    if not callable(found):
        raise _differs(shim, f"{owner.__name__}.{name}", "it is not a function")
    actual = tuple(inspect.signature(found).parameters)
    if actual != parameters:
        raise _differs(shim, f"{owner.__name__}.{name}", f"it takes {actual}, not {parameters}")
    return found  # type: ignore[no-any-return]


def replace_text(shim: str, owner: Any, name: str, old: str, new: str) -> None:
    """Replace the one occurrence of `old` in the string ``owner.name``.

    Raises
    ------
    UnsupportedMinistackError
        If `old` does not occur exactly once.
    """
    text = attribute(shim, owner, name)
    if not isinstance(text, str) or (count := text.count(old)) != 1:
        times = count if isinstance(text, str) else 0
        raise _differs(shim, f"{owner.__name__}.{name}", f"the text {old!r} occurs {times} times, not once")
    setattr(owner, name, text.replace(old, new))
