"""The deployer's policies are enough for CloudFormation, nothing that it may not call, and fit IAM."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import pytest

from tests.roles.deployer import DEPLOYER, POLICIES, ROOT, assert_allowed, granted, handlers, needs_of
from tests.roles.not_needed import NOT_NEEDED
from tests.statemachine.template import as_list

CALLS, STACKS = DEPLOYER
# Granted with the calls, since `deploy` and Chalice pass the roles on: CloudFormation asks for it too.
ELSEWHERE: Final = {"iam:PassRole"}
# IAM's limit for a managed policy, in characters without white space.
MOST_CHARACTERS: Final = 6144
# What names no resource, or one whose name only AWS knows.
ON_ALL: Final = {
    "AskWhatTheAccountAllows",
    "AskWhoItIs",
    "ConnectQueues",
    "WhatHasNoNameOfItsOwn",
}


def allowed(path: Path) -> set[str]:
    return {grant.action for grant in granted(path)}


def is_needed(action: str) -> bool:
    return not any(re.fullmatch(pattern, action) for pattern in NOT_NEEDED)


@pytest.mark.parametrize("resource_type", sorted(handlers()))
def test_cloudformation_may_do_all_that_a_type_needs(resource_type: str) -> None:
    needed = {action for action in handlers()[resource_type] if is_needed(action)}
    assert needed - allowed(STACKS) - ELSEWHERE == set()


def test_cloudformation_is_granted_nothing_that_no_type_needs() -> None:
    needed = {action for actions in handlers().values() for action in actions}
    assert allowed(STACKS) - {action for action in needed if is_needed(action)} == set()


def test_each_reason_not_to_grant_is_for_something() -> None:
    needed = {action for actions in handlers().values() for action in actions}
    assert [pattern for pattern in NOT_NEEDED if not any(re.fullmatch(pattern, one) for one in needed)] == []


def test_the_policy_of_ones_own_key_lets_the_deployer_give_it_to_a_table() -> None:
    guide = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    statements = json.loads(
        guide.partition("`--kms-key`) has to")[2].partition("```json\n")[2].partition("```")[0]
    )
    told = [action for statement in statements for action in statement["Action"]]
    # What no policy of a key can grant, the deployer's grants.
    needed = {one for one in handlers()["AWS::DynamoDB::Table"] if one.startswith("kms:")} - allowed(STACKS)
    # DynamoDB's own guide asks for more than its handlers do.
    needed |= {"kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey"}
    assert {one for one in needed if not any(fnmatchcase(one, action) for action in told)} == set()
    assert {action for action in told if not any(fnmatchcase(one, action) for one in needed)} == set()


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.name)
def test_a_policy_fits_into_iam_and_names_its_stage(path: Path) -> None:
    assert len("".join(path.read_text().split())) <= MOST_CHARACTERS
    for statement in json.loads(path.read_text())["Statement"]:
        whole = "*" in as_list(statement["Resource"])
        assert whole == (statement["Sid"] in ON_ALL), statement["Sid"]


def test_a_call_that_nobody_granted_is_noticed(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    log.write_text('{"service": "s3", "operation": "PutBucketAcl", "parameters": {"Bucket": "a"}}\n')
    with pytest.raises(AssertionError, match=r"don't allow.*s3:PutBucketAcl"):
        assert_allowed(log, *DEPLOYER)
    log.write_text('{"service": "ec2", "operation": "RunInstances", "parameters": {}}\n')
    with pytest.raises(AssertionError, match="nobody said what ec2 RunInstances is on"):
        assert_allowed(log, *DEPLOYER)
    log.write_text("")
    with pytest.raises(AssertionError, match="nothing was recorded"):
        assert_allowed(log, *DEPLOYER)


def test_a_call_is_read_as_one_in_the_stage_of_the_policies() -> None:
    bucket = "rider-photos-two-photos-000000000000-us-east-1"
    [need] = needs_of("s3", "GetObject", {"Bucket": bucket, "Key": "a/b.json"})
    key = "arn:aws:s3:::rider-photos-prod-photos-111122223333-us-east-1/a/b.json"
    assert (need.action, need.resource) == ("s3:GetObject", key)
    function = "arn:aws:lambda:us-east-1:000000000000:function:rider-photos-two-undo"
    [need] = needs_of("lambda", "DeleteFunction", {"FunctionName": function})
    assert need.resource.endswith(":111122223333:function:rider-photos-prod-undo")
    machine = "arn:aws:states:us-east-1:000000000000:stateMachine:RiderPhotoProcessing-two"
    [need] = needs_of("stepfunctions", "StartExecution", {"stateMachineArn": machine})
    prod = "arn:aws:states:us-east-1:111122223333:stateMachine:RiderPhotoProcessing-prod"
    assert (need.action, need.resource) == ("states:StartExecution", prod)
