"""DynamoDB in memory: items by key, real conditions, pages; a read is stale unless it asks not to be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.fakes.expressions import Condition, ExpressionError, Item, Placeholders, Update
from tests.fakes.service import Answer, FakeClient, Parameters, operation

type Key = tuple[str, ...]


class FakeDynamoDB(FakeClient):
    """Tables with string keys.

    Parameters
    ----------
    tables
        The names of a table's key attributes: partition key, then sort key if there is one.
    page_size
        How many items a query looks at before it answers with a LastEvaluatedKey.
    """

    service = "dynamodb"

    def __init__(self, tables: Mapping[str, tuple[str, ...]], page_size: int = 2) -> None:
        super().__init__()
        self._key_names = dict(tables)
        self._items: dict[str, dict[Key, dict[str, Any]]] = {table: {} for table in tables}
        self._before: dict[str, dict[Key, dict[str, Any] | None]] = {table: {} for table in tables}
        self._page_size = page_size

    def items(self, table: str) -> list[dict[str, Any]]:
        """All items of a table, in the order of their keys."""
        return [_on_the_wire(self._items[table][key]) for key in sorted(self._items[table])]

    def item(self, table: str, *key: str) -> dict[str, Any] | None:
        """One item by the values of its key."""
        item = self._items[table].get(key)
        return None if item is None else _on_the_wire(item)

    @operation
    def get_item(self, request: Parameters) -> Answer:
        table = self._table_of(request)
        key = self._key(table, request["Key"], exact=True)
        item = self._items[table].get(key)
        if not request.get("ConsistentRead"):
            item = self._before[table].get(key, item)
        return {} if item is None else {"Item": _on_the_wire(item)}

    @operation
    def put_item(self, request: Parameters) -> Answer:
        table = self._table_of(request)
        item = _on_the_wire(request["Item"])
        key = self._key(table, item)
        old = self._items[table].get(key)
        placeholders = _placeholders(request)
        self._check_condition(request, old, placeholders)
        self._finish(placeholders)
        self._write(table, key, item)
        return {"Attributes": old} if request.get("ReturnValues") == "ALL_OLD" and old else {}

    @operation
    def update_item(self, request: Parameters) -> Answer:
        table = self._table_of(request)
        key = self._key(table, request["Key"], exact=True)
        old = self._items[table].get(key)
        placeholders = _placeholders(request)
        try:
            update = Update(request["UpdateExpression"], old or _on_the_wire(request["Key"]), placeholders)
            updated = _on_the_wire(update.apply())
        except ExpressionError as error:
            raise self._invalid(error) from error
        if update.targets & set(self._key_names[table]):
            raise self._invalid("Cannot update attribute. This attribute is part of the key")
        self._check_condition(request, old, placeholders)
        self._finish(placeholders)
        self._write(table, key, updated)
        return {}

    @operation
    def query(self, request: Parameters) -> Answer:
        table = self._table_of(request)
        placeholders = _placeholders(request)
        if not request.get("ConsistentRead"):
            raise AssertionError("the fake has no stale queries: ask with ConsistentRead")
        after = request.get("ExclusiveStartKey")
        start = self._key(table, after, exact=True) if after else ()
        keys = [
            key
            for key in sorted(self._items[table])
            if key > start and self._holds_for_key(request, table, key, placeholders)
        ]
        page, rest = keys[: self._page_size], keys[self._page_size :]
        found = [self._items[table][key] for key in page]
        if "FilterExpression" in request:
            found = [item for item in found if self._passes_filter(request, table, item, placeholders)]
            self._passes_filter(request, table, {}, placeholders)  # checked also where no item is
        self._holds_for_key(request, table, None, placeholders)
        self._finish(placeholders)
        answer: Answer = {"Items": [_on_the_wire(item) for item in found]}
        answer |= {"Count": len(found), "ScannedCount": len(page)}
        if rest:
            last = self._items[table][page[-1]]
            answer["LastEvaluatedKey"] = {name: last[name] for name in self._key_names[table]}
        return answer

    def _holds_for_key(
        self, request: Parameters, table: str, key: Key | None, placeholders: Placeholders
    ) -> bool:
        item = self._items[table][key] if key else {}
        holds, names = self._evaluate(request["KeyConditionExpression"], item, placeholders)
        if not names <= set(self._key_names[table]):
            raise self._invalid("Query condition missed key schema element")
        return holds

    def _passes_filter(self, request: Parameters, table: str, item: Item, placeholders: Placeholders) -> bool:
        passes, names = self._evaluate(request["FilterExpression"], item, placeholders)
        if names & set(self._key_names[table]):
            raise self._invalid("Filter Expression can only contain non-primary key attributes")
        return passes

    def _check_condition(self, request: Parameters, item: Item | None, placeholders: Placeholders) -> None:
        text = request.get("ConditionExpression")
        if text is not None and not self._evaluate(text, item or {}, placeholders)[0]:
            raise self.error("ConditionalCheckFailedException", "The conditional request failed")

    def _evaluate(self, text: str, item: Item, placeholders: Placeholders) -> tuple[bool, set[str]]:
        """Whether an expression holds for an item, and the attributes it names."""
        try:
            condition = Condition(text, item, placeholders)
            return condition.evaluate(), set(condition.names)
        except ExpressionError as error:
            raise self._invalid(error) from error

    def _finish(self, placeholders: Placeholders) -> None:
        try:
            placeholders.check_all_used()
        except ExpressionError as error:
            raise self._invalid(error) from error

    def _table_of(self, request: Parameters) -> str:
        table = request["TableName"]
        if table not in self._items:
            raise self.error("ResourceNotFoundException", "Requested resource not found")
        return str(table)

    def _key(self, table: str, item: Item, *, exact: bool = False) -> Key:
        names = self._key_names[table]
        values = [item.get(name, {}).get("S", "") for name in names]
        if not all(values) or (exact and set(item) != set(names)):
            raise self._invalid("The provided key element does not match the schema")
        return tuple(str(value) for value in values)

    def _write(self, table: str, key: Key, item: dict[str, Any]) -> None:
        if len(json.dumps(item).encode()) > 400 * 1024:
            raise self._invalid("Item size has exceeded the maximum allowed size")
        self._before[table][key] = self._items[table].get(key)
        self._items[table][key] = item

    def _invalid(self, why: object) -> Exception:
        return self.error("ValidationException", str(why))


def _placeholders(request: Parameters) -> Placeholders:
    return Placeholders(request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues"))


def _on_the_wire(item: Mapping[str, Any]) -> dict[str, Any]:
    """A copy as the service gets it: enumerations are strings, and nobody shares it."""
    copy: dict[str, Any] = json.loads(json.dumps(item))
    return copy
