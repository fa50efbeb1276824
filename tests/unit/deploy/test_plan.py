from __future__ import annotations

from pathlib import Path

import pytest

from deploy.functions import FUNCTIONS
from deploy.plan import make_plan, tell_plan
from deploy.project import Project
from deploy.template import OPERATIONS, RESOURCES, load_resources
from tests.unit.deploy.fakes import Lines

PROJECT = Project(Path(__file__).parents[3])


def test_the_plan_has_every_part_of_both_templates_and_what_chalice_makes() -> None:
    plan = make_plan(PROJECT, "dev", "arm64", {"KmsKeyArn": "arn:x", "AlarmEmail": "a@example.com"})
    templates = [load_resources(PROJECT.directory, file)["Resources"] for file in (RESOURCES, OPERATIONS)]
    # Beside: functions, a layer, three rules, the API.
    assert plan.count == sum(map(len, templates)) + len(FUNCTIONS) + 1 + 3 + 1
    assert plan.parts["DynamoDB::Table"] == ("RiderPhotoTable", "UploadsTable")
    assert len(plan.parts["Lambda::Function"]) == len(FUNCTIONS)


def test_a_part_whose_condition_does_not_hold_is_not_planned() -> None:
    with_all = make_plan(PROJECT, "dev", "arm64", {"KmsKeyArn": "arn:x", "AlarmEmail": "a@example.com"})
    without = make_plan(PROJECT, "dev", "arm64", {"KmsKeyArn": "", "AlarmEmail": ""})
    assert {"SNS::Subscription", "IAM::Policy"} == with_all.parts.keys() - without.parts.keys()


def test_the_price_follows_the_templates_and_the_processor() -> None:
    prices = make_plan(PROJECT, "dev", "arm64", {}).dollars_a_month
    alarms = len(make_plan(PROJECT, "dev", "arm64", {}).parts["CloudWatch::Alarm"])
    assert prices[f"{alarms} alarms"] == pytest.approx(alarms * 0.10)
    assert prices["the dashboard"] == 3
    # 8,640 seconds of a quarter GB, as many invocations and traces.
    assert prices["the audit"] == pytest.approx(8640 * (0.25 * 0.0000133334 + 2e-7 + 5e-6))
    assert make_plan(PROJECT, "dev", "x86_64", {}).dollars_a_month["the audit"] > prices["the audit"]


def test_what_is_told_names_each_part_and_the_sum() -> None:
    lines = Lines()
    plan = make_plan(PROJECT, "dev", "arm64", {})
    tell_plan(plan, lines)
    assert "  2 DynamoDB::Table: RiderPhotoTable, UploadsTable" in lines.details
    assert f"at rest at most ${sum(plan.dollars_a_month.values()):.2f} a month" in lines.details[-1]
    assert len(lines.details) == len(plan.parts) + 1


def test_the_guide_shows_this_plan() -> None:
    guide = (PROJECT.directory / "docs/deploy.md").read_text(encoding="utf-8")
    plan = make_plan(PROJECT, "dev", "arm64", {})
    assert f"▸ {plan.count} parts" in guide
    alarms = len(plan.parts["CloudWatch::Alarm"])
    assert f"{alarms:5d} CloudWatch::Alarm: {', '.join(plan.parts['CloudWatch::Alarm'][:3])}, …" in guide
    dollars = plan.dollars_a_month
    assert f"at most ${sum(dollars.values()):.2f} a month in us-east-1 ({alarms} alarms $" in guide
    assert all(f"{what} ${price:.2f}" in guide for what, price in dollars.items())
