"""Who may use what: the template's roles as a table. Logs and traces are left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from deploy.functions import FUNCTIONS, role_output

_READS: Final = ("Get", "List", "Query", "Search", "Describe", "DetectFaces", "AdminGet", "Head", "Receive")
# What a statement is about where its resource names no part of the template.
_PARTS_OF_SERVICES: Final = {"rekognition": "Rekognition", "ses": "SES", "states": "StateMachine"}
_WORDS: Final = {True: "changes", False: "reads", None: ""}


def matrix(template: Mapping[str, Any]) -> str:
    """The functions, and what each may do with each part, as a table in Markdown."""
    rights = {function: rights_of(template, function) for function in FUNCTIONS}
    columns = sorted({part for of_function in rights.values() for part in of_function})
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for function, of_function in rights.items():
        cells = (_WORDS[of_function.get(part)] for part in columns)
        lines.append(f"| `{function}` | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def rights_of(template: Mapping[str, Any], function: str) -> dict[str, bool]:
    """The parts that a function may use, and whether it may change something there."""
    role = template["Resources"][role_output(function).removesuffix("Arn")]
    changes: dict[str, bool] = {}
    for policy in role["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            for part in _parts(statement):
                if "LogGroup" not in part:
                    changes[part] = changes.get(part, False) or _changes(statement)
    return changes


def _changes(statement: Mapping[str, Any]) -> bool:
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    return not all(action.partition(":")[2].startswith(_READS) for action in actions)


def _parts(statement: Mapping[str, Any]) -> Iterator[str]:
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    named = list(dict.fromkeys(_named(statement["Resource"])))
    service = actions[0].partition(":")[0]
    if named:
        yield from named
    elif service in _PARTS_OF_SERVICES:
        yield _PARTS_OF_SERVICES[service]


def _named(value: object) -> Iterator[str]:
    """Logical ids that a resource's ARN is made of."""
    if isinstance(value, list):
        for element in value:
            yield from _named(element)
    elif isinstance(value, Mapping):
        if "Fn::GetAtt" in value:
            yield value["Fn::GetAtt"][0]
        elif isinstance(value.get("Fn::Sub"), str):
            yield from re.findall(r"\$\{(\w+)\.Arn\}", value["Fn::Sub"])
