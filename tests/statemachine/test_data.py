"""docs/data.md, what is stored about a rider and how long, against the template and the settings."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from fnmatch import fnmatchcase

import pytest

from chalicelib.settings import Settings
from deploy.functions import is_production
from deploy.template import OPERATIONS, load_resources
from tests.statemachine.template import PARTS, PROJECT, TEMPLATE

GUIDE = (PROJECT / "docs/data.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in GUIDE.partition("|---|")[2].partition("\n\n")[0].splitlines()[1:]
]
DATA = {
    "AWS::S3::Bucket",
    "AWS::DynamoDB::Table",
    "AWS::Rekognition::Collection",
    "AWS::SQS::Queue",
    "AWS::Cognito::UserPool",
}


def rows_about(part: str) -> list[str]:
    return [" | ".join(row) for row in ROWS if f"`{part}`" in row[1]]


def test_every_part_that_holds_data_is_in_the_table_and_every_part_named_there_is() -> None:
    assert all(len(row) == 4 for row in ROWS)
    named = {name for row in ROWS for name in re.findall(r"`([A-Z]\w+)`", row[1])}
    holding = {name for name, part in PARTS.items() if part["Type"] in DATA}
    assert named == holding | {"StateMachineLogGroup"}


@pytest.mark.parametrize(
    ("part", "days"),
    [
        ("StateMachineLogGroup", PARTS["StateMachineLogGroup"]["Properties"]["RetentionInDays"]),
        ("DeadLetterQueue", PARTS["DeadLetterQueue"]["Properties"]["MessageRetentionPeriod"] // 86_400),
        ("PhotoBucket", TEMPLATE["Parameters"]["EndedPhotoDays"]["Default"]),
        ("UploadsTable", next(field.default for field in fields(Settings) if field.name == "upload_days")),
    ],
)
def test_the_days_are_those_of_the_template_and_the_settings(part: str, days: int) -> None:
    assert any(re.search(rf"\b{days} day", row) for row in rows_about(part))


def test_every_lifecycle_rule_that_expires_photos_is_named() -> None:
    rules = PARTS["PhotoBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    expiring = {rule["Id"] for rule in rules if "ExpirationInDays" in rule}
    told = {name for row in rows_about("PhotoBucket") for name in re.findall(r"rule `(\w+)`", row)}
    assert told == expiring


def test_settings_and_stages_named_there_are_those_of_the_code() -> None:
    settings = {field.name.upper() for field in fields(Settings)}
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)", GUIDE))
    assert named
    assert named <= settings
    assert [stage for stage in ("dev", "prod", "prodeu", "local") if is_production(stage)] == [
        "prod",
        "prodeu",
    ]


def test_the_keys_policy_lets_every_service_that_writes_for_itself_use_it() -> None:
    logs, others = json.loads(GUIDE.partition("```json\n")[2].partition("```")[0])
    assert logs["Principal"] == {"Service": "logs.us-east-1.amazonaws.com"}
    patterns = logs["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    groups = [part["Properties"] for part in PARTS.values() if part["Type"] == "AWS::Logs::LogGroup"]
    assert groups
    for group in groups:
        name = group["LogGroupName"]["Fn::Sub"].replace("${Stage}", "dev")
        arn = f"arn:aws:logs:us-east-1:111122223333:log-group:{name}"
        assert any(fnmatchcase(arn, pattern) for pattern in patterns), name
    # Whoever may send into the queue or the topic that are encrypted, and is no role.
    operations = load_resources(PROJECT, OPERATIONS)["Resources"]
    policies = [PARTS["DeadLetterQueuePolicy"], PARTS["AdmissionQueuePolicy"], operations["AlarmTopicPolicy"]]
    senders = {
        statement["Principal"]["Service"]
        for policy in policies
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    }
    assert set(others["Principal"]["Service"]) == senders
    assert {"kms:Decrypt", "kms:GenerateDataKey*"} == set(others["Action"])
    # They don't send aws:SourceAccount, so that no condition on it may be there.
    assert "Condition" not in others


def test_what_a_key_of_ones_own_does_not_cover_is_said() -> None:
    covered = {name for name, part in PARTS.items() if "KmsKeyArn" in json.dumps(part)}
    holding = {name for name, part in PARTS.items() if part["Type"] in DATA | {"AWS::Logs::LogGroup"}}
    assert holding - covered == {"Collection", "UserPool"}
    left_out = GUIDE.partition("does not cover")[2].partition("```")[0]
    assert all(word in left_out for word in ("collection", "user pool", "executions", "environment"))
    for name, key in (("StateMachine", "EncryptionConfiguration"), ("UserPool", "KeyConfiguration")):
        assert key not in PARTS[name]["Properties"]
        assert f"`{key}`" in left_out


def test_recovery_reaches_back_as_far_as_is_said() -> None:
    for name in ("RiderPhotoTable", "UploadsTable"):
        recovery = PARTS[name]["Properties"]["PointInTimeRecoverySpecification"]
        [row] = [row for row in rows_about(name) if "point-in-time" in row]
        assert f"| {recovery['RecoveryPeriodInDays']} days" in row
