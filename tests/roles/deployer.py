"""What the deployer needs, for its own calls and Chalice's and for what CloudFormation does in its name; and
what an operator needs.

Calls are recorded as `python -m deploy` and `chalice` make them; what CloudFormation does is in the schemas
of the templates' resource types, which AWS publishes with each handler's permissions and cfn-lint carries.
The policies that grant it are written by hand, for the stage `prod` of an account of the documentation.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import cfnlint

from deploy.template import load_resources, operations_body
from tests.roles.calls import Need
from tests.roles.grants import Grant
from tests.statemachine.template import as_list

ROOT: Final = Path(__file__).resolve().parents[2]
_REFERENCE: Final = ROOT / "docs" / "reference"
DEPLOYER: Final = (_REFERENCE / "deployer-calls.json", _REFERENCE / "deployer-stacks.json")
OPERATOR: Final = _REFERENCE / "operator-calls.json"
POLICIES: Final = (*DEPLOYER, OPERATOR)
_SCHEMAS: Final = Path(cfnlint.__file__).parent / "data" / "schemas"
_PREFIX: Final = "us-east-1:111122223333"
_STAGE: Final = "prod"

# By call: the action where it isn't the operation's name, else only what it is on.
_ON: Final[Mapping[str, str]] = {
    "apigateway": "arn:aws:apigateway:us-east-1::/restapis/{restApiId}",
    "cloudformation": f"arn:aws:cloudformation:{_PREFIX}:stack/{{StackName}}/1",
    "cognito-idp": f"arn:aws:cognito-idp:{_PREFIX}:userpool/{{UserPoolId}}",
    "dynamodb": f"arn:aws:dynamodb:{_PREFIX}:table/{{TableName}}{{index}}",
    "events": f"arn:aws:events:{_PREFIX}:rule/{{rule}}",
    "lambda": f"arn:aws:lambda:{_PREFIX}:function:{{FunctionName}}",
    "logs": f"arn:aws:logs:{_PREFIX}:log-group:{{logGroupName}}",
    "rekognition": f"arn:aws:rekognition:{_PREFIX}:collection/{{CollectionId}}",
    "s3": "arn:aws:s3:::{Bucket}",
    "service-quotas": "*",
    "sesv2": f"arn:aws:ses:{_PREFIX}:identity/{{EmailIdentity}}",
    "sqs": f"arn:aws:sqs:{_PREFIX}:{{queue}}",
    "stepfunctions": "{machine}",
    "sts": "*",
}
_ON_ALL: Final = {
    "CreateEventSourceMapping",
    "GetAccount",
    "GetAccountSettings",
    "ListEventSourceMappings",
    "ListLayerVersions",
    "ListUserPools",
}
_LAYER: Final = f"arn:aws:lambda:{_PREFIX}:layer:{{LayerName}}"
_VERBS: Final = {
    "Get": "GET",
    "Create": "POST",
    "Import": "POST",
    "Put": "PUT",
    "Update": "PATCH",
    "Delete": "DELETE",
}
_NAMESPACES: Final = {"service-quotas": "servicequotas", "sesv2": "ses", "stepfunctions": "states"}
# Actions of other names than the operations.
_ACTIONS: Final = {"Invoke": "InvokeFunction"}
_S3: Final[Mapping[str, tuple[str, ...]]] = {
    "CreateBucket": ("CreateBucket", "PutBucketOwnershipControls"),
    "DeleteObjects": ("DeleteObject", "DeleteObjectVersion"),
    "HeadBucket": ("ListBucket",),
    "HeadObject": ("GetObject", "GetObjectVersion"),
    "ListObjectVersions": ("ListBucketVersions",),
    "PutBucketLifecycleConfiguration": ("PutLifecycleConfiguration",),
    "PutPublicAccessBlock": ("PutBucketPublicAccessBlock",),
}
_ON_OBJECTS: Final = ("GetObject", "PutObject", "DeleteObject")
# Chalice tags what it makes; a function with a layer reads it.
_WITH: Final[Mapping[str, tuple[str, ...]]] = {"CreateFunction": ("TagResource",)}


def needs_of(service: str, operation: str, parameters: Mapping[str, str]) -> Iterator[Need]:
    """What a call takes, in the stage of the policies.

    Raises
    ------
    AssertionError
        For a call of a service that nobody described.
    """
    assert service in _ON, f"nobody said what {service} {operation} is on: add it here, and to a policy"
    named = {name: _as_granted(value) for name, value in parameters.items()}
    namespace = _NAMESPACES.get(service, service)
    if service == "apigateway":
        verb = next(verb for begin, verb in _VERBS.items() if operation.startswith(begin))
        resource = _ON[service].format_map({"restApiId": "", **named}).rstrip("/")
        yield Need(f"apigateway:{verb}", resource)
    elif service == "s3":
        for action in _S3.get(operation, (operation,)):
            whole = not action.startswith(_ON_OBJECTS)
            resource = _ON[service].format_map(named) + ("" if whole else f"/{named.get('Key', 'a')}")
            yield Need(f"s3:{action}", resource)
    elif operation in _ON_ALL:
        yield Need(f"{namespace}:{operation}", "*")
    elif operation == "GetLayerVersionByArn":
        yield Need("lambda:GetLayerVersion", named["Arn"])
    elif "LayerName" in named:
        version = ":1" if "Version" in operation and operation.startswith("Delete") else ""
        yield Need(f"lambda:{operation}", _LAYER.format_map(named) + version)
    elif operation == "ListTags":
        yield Need("lambda:ListTags", named["Resource"])
    elif operation.endswith("EventSourceMapping"):
        yield Need(
            f"lambda:{operation}", f"arn:aws:lambda:{_PREFIX}:event-source-mapping:{parameters['UUID']}"
        )
    else:
        named["FunctionName"] = named.get("FunctionName", "").rpartition(":")[2]
        named["rule"] = named.get("Name", named.get("Rule", ""))
        named["StackName"] = named.get("StackName", "").rpartition("stack/")[2].partition("/")[0]
        named["index"] = f"/index/{named['IndexName']}" if "IndexName" in named else ""
        named["queue"] = named.get("QueueUrl", "").rpartition("/")[2]
        named["machine"] = named.get("executionArn", named.get("stateMachineArn", ""))
        resource = _ON[service].format_map(named)
        for action in (_ACTIONS.get(operation, operation), *_WITH.get(operation, ())):
            yield Need(f"{namespace}:{action}", resource)
        if operation in ("CreateFunction", "UpdateFunctionConfiguration") and "Role" in named:
            yield Need("iam:PassRole", named["Role"])
        if operation == "SearchFacesByImage":  # reads the photo as the caller
            bucket = f"arn:aws:s3:::rider-photos-{_STAGE}-photos-{_PREFIX.partition(':')[2]}-us-east-1"
            yield Need("s3:GetObjectVersion", f"{bucket}/uploads/a/a.jpg")


def _as_granted(text: str) -> str:
    """A name of the embedded AWS's account and any stage, as it is in the account of the policies."""
    text = text.replace("000000000000", _PREFIX.partition(":")[2])
    return re.sub(
        r"\b(rider-photos|RiderPhotoProcessing)-[a-z][a-z0-9]{0,9}(?=$|[-/:])", rf"\1-{_STAGE}", text
    )


