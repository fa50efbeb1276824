"""What a judge finds, and what of it is accepted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

# The rule of an access key that AWS's own documents made up; any other is a real one's.
EXAMPLE_KEY: Final = "AWS Access Key of examples"


class Finding(NamedTuple):
    """Something that a judge does not like.

    Attributes
    ----------
    rule
        As the judge names it.
    where
        A file, a part of the template, a package.
    """

    judge: str
    rule: str
    where: str
    text: str


class Accepted(NamedTuple):
    """Findings that are meant to be so; rule and where are patterns of the whole."""

    judge: str
    rule: str
    where: str
    why: str

    def covers(self, finding: Finding) -> bool:
        """Whether the finding is one of these."""
        return (
            self.judge == finding.judge
            and re.fullmatch(self.rule, finding.rule) is not None
            and re.fullmatch(self.where, finding.where) is not None
        )


class NotRunError(Exception):
    """A judge needs what this machine may well lack; the message says what."""


class ProgramMissingError(NotRunError):
    """A judge's interpreter isn't installed; where CI checks, somebody has to install it."""


class JudgeError(Exception):
    """A judge cannot be installed, or did not judge."""


def left(findings: Iterable[Finding], accepted: Sequence[Accepted]) -> list[Finding]:
    """The findings that nobody accepted."""
    return [finding for finding in findings if not any(entry.covers(finding) for entry in accepted)]


def stale(judge: str, findings: Sequence[Finding], accepted: Sequence[Accepted]) -> list[Accepted]:
    """What is accepted of a judge that it does not find any more."""
    return [
        entry
        for entry in accepted
        if entry.judge == judge and not any(entry.covers(finding) for finding in findings)
    ]
