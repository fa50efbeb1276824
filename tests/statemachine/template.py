"""The template as tests look at it: its parts, its roles and their statements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deploy.functions import APP_NAME, role_output
from deploy.template import load_resources

PROJECT = Path(__file__).parents[2]
TEMPLATE = load_resources(PROJECT)
PARTS: dict[str, Any] = TEMPLATE["Resources"]


def of_type(kind: str) -> dict[str, Any]:
    return {name: part["Properties"] for name, part in PARTS.items() if part["Type"] == kind}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def policies_of(role: str) -> Iterator[dict[str, Any]]:
    """Every statement of a role, of its managed and attached policies too, as with a key of one's own."""
    properties = ROLES[role]
    for policy in properties.get("Policies", []):
        yield from policy["PolicyDocument"]["Statement"]
    for managed in properties.get("ManagedPolicyArns", []):
        yield from PARTS[managed["Ref"]]["Properties"]["PolicyDocument"]["Statement"]
    for attached in of_type("AWS::IAM::Policy").values():
        if {"Ref": role} in attached["Roles"]:
            yield from attached["PolicyDocument"]["Statement"]


def logical_name(function: str) -> str:
    return role_output(function).removesuffix("RoleArn")


def named_in(function_arn: dict[str, str]) -> str:
    """The function behind a foretold ARN."""
    found = re.fullmatch(
        rf"arn:\$\{{AWS::Partition\}}:lambda:\$\{{AWS::Region\}}:\$\{{AWS::AccountId\}}:function:"
        rf"{APP_NAME}-\$\{{Stage\}}-(\w+)",
        function_arn["Fn::Sub"],
    )
    assert found, function_arn
    return found[1]


ROLES = of_type("AWS::IAM::Role")
STATEMENTS = [(name, statement) for name in ROLES for statement in policies_of(name)]
