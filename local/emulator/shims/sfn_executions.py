"""What an execution promises: an idempotent start, an end in time, an end that stays.

Upstream refuses a repeated StartExecution even while the execution runs with the same input
(AWS answers with the running one), ignores the state machine's TimeoutSeconds, lets the
branches of a Parallel state and the retries of a task go on after the execution was stopped
and a task that fails later turn ABORTED into FAILED, and lets parallel branches share one
context object, so that ``$$.State.Name`` may be the other branch's.
"""

import contextvars
import functools
import json
import threading
from typing import Any

from local.emulator import upstream

_NAME = "sfn_executions"
_RUNNING = "RUNNING"


class _EndedError(Exception):
    """The execution has ended: nothing more is scheduled, retried or caught in its name."""


def install() -> None:
    """Wrap start, run, task, branch and failure of executions."""
    states = upstream.module(_NAME, "services.stepfunctions")
    for name in ("_executions", "_state_machines", "_ExecutionError", "_add_event", "now_iso"):
        upstream.attribute(_NAME, states, name)
    upstream.function(_NAME, states, "_emit_execution_status_event", "execution")
    upstream.function(_NAME, states, "json_response", "data", "status", "content_type")
    _start_idempotently(states)
    _end_in_time(states)
    _stay_ended(states)
    _separate_branches(states)


def _start_idempotently(states: Any) -> None:
    start = upstream.function(_NAME, states, "_start_execution", "data")
    resolve = upstream.function(_NAME, states, "_resolve_state_machine_arn", "arn")

    @functools.wraps(start)
    def start_once(data: dict[str, Any]) -> Any:
        machine = resolve(data.get("stateMachineArn", ""))
        if machine and data.get("name"):
            arn = f"{machine.replace(':stateMachine:', ':execution:', 1)}:{data['name']}"
            running = states._executions.get(arn)
            same_input = running and running["input"] == data.get("input", "{}")
            if running and running["status"] == _RUNNING and same_input:
                return states.json_response({"executionArn": arn, "startDate": running["startDate"]})
        return start(data)

    states._start_execution = start_once


def _end_in_time(states: Any) -> None:
    run = upstream.function(_NAME, states, "_run_execution", "exec_arn")

    def time_out(arn: str) -> None:
        execution = states._executions.get(arn)
        if not execution or execution["status"] != _RUNNING:
            return
        execution.update(status="TIMED_OUT", stopDate=states.now_iso())
        states._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
        states._emit_execution_status_event(execution)

    @functools.wraps(run)
    def run_in_time(exec_arn: str) -> None:
        seconds = _timeout_of(states, exec_arn)
        if seconds is None:
            run(exec_arn)
            return
        # The store of executions is looked up by the account and region of this context.
        scope = contextvars.copy_context()
        timer = threading.Timer(seconds, scope.run, args=(time_out, exec_arn))
        timer.daemon = True
        timer.start()
        try:
            run(exec_arn)
        finally:
            timer.cancel()

    states._run_execution = run_in_time


def _timeout_of(states: Any, exec_arn: str) -> float | None:
    execution = states._executions.get(exec_arn) or {}
    machine = states._state_machines.get(execution.get("stateMachineArn")) or {}
    try:
        seconds = json.loads(machine["definition"])["TimeoutSeconds"]
    except (KeyError, ValueError, TypeError):
        return None
    return float(seconds) if isinstance(seconds, int | float) else None


def _stay_ended(states: Any) -> None:
    fail = upstream.function(_NAME, states, "_fail_execution", "execution", "error", "cause")
    task = upstream.function(_NAME, states, "_execute_task", "state_def", "raw_input", "execution", "ctx")
    add_event = upstream.function(_NAME, states, "_add_event", "execution", "event_type", "details")

    @functools.wraps(fail)
    def fail_if_running(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == _RUNNING:
            fail(execution, error, cause)

    @functools.wraps(task)
    def only_while_running(
        state_def: dict[str, Any], raw_input: Any, execution: dict[str, Any], ctx: dict[str, Any]
    ) -> Any:
        try:
            return task(state_def, raw_input, execution, ctx)
        except _EndedError as error:
            raise states._ExecutionError("States.Runtime", str(error)) from error

    @functools.wraps(add_event)
    def refuse_more_tasks(execution: dict[str, Any], event_type: str, details: Any = None) -> Any:
        # Each attempt of a task begins with this event.
        if event_type == "TaskScheduled" and execution.get("status", _RUNNING) != _RUNNING:
            raise _EndedError("The execution has ended.")
        return add_event(execution, event_type, details)

    states._add_event = refuse_more_tasks
    states._fail_execution = fail_if_running
    states._execute_task = only_while_running


def _separate_branches(states: Any) -> None:
    branch = upstream.function(
        _NAME, states, "_run_sub_machine", "states", "start_at", "input_data", "execution", "ctx"
    )

    @functools.wraps(branch)
    def with_own_context(
        states: dict[str, Any], start_at: str, input_data: Any, execution: dict[str, Any], ctx: dict[str, Any]
    ) -> Any:
        return branch(states, start_at, input_data, execution, dict(ctx))

    states._run_sub_machine = with_own_context
