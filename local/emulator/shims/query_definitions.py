"""CloudFormation's ``AWS::Logs::QueryDefinition``, which upstream lacks: kept, and never asked."""

import uuid
from typing import Any

from local.emulator import upstream

_NAME = "query_definitions"
_TYPE = "AWS::Logs::QueryDefinition"

_definitions: dict[str, dict[str, Any]] = {}


def install() -> None:
    """Register how the resource is made, changed and deleted."""
    provisioners = upstream.module(_NAME, "services.cloudformation.provisioners")
    handlers = upstream.attribute(_NAME, provisioners, "_RESOURCE_HANDLERS")
    handlers[_TYPE] = {"create": _create, "update": _update, "delete": _delete}


def _create(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
    definition_id = str(uuid.uuid4())
    _definitions[definition_id] = properties
    return definition_id, {"QueryDefinitionId": definition_id}


def _update(
    physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str
) -> tuple[str, dict[str, str]]:
    _definitions[physical_id] = new
    return physical_id, {"QueryDefinitionId": physical_id}


def _delete(physical_id: str, properties: dict[str, Any]) -> None:
    _definitions.pop(physical_id, None)
