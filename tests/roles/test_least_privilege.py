"""Each role grants what its function calls, and nothing else: compared both ways.

The roles are written by hand. This holds them to what was recorded; what a recording cannot hold is in
`IMPLIED`, each with its reason. That nothing is missing, the end-to-end tests show once more: the embedded
AWS refuses there what no role grants, and all that it was asked is held against them afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import pytest

from deploy.functions import FUNCTIONS
from tests.fakes import ENVIRONMENT
from tests.roles.calls import Need, needs_of
from tests.roles.deployer import ROOT
from tests.roles.grants import Grant, grants
from tests.roles.recording import Recorded, recorded
from tests.statemachine.template import logical_name

STATE_MACHINE: Final = "state_machine"
CALLERS: Final = [*FUNCTIONS, STATE_MACHINE]
_LOGS: Final = "written by Lambda itself, as the function"
_TRACES: Final = "sent by Lambda or Step Functions, where tracing is on"
_DELIVERY: Final = "asked by Step Functions when the state machine is made or changed, to log to CloudWatch"
_QUEUE: Final = "taken out of the queue by Lambda, as the function"

_MISSING: Final = "lets S3 say of an object that it is not there, instead of refusing the call"

# (callers, action, resource) as patterns: why it is granted although nobody makes that call.
IMPLIED: Final = {
    (".*(?<!state_machine)", "logs:(CreateLogStream|PutLogEvents)", "arn:aws:logs:.*"): _LOGS,
    (STATE_MACHINE, "logs:.*", r"\*"): _DELIVERY,
    ("start_waiting", "sqs:((Receive|Delete)Message|GetQueueAttributes)", "arn:aws:sqs:.*"): _QUEUE,
    (
        "api_handler|start_processing|start_waiting|audit",
        "s3:ListBucket",
        f"arn:aws:s3:::{ENVIRONMENT['PHOTO_BUCKET']}",
    ): _MISSING,
    (".*", "xray:Put(TraceSegments|TelemetryRecords)", r"\*"): _TRACES,
    (STATE_MACHINE, "xray:GetSampling(Rules|Targets)", r"\*"): _TRACES,
}


def unused(function: str, needed: set[Need]) -> set[Grant]:
    granted = grants()[f"{logical_name(function)}Role"]
    return {grant for grant in granted if not any(grant.covers(need) for need in needed)}


def missing(function: str, needed: set[Need]) -> set[Need]:
    granted = grants()[f"{logical_name(function)}Role"]
    return {need for need in needed if not any(grant.covers(need) for grant in granted)}


def is_implied(function: str, grant: Grant) -> bool:
    return any(fits(entry, function, grant) for entry in IMPLIED)


def fits(entry: tuple[str, str, str], function: str, grant: Grant) -> bool:
    values = (function, grant.action, grant.resource)
    return all(re.fullmatch(pattern, value) for pattern, value in zip(entry, values, strict=True))


@pytest.fixture(scope="module")
def calls() -> Iterator[Recorded]:
    with pytest.MonkeyPatch.context() as patches:
        yield recorded(patches)


@pytest.mark.parametrize("function", CALLERS)
def test_nothing_is_missing(calls: Recorded, function: str) -> None:
    assert len(calls[function]) >= 1
    assert missing(function, calls[function]) == set()


@pytest.mark.parametrize("function", CALLERS)
def test_nothing_is_unused_but_what_has_a_reason(calls: Recorded, function: str) -> None:
    left = {grant for grant in unused(function, calls[function]) if not is_implied(function, grant)}
    assert left == set()


@pytest.mark.parametrize("entry", IMPLIED, ids=lambda entry: f"{entry[0]} {entry[1]}")
def test_each_reason_is_needed(calls: Recorded, entry: tuple[str, str, str]) -> None:
    assert any(
        fits(entry, function, grant) for function in CALLERS for grant in unused(function, calls[function])
    )


def told() -> Iterator[tuple[str, str]]:
    """Callers and actions, as patterns, of the table in docs/secure.md of what is granted and not called."""
    guide = (ROOT / "docs" / "secure.md").read_text(encoding="utf-8")
    for row in guide.partition("no line of code calls")[2].partition("\n\n")[0].splitlines()[2:]:
        actions, callers, _ = row.strip("|").split(" | ")
        named = [name for name in re.findall(r"`(\w+)`", callers) if name in FUNCTIONS]
        named += FUNCTIONS if "every function" in callers else ()
        named += [STATE_MACHINE] if "the state machine" in callers else ()
        for action in re.findall(r"`([\w:…]+)`", actions):
            yield from ((caller, action.replace("…", ".*")) for caller in named)


def test_the_guide_names_each_grant_that_no_call_uses_and_no_other() -> None:
    implied = {
        (caller, grant.action)
        for caller in CALLERS
        for grant in grants()[f"{logical_name(caller)}Role"]
        if is_implied(caller, grant)
    }
    rows = list(told())
    assert {one for one in implied if not any(named(row, one) for row in rows)} == set()
    assert {row for row in rows if not any(named(row, one) for one in implied)} == set()


def named(row: tuple[str, str], grant: tuple[str, str]) -> bool:
    return row[0] == grant[0] and re.fullmatch(row[1], grant[1]) is not None


def test_who_calls_is_who_has_a_role(calls: Recorded) -> None:
    assert set(calls) == set(CALLERS)


def test_a_call_that_no_role_grants_is_noticed(calls: Recorded) -> None:
    call = needs_of("dynamodb", "delete_item", {"TableName": ENVIRONMENT["UPLOADS_TABLE"]})
    assert missing("detect_faces", calls["detect_faces"] | set(call))


def test_a_grant_that_no_call_uses_is_noticed(calls: Recorded) -> None:
    without = {need for need in calls["index_face"] if need.action != "rekognition:DeleteFaces"}
    left = {grant.action for grant in unused("index_face", without) if not is_implied("index_face", grant)}
    assert left == {"rekognition:DeleteFaces"}


def test_a_grant_on_one_bucket_covers_no_other() -> None:
    grant = Grant("s3:GetObject", "arn:aws:s3:::photos/*")
    assert grant.covers(Need("s3:GetObject", "arn:aws:s3:::photos/uploads/a/b.jpg"))
    assert not grant.covers(Need("s3:GetObject", "arn:aws:s3:::photos-of-others/uploads/a/b.jpg"))
    assert not grant.covers(Need("s3:GetObjectVersion", "arn:aws:s3:::photos/uploads/a/b.jpg"))


def test_a_grant_with_a_condition_covers_what_meets_it_and_nothing_else() -> None:
    resource = "arn:aws:ses:us-east-1:123456789012:identity/rider@example.com"
    grant = Grant("ses:SendEmail", resource, (("ses:FromAddress", "photos@example.com"),))
    assert grant.covers(Need("ses:SendEmail", resource, (("ses:FromAddress", "Photos@example.com"),)))
    assert not grant.covers(Need("ses:SendEmail", resource, (("ses:FromAddress", "boss@example.com"),)))
    assert not grant.covers(Need("ses:SendEmail", resource))
