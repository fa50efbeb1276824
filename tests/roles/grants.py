"""What the roles of `resources.yaml` grant, as IAM reads it once the stack of stage `test` is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from tests.fakes import ENVIRONMENT
from tests.roles.calls import KEY, PREFIX, Need
from tests.statemachine.template import PARTS, ROLES, TEMPLATE, as_list, policies_of

_PARAMETERS: Final = {
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "123456789012",
    "Stage": "test",
    "Sender": ENVIRONMENT["SENDER"],
    "KmsKeyArn": KEY,
}
# By type: the ARN of a part, and the property that names it.
_ARNS: Final = {
    "AWS::S3::Bucket": ("arn:aws:s3:::{}", "BucketName"),
    "AWS::DynamoDB::Table": (f"arn:aws:dynamodb:{PREFIX}:table/{{}}", "TableName"),
    "AWS::Rekognition::Collection": (f"arn:aws:rekognition:{PREFIX}:collection/{{}}", "CollectionId"),
    "AWS::SQS::Queue": (f"arn:aws:sqs:{PREFIX}:{{}}", "QueueName"),
    "AWS::Logs::LogGroup": (f"arn:aws:logs:{PREFIX}:log-group:{{}}:*", "LogGroupName"),
    "AWS::SES::ConfigurationSet": (f"arn:aws:ses:{PREFIX}:configuration-set/{{}}", "Name"),
}


class Grant(NamedTuple):
    """One action on one resource, which may end in or hold `*`, where each key has its value, in any case."""

    action: str
    resource: str
    conditions: tuple[tuple[str, str], ...] = ()

    def covers(self, need: Need) -> bool:
        """Whether it is this that allows what is needed."""
        pattern = re.escape(self.resource).replace(r"\*", ".*").replace(r"\?", ".")
        known = {key: value.lower() for key, value in need.keys}
        return (
            self.action == need.action
            and re.fullmatch(pattern, need.resource) is not None
            and all(known.get(key) == value.lower() for key, value in self.conditions)
        )


def grants() -> dict[str, set[Grant]]:
    """By role: its grants."""
    return {
        role: {
            Grant(action, resource, keys)
            for statement in policies_of(role)
            for keys in [tuple(pair for pairs in _conditions(statement).values() for pair in pairs.items())]
            for action in as_list(statement["Action"])
            for value in as_list(statement["Resource"])
            for resource in _values(value)
        }
        for role in ROLES
    }


def _conditions(statement: dict[str, Any]) -> dict[str, dict[str, str]]:
    """By operator: the value that each key must have."""
    conditions = statement.get("Condition", {})
    assert conditions.keys() <= {"StringEquals", "StringEqualsIgnoreCase"}, conditions
    return {
        operator: {key: _text(value) for key, value in values.items()}
        for operator, values in conditions.items()
    }


def _values(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and "Fn::If" in value:
        _, one, other = value["Fn::If"]
        yield from (
            text for branch in (one, other) if branch != {"Ref": "AWS::NoValue"} for text in _values(branch)
        )
    else:
        yield _text(value)


def _text(value: Any) -> str:
    """What CloudFormation makes of a value."""
    match value:
        case str():
            return value
        case {"Ref": name}:
            return _referred(name)
        case {"Fn::GetAtt": [name, "Arn"]}:
            return _arn(name)
        case {"Fn::Sub": str(text)}:
            return _substituted(text)
    raise AssertionError(f"nothing is known of {value}")


def _substituted(text: str) -> str:
    def value_of(found: re.Match[str]) -> str:
        name = found[1]
        return _arn(name.removesuffix(".Arn")) if name.endswith(".Arn") else _referred(name)

    return re.sub(r"\$\{([\w:.]+)\}", value_of, text)


def _referred(name: str) -> str:
    if name in _PARAMETERS:
        return _PARAMETERS[name]
    if name in TEMPLATE["Parameters"]:
        return str(TEMPLATE["Parameters"][name]["Default"])
    part = PARTS[name]
    return _text(part["Properties"][_ARNS[part["Type"]][1]])


def _arn(name: str) -> str:
    part = PARTS[name]
    if part["Type"] == "AWS::Cognito::UserPool":
        return ENVIRONMENT["USER_POOL_ARN"]
    form, property_name = _ARNS[part["Type"]]
    return form.format(_text(part["Properties"][property_name]))


def policies() -> dict[str, dict[str, Any]]:
    """By role: all its statements as one policy, with real ARNs, for programs that judge policies."""
    return {
        role: {
            "Version": "2012-10-17",
            "Statement": [
                statement
                | {"Resource": [text for value in as_list(statement["Resource"]) for text in _values(value)]}
                | ({"Condition": conditions} if (conditions := _conditions(statement)) else {})
                for statement in policies_of(role)
            ],
        }
        for role in ROLES
    }
