"""The operations stack: every alarm is of this stage, calls somebody, and has its section in the runbook."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from chalicelib.admission import MAX_DELAY
from deploy.functions import (
    API_HANDLER,
    AUDIT,
    CLOSE_EXECUTION,
    FUNCTIONS,
    START_PROCESSING,
    START_WAITING,
    Names,
)
from deploy.template import OPERATIONS, load_resources
from tests.statemachine.template import PARTS as MAIN
from tests.statemachine.template import PROJECT, logical_name

PARTS: dict[str, Any] = load_resources(PROJECT, OPERATIONS)["Resources"]
OWN = {"Fn::Sub": "rider-photos-${Stage}"}
# Of the whole account: it has one number of executions at once, which all its functions share.
OF_ACCOUNT = {"FunctionsThrottledAlarm"}


def of_type(kind: str) -> dict[str, Any]:
    return {name: part["Properties"] for name, part in PARTS.items() if part["Type"] == kind}


ALARMS = of_type("AWS::CloudWatch::Alarm")
FILTERS = of_type("AWS::Logs::MetricFilter")


def name_of(alarm: dict[str, Any]) -> str:
    return str(alarm["AlarmName"]["Fn::Sub"]).removeprefix("rider-photos-${Stage}-")


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_is_of_this_stage_and_calls_somebody_at_its_beginning_and_end(name: str) -> None:
    alarm = ALARMS[name]
    assert alarm["AlarmName"]["Fn::Sub"].startswith("rider-photos-${Stage}-")
    assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}]
    of_stage = [dimension["Value"] for dimension in alarm.get("Dimensions", [])] or [alarm["Namespace"]]
    if name not in OF_ACCOUNT:
        [value] = of_stage
        assert value == {"Ref": "StateMachineArn"} or value["Fn::Sub"].startswith("rider-photos-${Stage}")


def test_silence_rings_where_something_is_to_be_heard_all_the_time_and_nowhere_else() -> None:
    waiting = {name for name, alarm in ALARMS.items() if alarm["TreatMissingData"] != "notBreaching"}
    assert waiting == {"UploadsAgedAlarm"}
    assert ALARMS["UploadsAgedAlarm"]["InsufficientDataActions"] == [{"Ref": "AlarmTopic"}]
    # Longer than the time between two audits.
    assert ALARMS["UploadsAgedAlarm"]["Period"] > 5 * 60


def test_every_way_an_execution_ends_badly_has_an_alarm() -> None:
    watched = {alarm["MetricName"] for alarm in ALARMS.values() if alarm["Namespace"] == "AWS/States"}
    app = (PROJECT / "app.py").read_text(encoding="utf-8")
    [closed] = re.findall(r'"status": (\[[^]]+\])', app)
    ends = {f"Executions{status.title().replace('_', '')}" for status in json.loads(closed)}
    assert watched == ends | {"ExecutionThrottled"}


def test_every_alarm_has_its_section_in_the_runbook_and_the_reverse() -> None:
    guide = (PROJECT / "docs/operate.md").read_text(encoding="utf-8")
    alarms = guide.partition("## Alarms\n")[2].partition("\n## ")[0]
    headings = re.findall(r"^### (.+)$", alarms, re.MULTILINE)
    described = [name for heading in headings for name in re.findall(r"`([\w-]+)`", heading)]
    assert sorted(described) == sorted(map(name_of, ALARMS.values()))
    for section in re.split(r"^### .+$", alarms, flags=re.MULTILINE)[1:]:
        assert all(part in section for part in ("**Means.**", "**Look.**", "**Do.**")), section


def test_every_metric_of_a_filter_has_an_alarm() -> None:
    made = {change["MetricName"] for made in FILTERS.values() for change in made["MetricTransformations"]}
    watched = {alarm["MetricName"] for alarm in ALARMS.values() if alarm["Namespace"] == OWN}
    oldest = {"OldestProcessingSeconds", "OldestUnsearchedSeconds"}
    assert made == watched == {"AuditFindings", *oldest, "SlowInvocations", "StepsFailed"}
    assert all(
        change["MetricNamespace"] == OWN
        for made in FILTERS.values()
        for change in made["MetricTransformations"]
    )


def test_filters_read_what_the_audit_writes() -> None:
    source = (PROJECT / "chalicelib/audit.py").read_text(encoding="utf-8")
    for name, value in (
        ("AuditFindings", "number"),
        ("OldestProcessing", "oldestProcessingSeconds"),
        ("OldestUnsearched", "oldestUnsearchedSeconds"),
    ):
        [message] = re.findall(r'"(.+)"', FILTERS[name]["FilterPattern"])
        assert re.search(rf'"{message}",\s+extra=', source)
        assert FILTERS[name]["MetricTransformations"][0]["MetricValue"] == f"$.{value}"
        assert f'"{value}": ' in source


def test_every_functions_errors_ring_as_lambda_counts_them_or_as_its_log_tells_them() -> None:
    counted = [
        alarm["Dimensions"][0]["Value"]["Fn::Sub"]
        for alarm in ALARMS.values()
        if (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Lambda", "Errors")
    ]
    names = Names("${Stage}")
    others = {API_HANDLER, START_PROCESSING, START_WAITING, CLOSE_EXECUTION, AUDIT}
    assert sorted(counted) == sorted(map(names.function, others))
    told = {
        made["LogGroupName"]["Fn::Sub"]
        for made in FILTERS.values()
        if made["MetricTransformations"][0]["MetricName"] == "StepsFailed"
    }
    assert told == {names.log_group(step) for step in set(FUNCTIONS) - others}


def test_filters_of_failed_steps_read_what_steps_write() -> None:
    patterns = {name: made["FilterPattern"] for name, made in FILTERS.items() if name.startswith("Failed")}
    of_all = '{ $.message = "step failed" }'
    telling = {name: pattern for name, pattern in patterns.items() if pattern != of_all}
    assert telling.keys() == {"FailedRetireReplaced", "FailedNotifyRider"}
    assert len(set(telling.values())) == 1
    sources = [
        (PROJECT / path).read_text(encoding="utf-8")
        for path in ("chalicelib/observability.py", "chalicelib/mail/delivery.py")
    ]
    words = re.findall(r'"(.+?)"', telling["FailedNotifyRider"])
    assert len(words) == 3
    assert 'logger.exception("step failed"' in sources[0]
    assert '"error": type(error).__name__' in sources[0]
    assert all(any(word in source for source in sources) for word in words)


def test_an_upload_in_the_queue_is_late_only_when_its_turn_has_come() -> None:
    alarm = ALARMS["AdmissionAgedAlarm"]
    assert alarm["Dimensions"][0]["Value"] == MAIN["AdmissionQueue"]["Properties"]["QueueName"]
    assert alarm["Threshold"] >= MAX_DELAY + MAIN["AdmissionQueue"]["Properties"]["VisibilityTimeout"]


def test_an_invocation_is_slow_before_its_function_runs_out_of_time() -> None:
    functions = json.loads((PROJECT / ".chalice/config.json").read_text())["lambda_functions"]
    for function in FUNCTIONS:
        slow = FILTERS[f"Slow{logical_name(function)}"]
        assert slow["LogGroupName"] == {"Fn::Sub": Names("${Stage}").log_group(function)}
        [milliseconds] = re.findall(r"> (\d+)", slow["FilterPattern"])
        # The audit ends by itself after four fifths.
        share = 0.9 if function == "audit" else 0.8
        assert int(milliseconds) == int(functions[function]["lambda_timeout"] * 1000 * share)


def test_queries_look_into_groups_that_there_are() -> None:
    groups = {
        part["Properties"]["LogGroupName"]["Fn::Sub"]
        for part in MAIN.values()
        if part["Type"] == "AWS::Logs::LogGroup"
    }
    queries = of_type("AWS::Logs::QueryDefinition")
    assert len(queries) == 5
    for query in queries.values():
        assert {group["Fn::Sub"] for group in query["LogGroupNames"]} <= groups
    # What no function logs, a state's timeout or a denied putItem, only the state machine does.
    for everywhere in (queries["WhatHappenedQuery"], queries["BrokenQuery"]):
        assert {group["Fn::Sub"] for group in everywhere["LogGroupNames"]} == groups
    guide = (PROJECT / "docs/operate.md").read_text(encoding="utf-8")
    for query in queries.values():
        assert f"`{query['Name']['Fn::Sub'].removeprefix('rider-photos-${Stage}/')}`" in guide


def test_the_dashboard_shows_what_alarms_watch() -> None:
    [dashboard] = of_type("AWS::CloudWatch::Dashboard").values()
    body = json.loads(dashboard["DashboardBody"]["Fn::Sub"])
    shown = {metric[1] for widget in body["widgets"] for metric in widget["properties"]["metrics"]}
    watched = {alarm["MetricName"] for alarm in ALARMS.values()}
    # Errors and throttles are seen in what they cause, rates of mails in their numbers.
    indirectly = {"Errors", "Throttles", "Reputation.BounceRate", "Reputation.ComplaintRate"}
    assert watched - indirectly <= shown
    assert {"Bounce", "Complaint"} <= shown
    placed = {(widget["x"], widget["y"]) for widget in body["widgets"]}
    assert len(placed) == len(body["widgets"])
    assert all(widget["x"] + widget["width"] <= 24 for widget in body["widgets"])


def test_only_alarms_of_this_account_may_ring() -> None:
    allowed, denied = PARTS["AlarmTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowed["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
