from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib import errors

DEFINITION = json.loads(
    (Path(__file__).parents[2] / "statemachine" / "rider_photo_processing.asl.json").read_text()
)
CLASSES = {name: found for name, found in vars(errors).items() if inspect.isclass(found)}


def states(definition: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in definition["States"].items():
        yield name, state
        for branch in state.get("Branches", []):
            yield from states(branch)


def error_names(state: dict[str, Any], field: str) -> set[str]:
    return {error for rule in state.get(field, []) for error in rule["ErrorEquals"]}


ALL_STATES = dict(states(DEFINITION))
CUSTOM = {
    error
    for state in ALL_STATES.values()
    for field in ("Retry", "Catch")
    for error in error_names(state, field)
    if "." not in error
}


def test_every_error_name_of_the_state_machine_is_a_class() -> None:
    assert CUSTOM
    assert set(CLASSES) >= CUSTOM
    assert "PhotoDoesNotMeetRequirementError" in CUSTOM
    assert "FaceAlreadyExistsError" in CUSTOM


@pytest.mark.parametrize(
    "name", [name for name, state in ALL_STATES.items() if state["Type"] in {"Task", "Parallel"}]
)
def test_whatever_a_task_raises_is_caught(name: str) -> None:
    assert "States.ALL" in error_names(ALL_STATES[name], "Catch")


@pytest.mark.parametrize(
    "name", [n for n, s in ALL_STATES.items() if "lambda:invoke" in s.get("Resource", "")]
)
def test_what_may_pass_is_retried_and_what_the_rider_must_mend_is_not(name: str) -> None:
    retried = error_names(ALL_STATES[name], "Retry")
    assert "ServiceUnavailableError" in retried
    assert retried & {"PhotoDoesNotMeetRequirementError", "FaceAlreadyExistsError", "States.ALL"} == set()


@pytest.mark.parametrize("name", CLASSES)
def test_every_error_says_when_it_is_raised(name: str) -> None:
    assert issubclass(CLASSES[name], errors.RiderPhotoError)
    assert (inspect.getdoc(CLASSES[name]) or "").split("\n")[0].rstrip().endswith((".", "on purpose."))


def test_the_tree_at_the_top_names_every_error() -> None:
    tree = {line.split()[1] for line in (errors.__doc__ or "").splitlines() if line.startswith(("├", "└"))}
    assert tree == set(CLASSES) - {"RiderPhotoError"}
