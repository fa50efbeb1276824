"""How fast uploads are started: as the quotas carry, unless an operator has set it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.errors import CheckError
from deploy.functions import AUDIT, START_PROCESSING
from deploy.progress import Progress
from deploy.quotas import Quota

PER_SECOND = "ADMISSIONS_PER_SECOND"
BURST = "ADMISSION_BURST"
AUDIT_CALLS = "AUDIT_CALLS_PER_SECOND"
# The audit's default of the app's settings.
DEFAULT_AUDIT_CALLS = 1
# Functions that take turns.
ADMITTING = (START_PROCESSING, AUDIT)


@dataclass(frozen=True)
class Admission:
    """How uploads are started.

    Attributes
    ----------
    per_second, burst
        Uploads started in a second, and those that may be ahead of that at once.
    computed
        What of it no operator has set: variables of the functions that take turns.
    """

    per_second: int
    burst: int
    computed: Mapping[str, str]


def audit_calls(own: Mapping[str, str]) -> int:
    """Calls a second of Rekognition that the audit takes.

    Parameters
    ----------
    own
        Variables that an operator has set for this stage.
    """
    return _own_number(own, AUDIT_CALLS) or DEFAULT_AUDIT_CALLS


def admission_of(quotas: list[Quota], own: Mapping[str, str], progress: Progress) -> Admission:
    """Tell and return how uploads are started.

    The least of what the quotas carry; of one that isn't told, the least that accounts have.

    Parameters
    ----------
    own
        Variables that an operator has set for this stage: they are taken as they are.

    Raises
    ------
    CheckError
        If one of those is no number from 1 up.
    """
    pace, least = min((quota.carries, quota.name) for quota in quotas if quota.carries is not None)
    at_once = min(quota.carries_at_once for quota in quotas if quota.carries_at_once is not None)
    found = {PER_SECOND: max(1, math.floor(pace)), BURST: max(1, math.floor(at_once))}
    chosen = {name: _own_number(own, name) for name in found}
    per_second, burst = (chosen[name] or found[name] for name in (PER_SECOND, BURST))
    text = f"uploads are started {per_second} a second, and {burst} at once; the others wait for their turn"
    limit = f"{least} carries {pace:.3g} a second"
    if chosen[PER_SECOND]:
        text += f" ({PER_SECOND} is set; {limit})"
    else:
        text += f" ({limit})"
    if per_second > pace:
        progress.warn(f"{text}. That is less: in a crowd photos fail. Ask for more, or set {PER_SECOND}.")
    else:
        progress.detail(text)
    for quota in quotas:
        if quota.allowed is None and quota.assumed is not None:
            progress.detail(f"{quota.name} is taken for {quota.assumed:g} {quota.unit}, the least there is")
    computed = {name: str(value) for name, value in found.items() if not chosen[name]}
    return Admission(per_second, burst, computed)


def _own_number(own: Mapping[str, str], name: str) -> int | None:
    text = own.get(name)
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise CheckError(f"{name} must be a whole number from 1 up, not {text!r}: see .chalice/config.json.")
    return int(text)
