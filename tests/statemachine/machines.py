"""The smallest state machines, for tests of the interpreter itself."""

from __future__ import annotations

from typing import Any

from tests.asl import Execution, TaskCall, run

TASK = {"Type": "Task", "Resource": "work", "End": True}


def machine(*, start: str = "A", timeout: int | None = None, **states: Any) -> dict[str, Any]:
    timeouts = {} if timeout is None else {"TimeoutSeconds": timeout}
    return {"StartAt": start, "States": states, **timeouts}


def one(**fields: Any) -> dict[str, Any]:
    """A machine of one Task."""
    return machine(A={**TASK, **fields})


def ended(definition: dict[str, Any], data: Any = None, answer: Any = "done") -> Execution:
    """Run a machine whose every task answers the same."""

    def perform(call: TaskCall) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return run(Execution(definition, {} if data is None else data), perform)


def split(*, catch: bool = False, **branch_states: Any) -> dict[str, Any]:
    """Two branches of one task each, B and C, within P."""
    branches = [{"StartAt": name, "States": {name: {**TASK, **branch_states}}} for name in ("B", "C")]
    parallel: dict[str, Any] = {"Type": "Parallel", "Branches": branches, "End": True}
    states: dict[str, Any] = {"P": parallel}
    if catch:
        parallel["Catch"] = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
        states["Caught"] = {"Type": "Succeed"}
    return machine(start="P", **states)
