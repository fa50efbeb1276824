"""What a stage consists of, and what it costs while nobody uses it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploy.functions import AUDIT, TRIGGERED, Names
from deploy.progress import Progress
from deploy.project import Project
from deploy.template import OPERATIONS, RESOURCES, load_resources

# US dollars in us-east-1, from the price pages of the services; docs/deploy.md gives them and the free tier.
ALARM_A_MONTH = 0.10
METRIC_A_MONTH = 0.30
DASHBOARD_A_MONTH = 3.00
GB_SECOND = {"x86_64": 0.0000166667, "arm64": 0.0000133334}
INVOCATION = 0.20 / 1_000_000
TRACE = 5.00 / 1_000_000
# The audit, every five minutes for 30 days; a pass over an empty stage takes about a second.
AUDITS_A_MONTH = 30 * 24 * 12
AUDIT_SECONDS = 1.0
# Lambda asks the queue of waiting uploads, also an empty one, with five polls at once of 20 seconds each.
POLLS_A_MONTH = 5 * 30 * 24 * 60 * 60 // 20
QUEUE_REQUEST = 0.40 / 1_000_000


@dataclass(frozen=True)
class Plan:
    """What `up` creates.

    Attributes
    ----------
    parts
        By type, the names of what both stacks and Chalice create, as the templates call them.
    dollars_a_month
        What costs without any upload, without the free tier.
    """

    parts: Mapping[str, tuple[str, ...]]
    dollars_a_month: Mapping[str, float]

    @property
    def count(self) -> int:
        return sum(map(len, self.parts.values()))


def make_plan(project: Project, stage: str, architecture: str, parameters: Mapping[str, str]) -> Plan:
    """The plan for a stage.

    Parameters
    ----------
    parameters
        Of both stacks; a part whose condition they don't meet isn't planned.
    """
    parts: dict[str, list[str]] = {}
    for file in (RESOURCES, OPERATIONS):
        template = load_resources(project.directory, file)
        for name, part in template["Resources"].items():
            if _is_made(part.get("Condition"), template, parameters):
                parts.setdefault(part["Type"].removeprefix("AWS::"), []).append(name)
    names = Names(stage)
    parts["Lambda::Function"] = list(names.functions)
    parts["Lambda::LayerVersion"] = [names.layer]
    parts["Events::Rule"] = [names.rule(function) for function in TRIGGERED]
    parts["ApiGateway::RestApi"] = [names.api]
    return Plan(
        {kind: tuple(found) for kind, found in sorted(parts.items())},
        _prices(Counter({kind: len(found) for kind, found in parts.items()}), project, architecture),
    )


def tell_plan(plan: Plan, progress: Progress) -> None:
    """Show what will be there, by type, and the price of it at rest."""
    for kind, names in plan.parts.items():
        progress.detail(f"{len(names):3d} {kind}: {', '.join(names)}")
    total = sum(plan.dollars_a_month.values())
    listed = ", ".join(f"{what} ${dollars:.2f}" for what, dollars in plan.dollars_a_month.items())
    progress.detail(
        f"at rest at most ${total:.2f} a month in us-east-1 ({listed}); nothing else costs while nobody "
        "uploads, and the free tier takes off most of it. docs/deploy.md says how this is reckoned."
    )


def _prices(counts: Counter[str], project: Project, architecture: str) -> dict[str, float]:
    config: dict[str, Any] = project.config()
    gigabytes = config["lambda_functions"][AUDIT]["lambda_memory_size"] / 1024
    audit = AUDITS_A_MONTH * (AUDIT_SECONDS * gigabytes * GB_SECOND[architecture] + INVOCATION + TRACE)
    # Of the metrics that filters make, the audit's three have values while nothing happens.
    return {
        f"{counts['CloudWatch::Alarm']} alarms": counts["CloudWatch::Alarm"] * ALARM_A_MONTH,
        "3 metrics": 3 * METRIC_A_MONTH,
        "the dashboard": counts["CloudWatch::Dashboard"] * DASHBOARD_A_MONTH,
        "the audit": audit,
        "asking the queue": POLLS_A_MONTH * QUEUE_REQUEST,
    }


def _is_made(condition: str | None, template: Mapping[str, Any], parameters: Mapping[str, str]) -> bool:
    """Whether a part's condition, `a parameter isn't empty`, holds."""
    if condition is None:
        return True
    [reference, nothing] = template["Conditions"][condition]["Fn::Not"][0]["Fn::Equals"]
    return bool(parameters.get(reference["Ref"], "") != nothing)