def granted(path: Path) -> set[Grant]:
    """All that a policy allows; conditions are left out."""
    return {
        Grant(action, resource)
        for statement in json.loads(path.read_text())["Statement"]
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }


def assert_allowed(log: Path, *policies: Path) -> None:
    """Each recorded call is one that the policies allow; fails if none is recorded."""
    calls = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert calls, "nothing was recorded"
    grants = {grant for path in policies for grant in granted(path)}
    missing = {
        need
        for call in calls
        for need in needs_of(call["service"], call["operation"], call["parameters"])
        if not any(grant.covers(need) for grant in grants)
    }
    names = " and ".join(path.name for path in policies)
    assert not missing, f"{names} don't allow: {sorted(missing)}"


@functools.cache
def handlers() -> dict[str, set[str]]:
    """By resource type of the templates: what CloudFormation may call to make, change, read or remove one."""
    templates: list[Mapping[str, Any]] = [load_resources(ROOT), json.loads(operations_body(ROOT))]
    types = {part["Type"] for template in templates for part in template["Resources"].values()}
    files = json.loads((_SCHEMAS / "providers" / "us-east-1.json").read_text())
    found = {}
    for name in sorted(types):
        schema = json.loads((_SCHEMAS / "resources" / f"{files[name]}.json").read_text())
        found[name] = {
            action
            for kind, handler in schema["handlers"].items()
            if kind != "list"
            for action in handler["permissions"]
        }
    return found
