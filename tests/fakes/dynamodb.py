"""DynamoDB in memory: items by key, real conditions, pages, indexes; stale reads unless asked otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.fakes.expressions import Expression, ExpressionError, Item, Placeholders, condition, update
from tests.fakes.service import Answer, FakeClient, Parameters, operation

type Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index with string keys, and all attributes projected."""

    table: str
    name: str
    key_names: tuple[str, str]


class FakeDynamoDB(FakeClient):
    """Tables with string keys.

    Parameters
    ----------
    tables
        The names of a table's key attributes: partition key, then sort key if there is one.
    indexes
        The tables' global secondary indexes.
    page_size
        How many items a query looks at before it answers with a LastEvaluatedKey.
    """

    service = "dynamodb"
    _state: ClassVar = {"_items": 2, "_before": 2, "_stale": 2}

    def __init__(
        self, tables: Mapping[str, tuple[str, ...]], indexes: tuple[Index, ...] = (), page_size: int = 2
    ) -> None:
        super().__init__()
        self._key_names = dict(tables)
        self._indexes = {(index.table, index.name): index for index in indexes}
        # An item is never changed: a write puts another in its place.
        self._items: dict[str, dict[Key, Item]] = {table: {} for table in tables}
        self._before: dict[str, dict[Key, Item | None]] = {table: {} for table in tables}
        self._stale: dict[str, dict[Key, Item]] = {}
        self._page_size = page_size

    def items(self, table: str) -> list[dict[str, Any]]:
        """All items of a table, in the order of their keys."""
        return [_on_the_wire(self._items[table][key]) for key in sorted(self._items[table])]

    def item(self, table: str, *key: str) -> dict[str, Any] | None:
        """One item by the values of its key."""
        item = self._items[table].get(key)
        return None if item is None else _on_the_wire(item)

    def let_indexes_lag(self) -> None:
        """From now on indexes show the tables as they are now, until `let_indexes_catch_up`."""
        self._stale = {table: dict(items) for table, items in self._items.items()}

    def let_indexes_catch_up(self) -> None:
        """Let indexes show the tables as they are."""
        self._stale = {}

    @operation
    def get_item(self, request: Parameters) -> Answer:
        table = self._table_of(request)
        key = self._key(table, request["Key"], exact=True)
        item = self._items[table].get(key)
        if not request.get("ConsistentRead"):
            item = self._before[table].get(key, item)
        return {} if item is None else {"Item": self._copy(item)}

    @operation
    def put_item(self, request: Parameters) -> Answer:
        table = self._table_of(request)
        item = self._copy(request["Item"])
        key = self._key(table, item)
        old = self._items[table].get(key)
        self._check_condition(request, old)
        self._write(table, key, item)
        return self._old(request, old)

    @operation
    def update_item(self, request: Parameters) -> Answer:
        table = self._table_of(request)
        key = self._key(table, request["Key"], exact=True)
        old = self._items[table].get(key)
        placeholders = _placeholders(request)
        change = self._read(update, request["UpdateExpression"])
        self._check_condition(request, old, change)
        try:
            updated, targets = change.evaluate(request["Key"] if old is None else old, placeholders)
        except (ExpressionError, KeyError) as error:
            raise self._invalid(error) from error
        if targets & set(self._key_names[table]):
            raise self._invalid("Cannot update attribute. This attribute is part of the key")
        self._write(table, key, self._copy(updated))
        told = {"UPDATED_NEW": updated, "UPDATED_OLD": old or {}}.get(request.get("ReturnValues", "NONE"), {})
        attributes = self._copy({name: told[name] for name in targets if name in told})
        return {"Attributes": attributes} if attributes else {}

    @operation
    def delete_item(self, request: Parameters) -> Answer:
        table = self._table_of(request)
        key = self._key(table, request["Key"], exact=True)
        old = self._items[table].get(key)
        self._check_condition(request, old)
        if old is not None:
            self._before[table][key] = self._items[table].pop(key)
        return self._old(request, old)

    @operation
    def query(self, request: Parameters) -> Answer:
        table = self._table_of(request)
        index = self._index_of(request)
        key_names = index.key_names if index else self._key_names[table]
        if index and request.get("ConsistentRead"):
            raise self._invalid("Consistent reads are not supported on global secondary indexes")
        if not index and not request.get("ConsistentRead"):
            raise AssertionError("the fake has no stale queries: ask with ConsistentRead")
        placeholders = _placeholders(request)
        expressions = [self._read(condition, request["KeyConditionExpression"])]
        if not expressions[0].names(placeholders) <= set(key_names):
            raise self._invalid("Query condition missed key schema element")
        if "FilterExpression" in request:
            expressions.append(self._read(condition, request["FilterExpression"]))
            if expressions[1].names(placeholders) & set(key_names):
                raise self._invalid("Filter Expression can only contain non-primary key attributes")
        self._check_placeholders(placeholders, expressions)
        # In an index, items of the same index key follow each other in the order of the table's key.
        order = tuple(dict.fromkeys((*key_names, *self._key_names[table])))
        items = self._stale.get(table, self._items[table]) if index else self._items[table]
        keyed = {
            tuple(item[name]["S"] for name in order): item
            for item in items.values()
            if all(name in item for name in order) and expressions[0].evaluate(item, placeholders)
        }
        after = request.get("ExclusiveStartKey")
        start = tuple(after[name]["S"] for name in order) if after else ()
        keys = [key for key in sorted(keyed) if key > start]
        page, rest = keys[: self._page_size], keys[self._page_size :]
        found = [keyed[key] for key in page]
        for wanted in expressions[1:]:
            found = [item for item in found if wanted.evaluate(item, placeholders)]
        answer: Answer = {"Items": [self._copy(item) for item in found]}
        answer |= {"Count": len(found), "ScannedCount": len(page)}
        if rest:
            answer["LastEvaluatedKey"] = {name: keyed[page[-1]][name] for name in order}
        return answer

    def _index_of(self, request: Parameters) -> Index | None:
        if "IndexName" not in request:
            return None
        index = self._indexes.get((request["TableName"], request["IndexName"]))
        if index is None:
            raise self._invalid("The table does not have the specified index")
        return index

    def _check_condition(self, request: Parameters, item: Item | None, *others: Expression) -> None:
        placeholders, expressions = _placeholders(request), list(others)
        text = request.get("ConditionExpression")
        if text is not None:
            expressions.append(self._read(condition, text))
        self._check_placeholders(placeholders, expressions)
        if text is not None and not expressions[-1].evaluate(item or {}, placeholders):
            raise self.error("ConditionalCheckFailedException", "The conditional request failed")

    def _check_placeholders(self, placeholders: Placeholders, expressions: list[Expression]) -> None:
        if self.checked:
            try:
                placeholders.check(*expressions)
            except ExpressionError as error:
                raise self._invalid(error) from error

    def _read(self, reader: Any, text: str) -> Expression:
        try:
            expression: Expression = reader(text)
        except ExpressionError as error:
            raise self._invalid(error) from error
        return expression

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

    def _write(self, table: str, key: Key, item: Item) -> None:
        if self.checked and len(json.dumps(item).encode()) > 400 * 1024:
            raise self._invalid("Item size has exceeded the maximum allowed size")
        self._before[table][key] = self._items[table].get(key)
        self._items[table][key] = item

    def _old(self, request: Parameters, old: Item | None) -> Answer:
        return {"Attributes": self._copy(old)} if old and request.get("ReturnValues") == "ALL_OLD" else {}

    def _copy(self, item: Item) -> dict[str, Any]:
        return _on_the_wire(item) if self.checked else dict(item)

    def _invalid(self, why: object) -> Exception:
        return self.error("ValidationException", str(why))


def _placeholders(request: Parameters) -> Placeholders:
    return Placeholders(request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues"))


def _on_the_wire(item: Item) -> dict[str, Any]:
    """A copy as the service gets it: enumerations are strings, and nobody shares it."""
    copy: dict[str, Any] = json.loads(json.dumps(item))
    return copy
