"""How fast uploads are started: by the quotas that the account tells, or as an operator has set it."""

from __future__ import annotations

import pytest

from chalicelib.settings import Settings
from deploy.checks import Sending, Target
from deploy.errors import CheckError
from deploy.pace import DEFAULT_AUDIT_CALLS, Admission, admission_of, audit_calls
from deploy.quotas import REKOGNITION_CALLS, read_quotas
from tests.fakes import ENVIRONMENT
from tests.unit.deploy.fakes import Lines, client_error
from tests.unit.deploy.test_quotas import TPS, Session


def account(calls: float | None, executions: int | None) -> Session:
    """An account with so many calls a second of each operation of Rekognition; None: it doesn't tell."""
    session = Session({TPS.format(operation): calls for operation in REKOGNITION_CALLS} if calls else {})
    if calls is None:
        session.get_paginator = refuse  # type: ignore[method-assign]
    limits = {"AccountLimit": {"ConcurrentExecutions": executions}}
    session.get_account_settings = (lambda: limits) if executions else refuse  # type: ignore[method-assign, assignment]
    return session


def refuse(*_: object) -> Session:
    raise client_error("AccessDeniedException", "no", "ListServiceQuotas")


def admitted(session: Session, lines: Lines | None = None, **own: str) -> Admission:
    target = Target(session, "dev", "eu-west-1", "123456789012")  # type: ignore[arg-type]
    sending = Sending("example.com", in_sandbox=False, per_second=500)
    return admission_of(read_quotas(target, sending, audit_calls(own)), own, lines or Lines())


@pytest.mark.parametrize(
    ("calls", "executions", "per_second", "burst"),
    [
        (5, 1000, 3, 3),  # one call a second is the audit's, and one face in four is searched for again
        (50, 1000, 39, 39),
        (250, 1000, 166, 199),  # Lambda carries (1,000 - 3) / 6
        (5, 10, 1, 3),  # as (10 - 3) / 6 does in a new account
        (5, 8, 1, 2),  # two branches a photo
        (None, 1000, 3, 3),
        (5, None, 1, 3),
        (None, None, 1, 3),
    ],
)
def test_the_pace_is_what_the_least_of_the_quotas_carries(
    calls: float | None, executions: int | None, per_second: int, burst: int
) -> None:
    found = admitted(account(calls, executions))
    assert (found.per_second, found.burst) == (per_second, burst)
    assert found.computed == {"ADMISSIONS_PER_SECOND": str(per_second), "ADMISSION_BURST": str(burst)}


def test_it_is_told_in_words_with_what_limits_it() -> None:
    lines = Lines()
    admitted(account(5, 1000), lines)
    assert lines.details == [
        "uploads are started 3 a second, and 3 at once; the others wait for their turn "
        "(Rekognition SearchFaces carries 3.2 a second)"
    ]
    assert lines.warnings == []


def test_what_is_not_known_is_told_with_what_is_taken_for_it() -> None:
    lines = Lines()
    admitted(account(5, None), lines)
    assert lines.details[1:] == ["Lambda is taken for 10 executions at once, the least there is"]


def test_a_quota_that_carries_not_one_upload_a_second_is_warned_of() -> None:
    lines = Lines()
    found = admitted(account(5, 8), lines)
    assert (found.per_second, found.burst) == (1, 2)
    assert "(Lambda carries 0.833 a second). That is less" in lines.warnings[0]


def test_an_account_with_nothing_to_spare_still_starts_one() -> None:
    found = admitted(account(1, 2))
    assert (found.per_second, found.burst) == (1, 1)


def test_what_an_operator_has_set_is_taken_and_not_computed() -> None:
    lines = Lines()
    found = admitted(account(50, 1000), lines, ADMISSIONS_PER_SECOND="7")
    assert found == Admission(7, 39, {"ADMISSION_BURST": "39"})
    assert "ADMISSIONS_PER_SECOND is set; Rekognition SearchFaces carries 39.2 a second" in lines.details[0]


def test_an_operators_pace_that_the_quotas_do_not_carry_is_warned_of() -> None:
    lines = Lines()
    assert admitted(account(5, 1000), lines, ADMISSIONS_PER_SECOND="7").per_second == 7
    assert "photos fail" in lines.warnings[0]


def test_what_the_audit_takes_is_as_an_operator_has_set_it() -> None:
    assert admitted(account(5, 1000), AUDIT_CALLS_PER_SECOND="2").per_second == 2


@pytest.mark.parametrize("text", ["0", "many", "-1", "2.5", ""])
def test_a_setting_that_is_no_number_is_named(text: str) -> None:
    with pytest.raises(CheckError, match="ADMISSION_BURST must be a whole number from 1 up"):
        admitted(account(5, 1000), ADMISSION_BURST=text)


def test_without_up_the_app_takes_what_the_least_of_rekognitions_quotas_carries() -> None:
    settings = Settings.from_env(ENVIRONMENT)
    assert settings.audit_calls_per_second == DEFAULT_AUDIT_CALLS
    found = admitted(account(None, 1000))
    assert (settings.admissions_per_second, settings.admission_burst) == (found.per_second, found.burst)
