from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from deploy.checks import Sending, Target
from deploy.quotas import TRANSITIONS, Quota, read_quotas, tell_quotas
from tests.statemachine.test_costs import EXPECTED
from tests.unit.deploy.fakes import Lines, client_error

SENDING = Sending("example.com", in_sandbox=False, per_second=14, per_day=50_000)
TPS = "Transactions per second per account for the Amazon Rekognition Image operation {}"
DEFAULTS = {
    "rekognition": {
        TPS.format("DetectFaces"): 5,
        TPS.format("SearchFacesByImage"): 5,
        TPS.format("SearchFaces"): 5,
        TPS.format("IndexFaces"): 5,
        "Maximum number of something else": 1,
    },
    "states": {
        "StartExecution throttle token refill rate per second": 300,
        "StartExecution throttle token bucket size": 1300,
        "StateTransition throttle token refill rate per second": 5000,
    },
}


class Session:
    """An account that tells its quotas, or refuses to."""

    def __init__(self, applied: dict[str, float] | None = None, error: Exception | None = None) -> None:
        self._applied = applied or {}
        self._error = error

    def client(self, service: str) -> Session:
        return self

    def get_paginator(self, operation: str) -> Session:
        if self._error:
            raise self._error
        self._operation = operation
        return self

    def paginate(self, ServiceCode: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        defaults = self._operation == "list_aws_default_service_quotas"
        values = DEFAULTS[ServiceCode] if defaults else self._applied
        for name, value in values.items():
            yield {"Quotas": [{"QuotaName": name, "Value": value}]}

    def get_account_settings(self) -> dict[str, Any]:
        if self._error:
            raise self._error
        return {"AccountLimit": {"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 10}}


def quotas(session: Session) -> dict[str, Quota]:
    target = Target(session, "dev", "eu-west-1", "123456789012")  # type: ignore[arg-type]
    return {quota.name: quota for quota in read_quotas(target, SENDING, audit_calls=1)}


def test_each_quota_is_read_by_its_operation_and_the_accounts_own_wins() -> None:
    found = quotas(Session({TPS.format("DetectFaces"): 50}))
    assert found["Rekognition DetectFaces"].allowed == 50
    assert found["Rekognition SearchFaces"].allowed == 5
    # One a second is the audit's, and one face in four is searched for again.
    assert found["Rekognition SearchFaces"].needed(1) == 2.25
    assert (found["Lambda"].allowed, found["Lambda"].needed(1)) == (10, 9)
    assert found["Step Functions StartExecution"].allowed == 300
    assert found["SES"].allowed == 14


def test_what_the_load_does_not_fit_into_is_warned_of_and_the_rest_told() -> None:
    lines = Lines()
    tell_quotas(list(quotas(Session()).values()), 5, lines)
    assert [line.partition(":")[0] for line in lines.warnings] == ["Rekognition SearchFaces", "Lambda"]
    assert "10 executions at once, 33 needed for 5 uploads a second" in lines.warnings[1]
    assert len(lines.details) == 6


@pytest.mark.parametrize(
    "error",
    [
        client_error("AccessDeniedException", "no", "ListServiceQuotas"),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
    ],
)
def test_an_account_that_does_not_tell_is_said_to_be_unknown(error: Exception) -> None:
    lines = Lines()
    tell_quotas(list(quotas(Session(error=error)).values()), 1, lines)
    assert lines.warnings == []
    assert lines.details[-1].startswith("quotas unknown, this account doesn't tell: Rekognition DetectFaces")
    assert lines.details[-1].endswith("Lambda, Step Functions StartExecution, Step Functions StateTransition")


def test_transitions_are_those_of_an_accepted_photo() -> None:
    # States that are entered, and the start.
    assert EXPECTED["accepted"][2] + 1 == TRANSITIONS
