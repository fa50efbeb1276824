"""A schedule as a person reads it: who called what on which key, and what came of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tests.simulation.cells import World
from tests.simulation.dynamodb import ITEMS, ROWS
from tests.simulation.scenarios import Scenario
from tests.simulation.services import PHOTOS, THUMBNAILS
from tests.simulation.stand_ins import Request
from tests.simulation.system import Happened

# What each operation is about, and what it says of it.
_ABOUT: Final = ("Key", "ExternalImageId", "FaceId", "FaceIds", "executionArn", "name", "Username", "Prefix")
_DULL: Final = frozenset(
    {"updatedAt", "createdAt", "acceptedAt", "expiresAt", "s3bucket", "s3key", "s3versionid"}
)
_DIGEST: Final = re.compile(r"-[0-9a-f]{32}\b")


class Names:
    """Short names for what a scenario has long ones for."""

    def __init__(self, scenario: Scenario) -> None:
        self._short = [
            ("arn:aws:states:us-east-1:123456789012:execution:RiderPhotoProcessing-test:", "execution "),
            (PHOTOS, "photos"),
            (THUMBNAILS, "thumbnails"),
            (ROWS, "rows"),
            (ITEMS, "items"),
        ]
        self._short += [(upload.upload_id, f"№{upload.minute}") for upload in scenario.uploads]

    def short(self, text: str) -> str:
        """The text with short names."""
        for long, name in self._short:
            text = text.replace(long, name)
        return _DIGEST.sub("", text)

    def lines(self, trace: Sequence[Happened]) -> Iterator[str]:
        """The trace, a call a line."""
        for number, happened in enumerate(trace, 1):
            call = f" {_call(happened.request)}" if happened.request else ""
            yield self.short(f"{number:4} {happened.action}{call} → {_result(happened.answer)}")

    def world(self, world: World) -> Iterator[str]:
        """The world, a cell a line."""
        for name, value in sorted(world.cells.items()):
            shown = _item(json.loads(value)) if isinstance(value, str) and value[:1] == "{" else value
            yield self.short(f"     {name} = {shown}")


def _call(request: Request) -> str:
    parameters = request.parameters
    about = [_key(parameters[name]) for name in _ABOUT if name in parameters]
    if "S3Object" in parameters.get("Image", {}):
        about.append(parameters["Image"]["S3Object"]["Name"])
    if "Item" in parameters:
        about.append(_item(parameters["Item"]))
    values = parameters.get("ExpressionAttributeValues", {})
    if "UpdateExpression" in parameters or "KeyConditionExpression" in parameters:
        about.append(_item({name.lstrip(":"): value for name, value in values.items()}))
    if "ConditionExpression" in parameters:
        about.append(f"if {parameters['ConditionExpression']}")
    return f"{request.operation} {' '.join(about)}"


def _key(value: Any) -> str:
    if isinstance(value, Mapping):
        return "/".join(part["S"] for part in reversed(value.values()))
    return ", ".join(value) if isinstance(value, list) else str(value)


def _item(item: Mapping[str, Any]) -> str:
    parts = [f"{name}={_text(value)}" for name, value in item.items() if name not in _DULL]
    return "{" + " ".join(parts) + "}"


def _text(value: Any) -> str:
    if isinstance(value, Mapping) and len(value) == 1:
        [(kind, content)] = value.items()
        return _item(content) if kind == "M" else str(content)
    return str(value)


def _result(answer: str) -> str:
    if not answer.startswith("{"):
        return answer
    result = json.loads(answer)
    if "Item" in result:
        return _item(result["Item"])
    if "Items" in result:
        return f"[{', '.join(_item(item) for item in result['Items'])}]"
    if "FaceMatches" in result:
        return f"[{', '.join(match['Face']['FaceId'] for match in result['FaceMatches'])}]"
    if "FaceRecords" in result:
        return f"[{', '.join(record['Face']['FaceId'] for record in result['FaceRecords'])}]"
    return "ok" if result else "{}"
