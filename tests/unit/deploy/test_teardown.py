from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from deploy import teardown
from deploy.buckets import empty_bucket
from deploy.checks import Target
from deploy.errors import StackError
from deploy.project import Project
from deploy.stack import Stack
from deploy.teardown import DownOptions, down
from tests.unit.deploy.fakes import FakeCloudFormation, Lines

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def s3() -> Stubber:
    return Stubber(boto3.client("s3", region_name="us-east-1"))


def page(
    *entries: tuple[str, str], marker: tuple[str, str] | None = None, more: bool = False
) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "Versions": [{"Key": key, "VersionId": version} for key, version in entries],
        "IsTruncated": more,
    }
    if marker:
        answer["DeleteMarkers"] = [{"Key": marker[0], "VersionId": marker[1]}]
    if more:
        answer |= {"NextKeyMarker": entries[-1][0], "NextVersionIdMarker": entries[-1][1]}
    return answer


def expected(*entries: tuple[str, str]) -> dict[str, Any]:
    objects = [{"Key": key, "VersionId": version} for key, version in entries]
    return {"Bucket": "photos", "Delete": {"Objects": objects, "Quiet": True}}


def test_every_version_and_every_delete_marker_goes(s3: Stubber) -> None:
    s3.add_response("list_object_versions", page(("a", "1"), ("a", "2"), marker=("b", "3"), more=True))
    s3.add_response("delete_objects", {}, expected(("a", "1"), ("a", "2"), ("b", "3")))
    s3.add_response("list_object_versions", page(("c", "null")))
    s3.add_response("delete_objects", {}, expected(("c", "null")))
    with s3:
        assert empty_bucket(s3.client, "photos") == 4
    s3.assert_no_pending_responses()


def test_an_empty_bucket_and_a_missing_one_need_nothing(s3: Stubber) -> None:
    s3.add_response("list_object_versions", page())
    s3.add_client_error("list_object_versions", "NoSuchBucket")
    with s3:
        assert empty_bucket(s3.client, "photos") == 0
        assert empty_bucket(s3.client, "photos") == 0


def test_an_object_that_stays_is_named(s3: Stubber) -> None:
    s3.add_response("list_object_versions", page(("a", "1")))
    refused = {"Key": "a", "VersionId": "1", "Code": "AccessDenied", "Message": "locked"}
    s3.add_response("delete_objects", {"Errors": [refused]})
    with s3, pytest.raises(StackError, match=r"\(a\) because of AccessDenied: locked"):
        empty_bucket(s3.client, "photos")


class Session:
    """Hands out one fake CloudFormation, and nothing else."""

    def __init__(self, cloudformation: FakeCloudFormation) -> None:
        self.cloudformation = cloudformation

    def client(self, service: str) -> Any:
        return self.cloudformation if service == "cloudformation" else object()


def test_nothing_goes_when_the_answer_is_no(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeCloudFormation("CREATE_COMPLETE")
    target = Target(Session(fake), "dev", "us-east-1", "123456789012")
    monkeypatch.setattr(teardown, "find_target", lambda stage, region: target)
    asked: list[str] = []

    def refuse(question: str) -> bool:
        asked.append(question)
        return False

    removal = down(DownOptions("dev"), Lines(), refuse)
    assert not removal.removed
    assert fake.calls == []
    assert "account 123456789012, region us-east-1" in asked[0]


@pytest.mark.parametrize(("failures", "succeeds"), [(0, True), (2, True), (3, False)])
def test_an_upload_that_arrives_meanwhile_is_removed_too(
    monkeypatch: pytest.MonkeyPatch, failures: int, succeeds: bool
) -> None:
    fake, left, emptied = FakeCloudFormation("CREATE_COMPLETE"), [failures], []
    delete_stack = fake.delete_stack

    def delete(**request: Any) -> None:
        ends = "DELETE_FAILED" if left[0] else "DELETE_COMPLETE"
        left[0] -= 1
        fake.scripts["delete"] = [ends]
        delete_stack(**request)

    fake.delete_stack = delete

    def emptying(s3: object, bucket: str, prefix: str) -> int:
        emptied.append(bucket)
        return 1

    monkeypatch.setattr(teardown, "empty_bucket", emptying)
    monkeypatch.setattr(teardown, "bucket_exists", lambda s3, bucket: False)
    stopped: list[Target] = []
    monkeypatch.setattr(teardown, "stop_backups", stopped.append)
    target = Target(Session(fake), "dev", "us-east-1", "000000000000")
    stack = Stack(fake, "rider-photos-dev", Lines(), sleep=lambda seconds: None)
    if succeeds:
        assert teardown._delete_stack(target, stack, Lines()) == 2 * (failures + 1)
    else:
        with pytest.raises(StackError, match="couldn't be deleted"):
            teardown._delete_stack(target, stack, Lines())
    assert emptied.count(target.photo_bucket) == min(failures + 1, 3)
    assert stopped == [target] * min(failures + 1, 3)


def test_a_production_stages_tables_are_deleted_with_their_backups_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake, stopped = FakeCloudFormation("UPDATE_COMPLETE"), []
    monkeypatch.setattr(teardown, "empty_bucket", lambda s3, bucket, prefix: 0)
    monkeypatch.setattr(teardown, "bucket_exists", lambda s3, bucket: False)
    monkeypatch.setattr(teardown, "stop_backups", stopped.append)
    target = Target(Session(fake), "prod", "us-east-1", "000000000000")
    stack = Stack(fake, "rider-photos-prod", Lines(), sleep=lambda seconds: None)
    assert teardown._delete_stack(target, stack, Lines()) == 0
    assert [kind for kind, _ in fake.calls] == ["delete"]
    assert stopped == []


@pytest.mark.parametrize(
    ("stage", "states", "keep_photos", "changes", "deleted"),
    [
        ("prod", ["UPDATE_COMPLETE"], False, ["update"], False),
        # An update that a killed `up` began is waited for.
        ("prod", ["UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"], False, ["update"], False),
        ("prod", ["UPDATE_ROLLBACK_FAILED"], False, [], True),
        ("prod", ["DELETE_FAILED"], True, [], True),
        ("prod", [], False, [], True),  # the stack was deleted by hand, and its data stayed
        ("dev", ["UPDATE_COMPLETE"], True, ["update"], False),
        ("dev", ["UPDATE_ROLLBACK_FAILED"], True, [], False),
        ("dev", ["UPDATE_COMPLETE"], False, [], False),
    ],
)
def test_protection_is_lifted_by_the_stack_or_else_what_it_protects_is_deleted(
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    states: list[str],
    keep_photos: bool,
    changes: list[str],
    deleted: bool,
) -> None:
    fake, by_name = FakeCloudFormation(states[-1] if states else None), []
    fake.states = states
    monkeypatch.setattr(teardown, "delete_data", lambda target, progress: by_name.append(target))
    monkeypatch.setattr(teardown.DeployBucket, "put_template", lambda bucket, body: "url")
    target = Target(Session(fake), stage, "us-east-1", "000000000000")
    stack = Stack(fake, "rider-photos-dev", Lines(), sleep=lambda seconds: None)
    options = DownOptions(stage, keep_photos=keep_photos)
    teardown._lift_protection(target, stack, Project(PROJECT), options, Lines())
    assert [kind for kind, _ in fake.calls] == changes
    assert bool(by_name) is deleted
