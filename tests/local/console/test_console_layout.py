"""The drawing of a definition: every state and every edge, nothing on top of something else."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from local.console.layout import draw
from local.places import PROJECT
from tests.asl.definition import every_state

DEFINITION = json.loads((PROJECT / "statemachine" / "rider_photo_processing.asl.json").read_text())
PASS = {"Type": "Pass", "End": True}
OTHERS: dict[str, dict[str, Any]] = {
    "one state": {"StartAt": "A", "States": {"A": PASS}},
    "a circle": {
        "StartAt": "A",
        "States": {
            "A": {"Type": "Pass", "Next": "B"},
            "B": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.x", "IsPresent": True, "Next": "A"}],
                "Default": "C",
            },
            "C": PASS,
        },
    },
    "a circle beside the way": {
        "StartAt": "A",
        "States": {
            "A": {
                "Type": "Task",
                "Resource": "x",
                "End": True,
                "Catch": [{"ErrorEquals": ["E"], "Next": "B"}],
            },
            "B": {"Type": "Wait", "Seconds": 1, "Next": "C"},
            "C": {
                "Type": "Task",
                "Resource": "x",
                "Next": "D",
                "Catch": [{"ErrorEquals": ["E"], "Next": "B"}],
            },
            "D": {"Type": "Pass", "Next": "A"},
        },
    },
    "a map within a branch": {
        "StartAt": "A",
        "States": {
            "A": {
                "Type": "Parallel",
                "Branches": [
                    {
                        "StartAt": "B",
                        "States": {
                            "B": {
                                "Type": "Map",
                                "ItemProcessor": {"StartAt": "C", "States": {"C": PASS}},
                                "End": True,
                            }
                        },
                    },
                    {"StartAt": "D", "States": {"D": PASS}},
                ],
                "End": True,
            }
        },
    },
}


@pytest.mark.parametrize("definition", [DEFINITION, *OTHERS.values()], ids=["ours", *OTHERS])
def test_states_stand_apart_and_within_the_picture(definition: dict[str, Any]) -> None:
    drawn = draw(definition)
    boxes = {state["name"]: state for state in drawn["states"]}
    assert boxes
    for state in drawn["states"]:
        assert state["x"] >= 0
        assert state["x"] + state["width"] <= drawn["width"]
        assert state["y"] + state["height"] <= drawn["height"]
        if state["parent"]:
            around = boxes[state["parent"]]
            assert around["x"] < state["x"]
            assert around["y"] < state["y"]
            assert state["x"] + state["width"] < around["x"] + around["width"]
            assert state["y"] + state["height"] < around["y"] + around["height"]
    for one, other in itertools.combinations(drawn["states"], 2):
        if one["group"] or other["group"]:
            continue
        beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
        above = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
        assert beside or above, f"{one['name']} lies on {other['name']}"


@pytest.mark.parametrize("definition", [DEFINITION, *OTHERS.values()], ids=["ours", *OTHERS])
def test_each_edge_runs_from_the_rim_of_one_state_to_that_of_another(definition: dict[str, Any]) -> None:
    drawn = draw(definition)
    boxes = {state["name"]: state for state in drawn["states"]}
    for edge in drawn["edges"]:
        for name, (x, y) in ((edge["source"], edge["points"][0]), (edge["target"], edge["points"][-1])):
            box = boxes[name]
            at_a_side = x in {box["x"], box["x"] + box["width"]} and box["y"] <= y <= box["y"] + box["height"]
            at_an_end = y in {box["y"], box["y"] + box["height"]} and box["x"] <= x <= box["x"] + box["width"]
            assert at_a_side or at_an_end, f"{edge['source']} to {edge['target']} ends beside {name}"


def test_all_of_our_states_and_ways_are_drawn() -> None:
    drawn = draw(DEFINITION)
    assert {state["name"] for state in drawn["states"]} == {name for name, _ in every_state(DEFINITION)}
    edges = {(edge["source"], edge["target"]): edge["kind"] for edge in drawn["edges"]}
    expected = set()
    for name, state in every_state(DEFINITION):
        targets = [state.get("Next"), state.get("Default")]
        targets += [each["Next"] for each in (*state.get("Choices", ()), *state.get("Catch", ()))]
        expected |= {(name, target) for target in targets if target}
    assert set(edges) == expected
    assert edges["FaceDetection", "CheckFaceDuplicate"] == "next"
    assert edges["FaceDetection", "UndoExecution"] == "catch"
    assert edges["BothBranchesSucceeded", "ConfirmFaceUnique"] == "default"
    assert edges["HowItEnds", "Superseded"] == "choice"


def test_the_good_way_is_a_column_that_goes_down() -> None:
    boxes = {state["name"]: state for state in draw(DEFINITION)["states"]}
    column = [
        boxes[name]
        for name in ("FaceDetection", "CheckFaceDuplicate", "ParallelProcessing", "PersistMetadata")
    ]
    assert len({box["x"] + box["width"] / 2 for box in column}) == 1
    assert [box["y"] for box in column] == sorted(box["y"] for box in column)
    assert boxes["UndoExecution"]["x"] > column[-1]["x"] + column[-1]["width"]
