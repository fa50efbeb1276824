"""DynamoDB's calls on the world: an item a cell, as JSON; expressions as `tests.fakes` evaluates them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from tests.fakes import ENVIRONMENT
from tests.fakes.expressions import Placeholders, condition, update
from tests.simulation.cells import Edit, RefusedError, frozen

type Json = Any
type Parameters = Mapping[str, Any]

ITEMS: Final = ENVIRONMENT["RIDER_PHOTO_TABLE"]
ROWS: Final = ENVIRONMENT["UPLOADS_TABLE"]
_KEYS: Final = {ITEMS: ("Username",), ROWS: ("userId", "uploadId")}


def item_cell(table: str, key: Mapping[str, Any]) -> str:
    """The cell of a table's item."""
    return "/".join([table, *(key[name]["S"] for name in _KEYS[table])])


def get_item(world: Edit, p: Parameters, tag: str) -> Json:
    item = world.get(item_cell(p["TableName"], p["Key"]))
    return {} if item is None else {"Item": json.loads(item)}


def put_item(world: Edit, p: Parameters, tag: str) -> Json:
    cell = item_cell(p["TableName"], p["Item"])
    _check(p, json.loads(world.get(cell) or "{}"))
    world.set(cell, frozen(p["Item"]))
    return {}


def update_item(world: Edit, p: Parameters, tag: str) -> Json:
    cell = item_cell(p["TableName"], p["Key"])
    item = json.loads(world.get(cell) or "{}")
    _check(p, item)
    updated, targets = update(p["UpdateExpression"]).evaluate({**item, **p["Key"]}, _placeholders(p))
    world.set(cell, frozen(updated))
    told = {"UPDATED_NEW": updated, "UPDATED_OLD": item}.get(p.get("ReturnValues", "NONE"), {})
    attributes = {name: told[name] for name in sorted(targets) if name in told}
    return {"Attributes": attributes} if attributes else {}


def delete_item(world: Edit, p: Parameters, tag: str) -> Json:
    cell = item_cell(p["TableName"], p["Key"])
    _check(p, json.loads(world.get(cell) or "{}"))
    world.set(cell, None)
    return {}


def query(world: Edit, p: Parameters, tag: str) -> Json:
    rows = [json.loads(world.get(name)) for name in world.under(p["TableName"] + "/")]
    if p.get("IndexName"):  # rows without both keys are not in the index
        rows = sorted((row for row in rows if "status" in row and "updatedAt" in row), key=_updated_at)
    wanted, placeholders = condition(p["KeyConditionExpression"]), _placeholders(p)
    found = [row for row in rows if wanted.evaluate(row, placeholders)]
    return {"Items": found, "Count": len(found)}


def _updated_at(row: Mapping[str, Any]) -> str:
    return str(row["updatedAt"]["S"])


def _placeholders(p: Parameters) -> Placeholders:
    return Placeholders(p.get("ExpressionAttributeNames"), p.get("ExpressionAttributeValues"))


def _check(p: Parameters, item: Mapping[str, Any]) -> None:
    text = p.get("ConditionExpression")
    if text and not condition(text).evaluate(item, _placeholders(p)):
        raise RefusedError("ConditionalCheckFailedException", "The conditional request failed")
