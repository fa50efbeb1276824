"""The history of an execution tells which event follows which, also inside a Parallel state.

Upstream numbers the events and no more: without AWS's ``previousEventId`` nobody can tell to which
branch a TaskFailed belongs, and the states of a branch are neither entered nor left.
"""

import functools
import json
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from local.emulator import upstream

_NAME = "sfn_history"
_HANDLERS = {
    "Pass": ("state_def", "raw_input", "ctx"),
    "Choice": ("state_def", "raw_input", "ctx"),
    "Wait": ("state_def", "raw_input", "ctx"),
    "Task": ("state_def", "raw_input", "execution", "ctx"),
    "Parallel": ("state_def", "raw_input", "execution", "ctx"),
    "Map": ("state_def", "raw_input", "execution", "ctx"),
}

# Each branch runs in a thread with a copy of its parent's context, so each has a chain of its own.
_last: ContextVar[tuple[str, int]] = ContextVar("_last", default=("", 0))
_branch_of: ContextVar[dict[str, Any] | None] = ContextVar("_branch_of", default=None)


def install() -> None:
    """Wrap what adds an event, what runs a branch, and what handles a state."""
    states = upstream.module(_NAME, "services.stepfunctions")
    _chain_events(states)
    _mark_branches(states)
    for kind, parameters in _HANDLERS.items():
        name = f"_execute_{kind.lower()}"
        setattr(states, name, _recorded(states, kind, upstream.function(_NAME, states, name, *parameters)))


def _chain_events(states: Any) -> None:
    add = upstream.function(_NAME, states, "_add_event", "execution", "event_type", "details")
    numbering = threading.Lock()

    @functools.wraps(add)
    def add_after_the_last(execution: dict[str, Any], event_type: str, details: Any = None) -> Any:
        # An event's number is the length of the list: two branches must not read it at once.
        with numbering:
            event = add(execution, event_type, details)
        arn, last = _last.get()
        event["previousEventId"] = last if arn == execution["executionArn"] else 0
        _last.set((execution["executionArn"], event["id"]))
        return event

    states._add_event = add_after_the_last


def _mark_branches(states: Any) -> None:
    run = upstream.function(
        _NAME, states, "_run_sub_machine", "states", "start_at", "input_data", "execution", "ctx"
    )

    @functools.wraps(run)
    def run_marked(
        states: dict[str, Any], start_at: str, input_data: Any, execution: dict[str, Any], ctx: dict[str, Any]
    ) -> Any:
        token = _branch_of.set(execution)
        try:
            return run(states, start_at, input_data, execution, ctx)
        finally:
            _branch_of.reset(token)

    states._run_sub_machine = run_marked


def _recorded(states: Any, kind: str, handle: Callable[..., Any]) -> Callable[..., Any]:
    """The handler of a kind of state; in a branch it says what it enters and leaves, as upstream outside."""

    @functools.wraps(handle)
    def handle_recorded(state_def: dict[str, Any], raw_input: Any, *rest: Any) -> Any:
        execution = _branch_of.get()
        if execution is None:
            return handle(state_def, raw_input, *rest)
        name = rest[-1]["State"]["Name"]
        _tell(states, execution, f"{kind}StateEntered", "stateEntered", name, input=raw_input)
        output, following = handle(state_def, raw_input, *rest)
        _tell(states, execution, f"{kind}StateExited", "stateExited", name, output=output)
        return output, following

    return handle_recorded


def _tell(
    states: Any, execution: dict[str, Any], event_type: str, details: str, name: str, **data: Any
) -> None:
    # A branch may still be under way in an execution that was stopped: nothing is entered there any more.
    if execution.get("status") == "RUNNING":
        texts = {key: json.dumps(value) for key, value in data.items()}
        states._add_event(execution, event_type, {f"{details}EventDetails": {"name": name, **texts}})
