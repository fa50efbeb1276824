"""What a person sees while a deployment works."""

from __future__ import annotations

from typing import Protocol

from rich.console import Console
from rich.markup import escape


class Progress(Protocol):
    """Receives a line a step."""

    def step(self, text: str) -> None:
        """A new step begins."""

    def detail(self, text: str) -> None:
        """Something happened within the step."""

    def warn(self, text: str) -> None:
        """Something isn't as it should be, but doesn't stop the work."""


class ConsoleProgress:
    """Prints to the terminal's error stream, which leaves the output to `--json`."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False, soft_wrap=True)

    def step(self, text: str) -> None:
        self._console.print(f"[bold cyan]▸[/] [bold]{escape(text)}[/]")

    def detail(self, text: str) -> None:
        self._console.print(f"  [dim]{escape(text)}[/]")

    def warn(self, text: str) -> None:
        self._console.print(f"  [yellow]! {escape(text)}[/]")


class NoProgress:
    """Says nothing."""

    def step(self, text: str) -> None: ...

    def detail(self, text: str) -> None: ...

    def warn(self, text: str) -> None: ...
