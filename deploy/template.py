"""The templates: `resources.yaml` with the state machine's definition put in, and `operations.yaml`."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from deploy.errors import CheckError

RESOURCES = Path("statemachine/resources.yaml")
OPERATIONS = Path("statemachine/operations.yaml")
DEFINITION = Path("statemachine/rider_photo_processing.asl.json")

# CloudFormation's limit for a template in a bucket (bytes); one sent with the request has 51,200.
MAX_TEMPLATE = 1_000_000

# What holds riders' data, and the policies that protect it.
PHOTOS = ("PhotoBucket", "PhotoBucketPolicy", "ThumbnailBucket", "ThumbnailBucketPolicy")
DATA = (*PHOTOS, "RiderPhotoTable", "UploadsTable", "Collection", "UserPool")


class _CloudFormationLoader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms (`!Ref`, `!Sub` …) as their long ones."""


def _intrinsic(loader: _CloudFormationLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    key = name if name in ("Ref", "Condition") else f"Fn::{name}"
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if name == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {key: value}


_CloudFormationLoader.add_multi_constructor("!", _intrinsic)


def load_resources(project_dir: Path, file: Path = RESOURCES) -> dict[str, Any]:
    """`resources.yaml`, or another template, with every intrinsic function in its long form."""
    path = project_dir / file
    try:
        # The loader builds plain data alone: it derives from SafeLoader.
        template = yaml.load(path.read_text(encoding="utf-8"), _CloudFormationLoader)
    except yaml.YAMLError as error:
        raise CheckError(f"{path} is no valid YAML: {error}") from error
    if not isinstance(template, dict) or "Resources" not in template:
        raise CheckError(f"{path} is no CloudFormation template: it has no Resources.")
    return template


def template_body(project_dir: Path, retained: Collection[str] = ()) -> str:
    """The template as CloudFormation takes it: compact JSON, the definition inlined.

    Parameters
    ----------
    retained
        Resources that outlive the stack, `DATA` say; not if its very creation fails.

    Raises
    ------
    CheckError
        If a file is broken, or the template larger than CloudFormation takes.
    """
    template = load_resources(project_dir)
    path = project_dir / DEFINITION
    try:
        definition = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckError(f"{path} is no valid JSON: {error}") from error
    properties = template["Resources"]["StateMachine"]["Properties"]
    del properties["DefinitionS3Location"]
    properties["DefinitionString"] = json.dumps(definition, separators=(",", ":"), ensure_ascii=False)
    for resource in template["Resources"].values():
        resource.pop("Metadata", None)
    for name in retained:
        # CloudFormation takes no condition here.
        template["Resources"][name] |= {
            "DeletionPolicy": "RetainExceptOnCreate",
            "UpdateReplacePolicy": "Retain",
        }
    return _compact(template, RESOURCES)


def operations_body(project_dir: Path) -> str:
    """The template of the operations stack, as CloudFormation takes it; raises as `template_body`."""
    return _compact(load_resources(project_dir, OPERATIONS), OPERATIONS)


def _compact(template: dict[str, Any], file: Path) -> str:
    body = json.dumps(template, separators=(",", ":"), ensure_ascii=False)
    size = len(body.encode())
    if size > MAX_TEMPLATE:
        raise CheckError(
            f"The template has {size:,} bytes, and CloudFormation takes {MAX_TEMPLATE:,}. "
            f"Move a part of {file} into a stack of its own."
        )
    return body
