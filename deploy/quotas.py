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

# Calls that one accepted photo makes, and what the audit takes beside (AUDIT_CALLS_PER_SECOND).
REKOGNITION_CALLS = {
    "DetectFaces": (1, 0),
    "SearchFacesByImage": (1, 0),
    "IndexFaces": (1, 0),
    "SearchFaces": (1, 1),
}
# Transitions of an accepted photo's execution, retries aside.
TRANSITIONS = 13
# Seconds of functions' time that a photo takes: eight steps and some requests, cold starts aside.
FUNCTION_SECONDS = 6
# Executions for requests that come at the same moment, and for the audit.
SPARE_EXECUTIONS = 3


@dataclass(frozen=True)
class Quota:
    """A quota, what it allows, and what is needed of it.

    Attributes
    ----------
    allowed
        None if the account couldn't be asked.
    unit
        Of both numbers.
    """

    name: str
    allowed: float | None
    needed: float
    unit: str


def read_quotas(target: Target, uploads_per_second: float, sending: Sending) -> list[Quota]:
    """The quotas that a photo meets on its way.

    Parameters
    ----------
    uploads_per_second
        At the busiest time.
    """
    rekognition = _values(target, "rekognition")
    states = _values(target, "states")
    found = [
        Quota(
            f"Rekognition {operation}",
            _find(rekognition, rf"\b{operation}\b"),
            calls * uploads_per_second + audit,
            "calls a second",
        )
        for operation, (calls, audit) in REKOGNITION_CALLS.items()
    ]
    found.append(
        Quota(
            "Lambda",
            _concurrent_executions(target),
            FUNCTION_SECONDS * uploads_per_second + SPARE_EXECUTIONS,
            "executions at once",
        )
    )
    for name, needed in (("StartExecution", 1), ("StateTransition", TRANSITIONS)):
        allowed = _find(states, rf"\b{name}\b.*refill")
        found.append(Quota(f"Step Functions {name}", allowed, needed * uploads_per_second, "a second"))
    found.append(Quota("SES", sending.per_second, uploads_per_second, "mails a second"))
    return found


def tell_quotas(quotas: list[Quota], uploads_per_second: float, progress: Progress) -> None:
    """Show each quota, and warn of each that the expected load doesn't fit into."""
    load = f"{uploads_per_second:g} {'upload' if uploads_per_second == 1 else 'uploads'} a second"
    unknown = [quota.name for quota in quotas if quota.allowed is None]
    for quota in quotas:
        if quota.allowed is None:
            continue
        text = f"{quota.name}: {quota.allowed:g} {quota.unit}, {quota.needed:g} needed for {load}"
        if quota.allowed < quota.needed:
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
