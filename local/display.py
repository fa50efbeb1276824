"""What a person sees while something takes long, on the error stream."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.markup import escape
from rich.status import Status

# Where output goes to a file or a pipe, which has no width of its own.
_WIDTH = 100


def make_console(stream: TextIO) -> Console:
    """A console that sends no control codes unless the stream is a terminal."""
    width = None if stream.isatty() or "COLUMNS" in os.environ else _WIDTH
    return Console(file=stream, highlight=False, width=width)


class Display:
    """Shows steps and how long each took; a spinner with the latest detail on a terminal.

    It is a `deploy.Progress`, too. As a context manager it leaves the terminal clean however the
    block ends.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or make_console(sys.stderr)
        self._step: str | None = None
        self._begin = 0.0
        self._spinner: Status | None = None

    def step(self, text: str) -> None:
        """A new step begins, and the one before is done."""
        self.done()
        self._step, self._begin = text, time.monotonic()
        if self.console.is_terminal:
            self._spinner = self.console.status(escape(text), spinner="dots")
            self._spinner.start()
        else:
            self.console.print(f"▸ {escape(text)}")

    def detail(self, text: str) -> None:
        """Something happened within the step."""
        if self._spinner and self._step:
            room = max(self.console.width - len(self._step) - 6, 0)
            self._spinner.update(f"{escape(self._step)}  [dim]{escape(text[:room])}[/]")

    def warn(self, text: str) -> None:
        """Something isn't as it should be, but doesn't stop the work."""
        self.console.print(f"  [yellow]! {escape(text)}[/]")

    def line(self, text: str) -> None:
        """A line that stays, in rich's markup."""
        self.console.print(text)

    def done(self) -> None:
        """The current step, if there is one, has succeeded."""
        spinner, step = self._end_spinner(), self._step
        self._step = None
        if step and spinner:
            seconds = time.monotonic() - self._begin
            self.console.print(f"[green]✓[/] {escape(step)} [dim]{seconds:.1f} s[/]")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.done()
        else:
            self._end_spinner()

    def _end_spinner(self) -> bool:
        spinner, self._spinner = self._spinner, None
        if spinner is None:
            return False
        spinner.stop()
        return True
