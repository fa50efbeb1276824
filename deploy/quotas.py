"""What the account's quotas allow, against what the expected load needs. They are told, and stop nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from deploy.progress import Progress

if TYPE_CHECKING:
    from deploy.checks import Sending, Target

# Calls of each operation that one accepted photo makes. One in four may be searched for again, as the index
# shows a face late; a quota that is used to the full never gets rid of what it has refused.
REKOGNITION_CALLS = {"DetectFaces": 1, "SearchFacesByImage": 1, "IndexFaces": 1, "SearchFaces": 1.25}
# What the audit calls too.
AUDITED = "SearchFaces"
# Transitions of an accepted photo's execution, its start included and retries aside.
TRANSITIONS = 10
# Seconds that a photo keeps functions busy, all its invocations together: an allowance, with Rekognition's
# answers, S3's and cold starts in it.
FUNCTION_SECONDS = 6
# Executions for requests that come at the same moment, and for the audit.
SPARE_EXECUTIONS = 3
# Functions of one photo that run at the same moment: the two branches.
BRANCHES = 2
# Of quotas that an account doesn't tell, what the least of them is: of a small region, of a new account.
LEAST_CALLS = 5
LEAST_EXECUTIONS = 10


@dataclass(frozen=True)
class Quota:
    """A quota, what it allows, and what is needed of it.

    Attributes
    ----------
    allowed
        None if the account couldn't be asked.
    each
        What one upload a second needs.
    others
        What is needed beside uploads.
    unit
        Of all four numbers.
    at_once
        What one upload needs at one moment, for a quota of which uploads of the same moment meet it;
        0 if those wait in line anyway.
    assumed
        What is taken for it where the account doesn't tell; None if it is left out then.
    """

    name: str
    allowed: float | None
    each: float
    unit: str
    others: float = 0
    at_once: float = 0
    assumed: float | None = None

    def needed(self, uploads_per_second: float) -> float:
        """What so many uploads need."""
        return self.each * uploads_per_second + self.others

    @property
    def carries(self) -> float | None:
        """How many uploads a second it carries; None if nothing is known or assumed."""
        return self._room and self._room / self.each

    @property
    def carries_at_once(self) -> float | None:
        """How many uploads of the same moment it carries; None as above, or if it doesn't matter."""
        return self._room and self._room / self.at_once if self.at_once else None

    @property
    def _room(self) -> float | None:
        known = self.assumed if self.allowed is None else self.allowed
        return None if known is None else max(0.0, known - self.others)


def read_quotas(target: Target, sending: Sending, audit_calls: float) -> list[Quota]:
    """The quotas that a photo meets on its way.

    Parameters
    ----------
    audit_calls
        Calls a second that the audit takes of one operation.
    """
    rekognition = _values(target, "rekognition")
    states = _values(target, "states")
    calls = {operation: _find(rekognition, rf"\b{operation}\b") for operation in REKOGNITION_CALLS}
    found = quotas_of_steps(calls, _concurrent_executions(target), audit_calls)
    for name, needed in (("StartExecution", 1), ("StateTransition", TRANSITIONS)):
        allowed = _find(states, rf"\b{name}\b.*refill")
        found.append(Quota(f"Step Functions {name}", allowed, needed, "a second"))
    found.append(Quota("SES", sending.per_second, 1, "mails a second"))
    return found


def quotas_of_steps(
    calls: Mapping[str, float | None], executions: float | None, audit_calls: float
) -> list[Quota]:
    """What the steps of a photo need of Rekognition and Lambda.

    Parameters
    ----------
    calls
        By operation, how many a second Rekognition allows; None if that isn't known.
    executions
        How many functions Lambda lets run at once; None as above.
    audit_calls
        As for `read_quotas`.
    """
    found = [
        Quota(
            f"Rekognition {operation}",
            calls[operation],
            each,
            "calls a second",
            others=audit_calls if operation == AUDITED else 0,
            # What is let through in one moment is a second's worth.
            at_once=each,
            assumed=LEAST_CALLS,
        )
        for operation, each in REKOGNITION_CALLS.items()
    ]
    found.append(
        Quota(
            "Lambda",
            executions,
            FUNCTION_SECONDS,
            "executions at once",
            others=SPARE_EXECUTIONS,
            at_once=BRANCHES,
            assumed=LEAST_EXECUTIONS,
        )
    )
    return found


def tell_quotas(quotas: list[Quota], uploads_per_second: float, progress: Progress) -> None:
    """Show each quota, and warn of each that the expected load doesn't fit into."""
    load = f"{uploads_per_second:g} {'upload' if uploads_per_second == 1 else 'uploads'} a second"
    unknown = [quota.name for quota in quotas if quota.allowed is None]
    for quota in quotas:
        if quota.allowed is None:
            continue
        needed = quota.needed(uploads_per_second)
        text = f"{quota.name}: {quota.allowed:g} {quota.unit}, {needed:g} needed for {load}"
        if quota.allowed < needed:
            progress.warn(f"{text}. Ask for more in the Service Quotas console, or photos wait.")
        else:
            progress.detail(text)
    if unknown:
        progress.detail(f"quotas unknown, this account doesn't tell: {', '.join(unknown)}")


def _values(target: Target, service: str) -> Mapping[str, float]:
    """The values of a service's quotas by their names, the account's own before the default."""
    client = target.session.client("service-quotas")
    values: dict[str, float] = {}
    for operation in ("list_aws_default_service_quotas", "list_service_quotas"):
        try:
            for quota in _pages(client, operation, service):
                values[quota["QuotaName"]] = float(quota["Value"])
        except (ClientError, BotoCoreError, KeyError):
            # Not allowed, not offered, or an emulator: a check that can't be made stops no deployment.
            continue
    return values


def _pages(client: Any, operation: str, service: str) -> Iterator[dict[str, Any]]:
    for page in client.get_paginator(operation).paginate(ServiceCode=service):
        yield from page["Quotas"]


def _find(values: Mapping[str, float], pattern: str) -> float | None:
    """The smallest value of the quotas of that name: a second API of the same operation has its own."""
    found = [value for name, value in values.items() if re.search(pattern, name, re.IGNORECASE)]
    return min(found, default=None)


def _concurrent_executions(target: Target) -> float | None:
    """Lambda's own answer, which Service Quotas lacks for a new account: it may be 10."""
    try:
        limits = target.session.client("lambda").get_account_settings()["AccountLimit"]
    except (ClientError, BotoCoreError, KeyError):
        return None  # as above
    # What no function has reserved is what these functions share.
    return limits.get("UnreservedConcurrentExecutions", limits.get("ConcurrentExecutions"))
