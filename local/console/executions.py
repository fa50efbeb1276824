"""Executions of the state machine: a list, one of them in full, and what many of them did together."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from statistics import median
from typing import Any

from chalicelib.models import is_upload_id
from local.console.history import Course, course_of, milliseconds
from local.console.layout import draw
from local.console.places import ConsoleError, Places, Row, offset_of

PAGE = 25
STATUSES = ("RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
_NAME = re.compile(r"[^\x00-\x1f\x7f:/?*<>{}\[\]\"#%\\^|~`$&,;]{1,80}")
_UPLOAD_ID_LENGTH = 36
_KEPT = 500


class Executions:
    """Reads Step Functions, and the uploads table for whose photo an execution is about."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._lock = threading.Lock()
        # What has ended doesn't change any more.
        self._ended: OrderedDict[str, tuple[Row, Course]] = OrderedDict()
        self._inputs: OrderedDict[str, Row] = OrderedDict()

    def page(self, status: str | None, search: str, cursor: str | None) -> dict[str, Any]:
        """A page of executions, newest first.

        Parameters
        ----------
        search
            Part of a rider's userId, of an uploadId or of a name.
        cursor
            `next` of the page before.

        Raises
        ------
        ConsoleError
            400, for a status or a cursor that there isn't.
        """
        if status is not None and status not in STATUSES:
            raise ConsoleError(400, f"There is no status {status!r}.")
        if search:
            listed, following = self._search(status, search, cursor)
        else:
            listed, following = self._list(status, cursor)
        rows = self._rows_of([execution["name"] for execution in listed])
        return {"executions": [self._line(execution, rows) for execution in listed], "next": following}

    def one(self, name: str) -> dict[str, Any]:
        """An execution with its states as drawn, what happened in each, and the upload's row.

        Raises
        ------
        ConsoleError
            404, if there is none of that name.
        """
        arn = self._arn(name)
        described, course = self._read(arn)
        definition = self._sfn.describe_state_machine_for_execution(executionArn=arn)["definition"]
        row = self._rows_of([name]).get(name)
        return {
            **self._line(described, {name: row} if row else {}),
            "arn": arn,
            "input": described.get("input"),
            "output": described.get("output"),
            "error": described.get("error"),
            "cause": described.get("cause"),
            "row": row,
            "graph": draw(json.loads(definition)),
            "visits": [asdict(visit) for visit in course.visits],
            "taken": course.edges,
        }

    def pipeline(self, last: int) -> dict[str, Any]:
        """The states as drawn, and what the last executions did in each of them."""
        listed = self._sfn.list_executions(
            stateMachineArn=self._places.state_machine_arn, maxResults=max(1, min(last, 200))
        )["executions"]
        taken: Counter[tuple[str, str]] = Counter()
        statuses: dict[str, Counter[str]] = defaultdict(Counter)
        lengths: dict[str, list[int]] = defaultdict(list)
        retries: Counter[str] = Counter()
        for execution in listed:
            _, course = self._read(execution["executionArn"], execution["status"])
            taken.update(course.edges)
            for visit in course.visits:
                statuses[visit.state][visit.status] += 1
                retries[visit.state] += max(len(visit.attempts) - 1, 0)
                if visit.exited is not None:
                    lengths[visit.state].append(visit.exited - visit.entered)
        machine = self._sfn.describe_state_machine(stateMachineArn=self._places.state_machine_arn)
        return {
            "graph": draw(json.loads(machine["definition"])),
            "executions": len(listed),
            "ended": Counter(execution["status"] for execution in listed),
            "states": {
                name: {
                    **counts,
                    "retries": retries[name],
                    "median": round(median(lengths[name])) if lengths[name] else None,
                }
                for name, counts in statuses.items()
            },
            "taken": [[source, target, number] for (source, target), number in taken.items()],
        }

    def stop(self, name: str) -> None:
        """Stop a running execution; one that has ended stays as it ended.

        Raises
        ------
        ConsoleError
            404, if there is none of that name; 409, if it doesn't run.
        """
        arn = self._arn(name)
        if self._describe(arn)["status"] != "RUNNING":
            raise ConsoleError(409, "The execution has ended already.")
        self._sfn.stop_execution(executionArn=arn, error="Operator", cause="Stopped in the console.")

    @property
    def _sfn(self) -> Any:
        return self._places.client("stepfunctions")

    def _arn(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ConsoleError(404, "There is no execution of that name.")
        return f"{self._places.state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"

    def _describe(self, arn: str) -> Row:
        try:
            described: Row = self._sfn.describe_execution(executionArn=arn)
        except self._sfn.exceptions.ExecutionDoesNotExist:
            raise ConsoleError(404, "There is no execution of that name.") from None
        return described

    def _read(self, arn: str, status: str | None = None) -> tuple[Row, Course]:
        with self._lock:
            kept = self._ended.get(arn)
        if kept and status in {None, kept[0]["status"]}:
            return kept
        described = self._describe(arn)
        pages = self._sfn.get_paginator("get_execution_history").paginate(executionArn=arn)
        events = [event for page in pages for event in page["events"]]
        read = described, course_of(events, described["status"])
        if described["status"] != "RUNNING":
            with self._lock:
                _keep(self._ended, arn, read)
        return read

    def _list(self, status: str | None, cursor: str | None) -> tuple[list[Row], str | None]:
        asked: dict[str, Any] = {
            "stateMachineArn": self._places.state_machine_arn,
            "maxResults": PAGE,
            **({"statusFilter": status} if status else {}),
            **({"nextToken": cursor} if cursor else {}),
        }
        try:
            answer = self._sfn.list_executions(**asked)
        except self._sfn.exceptions.InvalidToken:
            raise ConsoleError(400, "The page asked for is none of this list.") from None
        return answer["executions"], answer.get("nextToken")

    def _search(self, status: str | None, search: str, cursor: str | None) -> tuple[list[Row], str | None]:
        """ListExecutions can't search: all are looked through, with the rows of the rider's uploads."""
        begin = offset_of(cursor)
        wanted = search.lower()
        rows = self._places.scanned(
            self._places.uploads_table,
            FilterExpression="contains(userId, :wanted) OR contains(uploadId, :wanted)",
            ExpressionAttributeValues={":wanted": {"S": search}},
        )
        uploads = {row["uploadId"] for row in rows}
        arns = {row.get("executionArn") for row in rows}
        found = [
            execution
            for execution in self._all(status)
            if wanted in execution["name"].lower()
            or execution["name"][:_UPLOAD_ID_LENGTH] in uploads
            or execution["executionArn"] in arns
        ]
        following = begin + PAGE
        return found[begin:following], str(following) if following < len(found) else None

    def _all(self, status: str | None) -> Iterator[Row]:
        filters = {"statusFilter": status} if status else {}
        pages = self._sfn.get_paginator("list_executions").paginate(
            stateMachineArn=self._places.state_machine_arn, **filters
        )
        for page in pages:
            yield from page["executions"]

    def _rows_of(self, names: list[str]) -> dict[str, Row]:
        """Rows of the uploads that executions are about, by the executions' names."""
        keys = {name: self._key_of(name) for name in names}
        found = self._places.rows_by_key(
            self._places.uploads_table, (key for key in keys.values() if key is not None)
        )
        return {name: found[key] for name, key in keys.items() if key in found}

    def _key_of(self, name: str) -> tuple[tuple[str, str], ...] | None:
        user = self._input_of(name).get("userId")
        upload = name[:_UPLOAD_ID_LENGTH]
        if not (isinstance(user, str) and user and is_upload_id(upload)):
            return None
        return ("userId", user), ("uploadId", upload)

    def _input_of(self, name: str) -> Row:
        """What an execution began with; {} if that is no JSON object."""
        with self._lock:
            kept = self._inputs.get(name)
        if kept is not None:
            return kept
        try:
            given = json.loads(self._describe(self._arn(name)).get("input") or "{}")
        except ValueError:
            given = {}
        given = given if isinstance(given, dict) else {}
        with self._lock:
            _keep(self._inputs, name, given)
        return given

    def _line(self, execution: Row, rows: dict[str, Row]) -> dict[str, Any]:
        name = execution["name"]
        row = rows.get(name, {})
        user, stopped = self._input_of(name).get("userId"), execution.get("stopDate")
        current = row.get("executionArn") in {None, execution["executionArn"]}
        return {
            "name": name,
            "status": execution["status"],
            "started": milliseconds(execution["startDate"]),
            "stopped": milliseconds(stopped) if stopped else None,
            "userId": user if isinstance(user, str) else None,
            "uploadId": row.get("uploadId"),
            "outcome": row.get("status") if current else None,
            "reason": row.get("reason") if current else None,
        }


def _keep[Value](kept: OrderedDict[str, Value], key: str, value: Value) -> None:
    """Keep a value, and let the oldest go where there are many."""
    kept[key] = value
    while len(kept) > _KEPT:
        kept.popitem(last=False)
