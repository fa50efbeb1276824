"""What the embedded AWS decided on the calls of the functions, each made as its role.

A second recording beside that of `tests/roles`: there calls of simulation and fakes, here those that came
over the wire. There each grant, but for the few of `IMPLIED`, is some recorded call's; so a call that such a
grant covers here is one that is recorded there too, and both need not run in one process. The reverse,
whether each grant is used, is asked once all processes have ended: `tests.e2e.exercised`. What the state
machine calls itself is not in it, since the embedded AWS doesn't ask IAM for that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from deploy import Deployment
from deploy.functions import FUNCTIONS, Names
from tests.fakes import ENVIRONMENT
from tests.roles.calls import Need
from tests.roles.grants import Grant, grants
from tests.roles.test_least_privilege import is_implied
from tests.statemachine.template import logical_name

# Under which names the grants are read.
_STAGE: Final = "test"
_ACCOUNT: Final = "123456789012"


class Decision(NamedTuple):
    """Whether a function's role may do something, as the embedded AWS found."""

    function: str
    need: Need
    allowed: bool


def decisions(log: Path, deployment: Deployment, sender: str) -> set[Decision]:
    """All that was decided, named as in the stage that `tests.roles.grants` reads; fails if nothing was.

    Raises
    ------
    AssertionError
        If nothing is recorded, or of a role that is no function's.
    """
    assert log.exists(), f"nothing was recorded: {log} is missing"
    lines = log.read_text(encoding="utf-8").splitlines()
    assert lines, f"nothing was recorded: {log} is empty"
    stack = Names(deployment.stage).stack
    functions = {f"{stack}-{logical_name(function)}Role": function for function in FUNCTIONS}
    names = {
        deployment.outputs["UserPoolArn"]: ENVIRONMENT["USER_POOL_ARN"],
        sender: ENVIRONMENT["SENDER"],
        stack: Names(_STAGE).stack,
        f"RiderPhotoProcessing-{deployment.stage}": f"RiderPhotoProcessing-{_STAGE}",
        deployment.account_id: _ACCOUNT,
    }
    found = set()
    for made in map(json.loads, lines):
        role = made["role"].rpartition("-")[0]  # CloudFormation's own suffix
        assert role in functions, f"{made['role']} is no function's role"
        keys = tuple((key, _renamed(value, names)) for key, value in made["keys"].items())
        need = Need(made["action"], _renamed(made["resource"], names), keys)
        found.add(Decision(functions[role], need, made["allowed"]))
    return found


def assert_authorized(log: Path, deployment: Deployment, sender: str) -> set[tuple[str, Grant]]:
    """Nothing that a function called was refused, nor let pass though its role doesn't grant it.

    And each call is one that `tests/roles` recorded.

    Returns
    -------
    set of (str, Grant)
        By function: the grants that were used.
    """
    granted = grants()
    made = decisions(log, deployment, sender)
    used: set[tuple[str, Grant]] = set()
    refused, ungranted, unrecorded = set(), set(), set()
    for function, need, allowed in made:
        if not allowed:
            refused.add((function, need))
        covering = _covering(granted, function, need)
        used.update((function, grant) for grant in covering)
        if not covering:
            ungranted.add((function, need))
        elif all(is_implied(function, grant) for grant in covering):
            unrecorded.add((function, need))
    assert not refused, f"refused: {sorted(refused)}"
    assert not ungranted, f"no grant covers: {sorted(ungranted)}"
    assert not unrecorded, f"tests/roles doesn't record: {sorted(unrecorded)}"
    return used


def _covering(granted: Mapping[str, set[Grant]], function: str, need: Need) -> list[Grant]:
    return [grant for grant in granted[f"{logical_name(function)}Role"] if grant.covers(need)]


def _renamed(resource: Any, names: Mapping[str, str]) -> str:
    text = str(resource)
    for name, other in names.items():
        text = text.replace(name, other)
    return text
