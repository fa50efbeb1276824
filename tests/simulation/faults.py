"""What can go wrong at an AWS call, or to an execution as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from tests.simulation.invocations import Outcome
from tests.simulation.stand_ins import Answer, Request

CRASHED: Final = Outcome(error="Lambda.Unknown", cause="The function exited before it answered.")


class Fault(StrEnum):
    """What can go wrong."""

    THROTTLED = "throttled"  # refused for now, without effect
    REFUSED = "refused"  # refused for good, without effect
    LOST = "answer lost"  # done, but no answer came
    REPEATED = "repeated"  # done, the answer was lost, and the SDK made the call again
    CRASH = "crash"  # the function dies before the call; the machine or Lambda tries again
    CRASH_AFTER = "crash after"  # the function dies after the call, before it can do anything with the answer
    CRASH_FOR_GOOD = "crash for good"  # it dies there at every attempt
    CRASH_AFTER_FOR_GOOD = "crash after for good"
    ABORT = "abort"  # of an execution: its functions run on, unheard
    GIVE_UP = "give up"  # the machine's patience with a rival or the index is at an end


KILLS: Final = frozenset({Fault.CRASH, Fault.CRASH_AFTER, Fault.CRASH_FOR_GOOD, Fault.CRASH_AFTER_FOR_GOOD})
AFTER_EFFECT: Final = frozenset({Fault.LOST, Fault.REPEATED, Fault.CRASH_AFTER, Fault.CRASH_AFTER_FOR_GOOD})
FOR_GOOD: Final = frozenset({Fault.CRASH_FOR_GOOD, Fault.CRASH_AFTER_FOR_GOOD})
_READS: Final = ("get_", "head_", "query", "list_", "search_", "detect_", "describe_", "admin_get_")
_NATIVE: Final = (Fault.THROTTLED, Fault.REFUSED, Fault.LOST, Fault.REPEATED)


def faults_at(request: Request, *, native: bool) -> Iterable[Fault]:
    """The faults that make a difference at a call.

    That a reading function dies after the call is no different from before the next one; and the answer
    of a call that is only read is lost as well as refused.
    """
    if native:
        return _NATIVE
    if request.operation.startswith(_READS):
        return (Fault.THROTTLED, Fault.REFUSED, Fault.CRASH, Fault.CRASH_FOR_GOOD)
    repeated = () if request.service == "sesv2" else (Fault.REPEATED,)  # its client makes one attempt
    return (
        *(Fault.THROTTLED, Fault.REFUSED, Fault.LOST, *repeated),
        *(Fault.CRASH, Fault.CRASH_AFTER, Fault.CRASH_FOR_GOOD, Fault.CRASH_AFTER_FOR_GOOD),
    )


def answer_of(fault: Fault, request: Request) -> Answer:
    """What the caller hears of a call that was throttled, refused, or whose answer was lost."""
    if fault is Fault.LOST:
        return Answer(error=("", "no answer", 0))
    if fault is Fault.REFUSED:
        return Answer(error=("AccessDeniedException", "You are not authorized to perform this.", 403))
    code = "TooManyRequestsException" if request.service == "sesv2" else "ThrottlingException"
    return Answer(error=(code, "Rate exceeded", 429))
