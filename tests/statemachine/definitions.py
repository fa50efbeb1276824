"""The project's definition, read as it stands in the repository, and what its names stand for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from tests.asl import load
from tests.asl.definition import State, substitutions_in

ROOT: Final = Path(__file__).resolve().parents[2]
TEXT: Final = (ROOT / "statemachine" / "rider_photo_processing.asl.json").read_text()
RIDER_PHOTO_TABLE: Final = "rider-photos-test-riders"
MACHINE_ARN: Final = "arn:aws:states:us-east-1:000000000000:stateMachine:RiderPhotoProcessing-test"


def function_arn(function: str) -> str:
    """The ARN under which the tests know a function of app.py."""
    return f"arn:aws:lambda:us-east-1:000000000000:function:rider-photos-test-{function}"


def function_of_substitution(name: str) -> str:
    """The function that a substitution stands for: DetectFacesFunctionArn → detect_faces."""
    words = re.findall("[A-Z][a-z]+", name.removesuffix("FunctionArn"))
    return "_".join(word.lower() for word in words)


SUBSTITUTIONS: Final = {
    name: function_arn(function_of_substitution(name)) if name.endswith("FunctionArn") else RIDER_PHOTO_TABLE
    for name in substitutions_in(TEXT)
}


def rider_photo_processing() -> dict[str, Any]:
    """The definition with its names filled in."""
    return load(TEXT, SUBSTITUTIONS)


def function_of(state: State) -> str | None:
    """The function that a Task state invokes; None for a native integration."""
    arn = state.get("Parameters", {}).get("FunctionName", "")
    return arn.rpartition("rider-photos-test-")[2] or None


def function_timeouts() -> dict[str, int]:
    """Seconds that each function may take."""
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    return {name: block["lambda_timeout"] for name, block in config["lambda_functions"].items()}
