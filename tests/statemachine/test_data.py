"""docs/data.md, what is stored about a rider and how long, against the template and the settings."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from chalicelib.settings import Settings
from deploy.functions import is_production
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
