"""What a demo showed, for a person."""

from __future__ import annotations

from textwrap import fill

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from local.demo import Result
from local.stack import Mail

_INDENT = " " * 4
_STYLES = {"accepted": "green", "rejected": "yellow", "failed": "red", "superseded": "cyan"}


def print_report(result: Result, console: Console) -> None:
    """Print the outcomes, what is stored, and the mails."""
    _print_outcomes(result, console)
    _print_items(result, console)
    _print_mails(result.mails, console)


def _print_outcomes(result: Result, console: Console) -> None:
    table = Table(title="Photos", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for name in ("Photo", "Rider", "Outcome", "Reason"):
        table.add_column(name, overflow="fold")
    table.add_column("Seconds", justify="right")
    for photo, outcome in zip(result.photos, result.outcomes, strict=True):
        style = _STYLES.get(outcome.outcome, "")
        reason = Text(outcome.reason or "")
        if outcome.message:
            reason.append("\n" if outcome.reason else "").append(outcome.message, "dim")
        table.add_row(
            Text(photo.path.name),
            _rider(outcome.userId, result),
            Text(outcome.outcome, style),
            reason,
            f"{outcome.seconds:.1f}",
        )
    console.print()
    console.print(table)


def _print_items(result: Result, console: Console) -> None:
    if not result.items:
        return
    console.print("[bold]Stored for the riders[/]")
    for item in sorted(result.items, key=lambda item: result.riders.get(item["Username"]["S"], "")):
        stored = {"faceId": item["faceId"]["S"], "photo": item["s3key"]["S"]}
        if "thumbnail" in item:
            stored["thumbnail"] = item["thumbnail"]["M"]["s3key"]["S"]
        console.print(f"\n  {_rider(item['Username']['S'], result)}")
        for name, value in stored.items():
            # A key stays on one line, to be copied.
            console.print(f"  [dim]{name:<9}[/] {escape(value)}", soft_wrap=True)


def _print_mails(mails: list[Mail], console: Console) -> None:
    if not mails:
        return
    console.print(f"\n[bold]Mails to the riders[/] ({len(mails)})")
    for mail in mails:
        console.print(f"\n  [dim]To:[/]      {escape(', '.join(mail.to))}")
        console.print(f"  [dim]Subject:[/] {escape(mail.subject)}\n")
        for line in mail.text.strip().splitlines():
            indented = fill(line, console.width - 2, initial_indent=_INDENT, subsequent_indent=_INDENT)
            console.print(indented, markup=False, soft_wrap=True)


def _rider(user_id: str, result: Result) -> str:
    return escape(result.riders.get(user_id, user_id).partition("@")[0])
