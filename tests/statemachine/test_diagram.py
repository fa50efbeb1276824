"""The picture in the README shows the definition as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.asl.definition import every_state
from tests.statemachine import diagram
from tests.statemachine.definitions import rider_photo_processing

DEFINITION = rider_photo_processing()


def test_the_readmes_picture_is_fresh() -> None:
    readme = diagram.README.read_text()
    fresh = diagram.refreshed(readme, diagram.mermaid(DEFINITION))
    assert readme == fresh, "run: python -m tests.statemachine.diagram"


def test_the_readme_describes_each_state() -> None:
    words = diagram.README.read_text().partition(diagram.END)[2]
    undescribed = [name for name, _ in every_state(DEFINITION) if f"**{name}**" not in words]
    assert undescribed == []


def test_a_stale_picture_is_replaced_and_the_rest_kept(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("# Title\n\n```mermaid\nstale\n```\n\n```\nother\n```\n")
    diagram.main(readme)
    drawn = diagram.mermaid(DEFINITION)
    assert readme.read_text() == f"# Title\n\n```mermaid\n{drawn}```\n\n```\nother\n```\n"


def test_a_readme_without_a_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="substring not found"):
        diagram.refreshed("# Title\n", "stateDiagram-v2\n")


def test_each_state_is_drawn_and_each_way_out_of_it() -> None:
    drawn = diagram.mermaid(
        {
            "StartAt": "A",
            "States": {
                "A": {
                    "Type": "Task",
                    "Next": "B",
                    "Catch": [
                        {"ErrorEquals": ["OneError", "TwoError"], "Next": "C"},
                        {"ErrorEquals": ["States.ALL"], "Next": "D"},
                    ],
                },
                "B": {
                    "Type": "Choice",
                    "Choices": [{"Variable": "$.status", "StringEquals": "well", "Next": "C"}],
                    "Default": "D",
                },
                "C": {"Type": "Succeed"},
                "D": {"Type": "Fail"},
            },
        }
    )
    assert drawn.splitlines() == [
        "stateDiagram-v2",
        "    [*] --> A",
        "    A --> B",
        "    A --> C : One or Two",
        "    A --> D : any other failure",
        "    state B <<choice>>",
        "    B --> C : well",
        "    B --> D : otherwise",
        "    C --> [*]",
        "    D --> [*] : fails",
    ]
