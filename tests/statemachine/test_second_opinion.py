"""What somebody else's program says of the definitions: cfn-lint's schema of the States Language (E3601)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint

from tests.statemachine.definitions import rider_photo_processing
from tests.statemachine.test_workshop import ALL

DEFINITIONS = {"RiderPhotoProcessing": rider_photo_processing(), **ALL}


def opinion(definition: dict[str, Any]) -> list[str]:
    properties = {
        "RoleArn": "arn:aws:iam::123456789012:role/machine",
        "DefinitionString": json.dumps(definition),
    }
    resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    template = json.dumps({"Resources": {"Machine": resource}})
    return [match.rule.id for match in lint(template, config=ManualArgs(regions=["us-east-1"]))]


@pytest.mark.parametrize("name", DEFINITIONS)
def test_cfn_lint_finds_nothing(name: str) -> None:
    assert opinion(DEFINITIONS[name]) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda machine: machine.pop("StartAt"),
        lambda machine: machine["States"]["FaceDetection"].pop("Next"),
        lambda machine: machine["States"]["UndoExecution"].update(Type="Tusk"),
    ],
    ids=["no StartAt", "no Next", "unknown type"],
)
def test_cfn_lint_does_look(spoil: Callable[[dict[str, Any]], object]) -> None:
    machine = rider_photo_processing()
    spoil(machine)
    assert opinion(machine) == ["E3601"]
