"""CloudFormation's ``AWS::Rekognition::Collection``, which upstream lacks."""

import json
from typing import Any

from local.emulator import upstream
from local.emulator.shims import rekognition

_NAME = "rekognition_collection"
_TYPE = "AWS::Rekognition::Collection"


class CollectionError(Exception):
    """The face service refused to make or delete a collection; the stack shows the message."""


def install() -> None:
    """Register how the resource is made, changed and deleted."""
    provisioners = upstream.module(_NAME, "services.cloudformation.provisioners")
    handlers = upstream.attribute(_NAME, provisioners, "_RESOURCE_HANDLERS")
    handlers[_TYPE] = {"create": _create, "update": _update, "delete": _delete}


def _create(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
    collection_id = properties.get("CollectionId")
    if not collection_id:
        raise CollectionError(f"{logical_id}: the property CollectionId is required.")
    made = _call("CreateCollection", {"CollectionId": collection_id})
    return collection_id, {"Arn": _arn(str(made["CollectionArn"]))}


def _update(
    physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str
) -> tuple[str, dict[str, str]]:
    if new.get("CollectionId") != physical_id:
        # Replacement: upstream deletes the old one after the stack's update has succeeded.
        return _create(physical_id, new, stack_name)
    described = _call("DescribeCollection", {"CollectionId": physical_id})
    return physical_id, {"Arn": str(described["CollectionARN"])}


def _delete(physical_id: str, properties: dict[str, Any]) -> None:
    try:
        _call("DeleteCollection", {"CollectionId": physical_id})
    except CollectionError as error:
        if "ResourceNotFoundException" not in str(error):
            raise


def _call(operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    status, _, body = rekognition.call(f"RekognitionService.{operation}", json.dumps(parameters).encode())
    answer: dict[str, Any] = json.loads(body)
    if status >= 400:
        kind = str(answer.get("__type", "UnknownError")).rpartition("#")[2]
        raise CollectionError(f"{kind}: {answer.get('Message') or answer.get('message')} ({operation})")
    return answer


def _arn(collection_arn: str) -> str:
    """CreateCollection leaves out the first part of the ARN that it answers; CloudFormation does not."""
    return collection_arn if collection_arn.startswith("arn:") else f"arn:{collection_arn}"
