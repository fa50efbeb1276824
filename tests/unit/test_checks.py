"""How the judges' findings are judged."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from checks import __main__ as checks
from checks.accepted import ACCEPTED
from checks.findings import (
    EXAMPLE_KEY,
    Accepted,
    Finding,
    JudgeError,
    NotRunError,
    ProgramMissingError,
    left,
)
from checks.judges import JUDGES, rule_of

FOUND = Finding("strict", "R1", "app.py", "line 3: unsafe")


def judge(monkeypatch: pytest.MonkeyPatch, *findings: Finding | Exception) -> None:
    def judging() -> Iterator[Finding]:
        for finding in findings:
            if isinstance(finding, Exception):
                raise finding
            yield finding

    monkeypatch.setattr(checks, "JUDGES", {"strict": judging})
    monkeypatch.setattr(checks, "ACCEPTED", ())


def test_a_finding_fails_the_check_and_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    judge(monkeypatch, FOUND)
    assert checks.main([]) == 1
    shown = capsys.readouterr().out
    assert "1 to mend" in shown
    assert "R1 app.py: line 3: unsafe" in shown


@pytest.mark.parametrize(
    ("rule", "where", "code"), [("R.", ".*", 0), ("R1", "app", 1), ("R2", "app.py", 1), ("R1", "app.py", 0)]
)
def test_what_is_accepted_fits_rule_and_place_whole(
    monkeypatch: pytest.MonkeyPatch, rule: str, where: str, code: int
) -> None:
    judge(monkeypatch, FOUND)
    monkeypatch.setattr(checks, "ACCEPTED", (Accepted("strict", rule, where, "meant to be so"),))
    assert checks.main(["strict"]) == code


def test_what_is_accepted_of_another_judge_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    judge(monkeypatch, FOUND)
    monkeypatch.setattr(checks, "ACCEPTED", (Accepted("mild", ".*", ".*", "meant to be so"),))
    assert checks.main([]) == 1


def test_what_is_accepted_and_not_found_fails_the_check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    judge(monkeypatch)
    monkeypatch.setattr(checks, "ACCEPTED", (Accepted("strict", "R9", ".*", "meant to be so"),))
    assert checks.main([]) == 1
    assert "accepted, but not found: R9" in capsys.readouterr().out


def test_a_judge_that_cannot_run_here_says_so_and_one_that_breaks_fails_the_check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CI", "true")
    judge(monkeypatch, NotRunError("node is missing"))
    assert checks.main([]) == 0
    assert "NOT RUN: node is missing" in capsys.readouterr().out
    judge(monkeypatch, FOUND, JudgeError("it broke"))
    assert checks.main([]) == 1
    assert "FAILED: it broke" in capsys.readouterr().out


def test_a_judge_without_its_interpreter_fails_the_check_in_ci_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    judge(monkeypatch, ProgramMissingError("node is not installed"))
    monkeypatch.delenv("CI", raising=False)
    assert checks.main([]) == 0
    monkeypatch.setenv("CI", "true")
    assert checks.main([]) == 1
    judge(monkeypatch, NotRunError("the index has no list"))
    assert checks.main([]) == 0


def test_only_a_key_of_examples_is_accepted_and_only_in_tests() -> None:
    kind, example, other = "AWS Access Key", "AKIAIOSFODNN7" + "EXAMPLE", "AKIAIOSFODNN7" + "EXAMPL0"
    assert rule_of(kind, f'key = "{example}"') == EXAMPLE_KEY
    assert rule_of(kind, f'key = "{other}"') == kind
    assert rule_of(kind, f'keys = "{example}", "{other}"') == kind
    assert rule_of("Secret Keyword", f'key = "{example}"') == "Secret Keyword"
    for rule, where in ((kind, "tests/unit/test_clients.py"), (EXAMPLE_KEY, "deploy/checks.py")):
        found = Finding("detect-secrets", rule, where, "line 1")
        assert left([found], ACCEPTED) == [found]


def test_a_name_that_is_no_judges_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert checks.main(["nobody"]) == 2
    assert "No judge is called nobody" in capsys.readouterr().err


def test_every_acceptance_is_of_a_judge_and_has_a_reason() -> None:
    assert {entry.judge for entry in ACCEPTED} <= JUDGES.keys()
    assert all(len(entry.why) > 10 for entry in ACCEPTED)
