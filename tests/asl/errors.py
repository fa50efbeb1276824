"""Errors of an interpreted state machine.

StateError                   what a state fails with: an error name and a cause
UnsupportedDefinitionError   the definition is wrong, or uses what this interpreter does not know
"""

from __future__ import annotations

from typing import Final

ALL: Final = "States.ALL"
TASK_FAILED: Final = "States.TaskFailed"
TIMEOUT: Final = "States.Timeout"
RUNTIME: Final = "States.Runtime"
DATA_LIMIT_EXCEEDED: Final = "States.DataLimitExceeded"

# "States.ALL can't catch the States.DataLimitExceeded terminal error and Runtime error types."
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
TERMINAL: Final = frozenset({RUNTIME, DATA_LIMIT_EXCEEDED})


class StateError(Exception):
    """A state failed.

    Parameters
    ----------
    error
        The error's name, as `Retry` and `Catch` match it.
    cause
        What `Catch` hands on with it.
    """

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause

    def matches(self, names: list[str]) -> bool:
        """Whether a retrier or catcher with these `ErrorEquals` is meant for this error."""
        if self.error in TERMINAL:
            return False
        return ALL in names or self.error in names or (TASK_FAILED in names and self.error != TIMEOUT)


class UnsupportedDefinitionError(Exception):
    """The definition is no valid one, or has a field that this interpreter would have to ignore."""
