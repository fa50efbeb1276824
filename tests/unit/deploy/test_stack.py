from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from deploy import stack as stack_module
from deploy.errors import StackError
from deploy.stack import Stack
from tests.unit.deploy.fakes import FakeCloudFormation, Lines, client_error

PARAMETERS = {"Stage": "dev", "PageOrigin": ""}


def stack_of(cloudformation: Any, lines: Lines | None = None) -> Stack:
    return Stack(cloudformation, "rider-photos-dev", lines or Lines(), sleep=lambda seconds: None)


def test_a_stack_that_is_not_there_is_created() -> None:
    fake, lines = FakeCloudFormation(), Lines()
    fake.event("PhotoBucket", "CREATE_IN_PROGRESS")
    fake.event("PhotoBucket", "CREATE_COMPLETE")
    assert stack_of(fake, lines).apply("{}", PARAMETERS) == {"Answer": "42"}
    [(kind, request)] = fake.calls
    assert kind == "create"
    assert request["OnFailure"] == "DELETE"
    assert request["Capabilities"] == ["CAPABILITY_IAM"]
    assert request["Parameters"][0] == {"ParameterKey": "Stage", "ParameterValue": "dev"}
    assert lines.details == ["PhotoBucket: create complete"]


def test_a_creation_that_fails_names_the_resource_its_reason_and_what_is_left() -> None:
    fake = FakeCloudFormation()
    fake.scripts["create"] = ["CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    fake.fails("UserPool", "Limit exceeded.")
    fake.fails("PhotoBucket", "Resource creation cancelled")
    with pytest.raises(StackError) as failed:
        stack_of(fake).apply("{}", PARAMETERS)
    assert str(failed.value) == (
        "The stack rider-photos-dev couldn't be created. UserPool (AWS::Test::Thing) failed: Limit exceeded. "
        "Nothing is left of it."
    )


def test_a_creation_whose_removal_fails_too_says_so() -> None:
    fake = FakeCloudFormation()
    fake.scripts["create"] = ["CREATE_IN_PROGRESS", "DELETE_FAILED"]
    with pytest.raises(StackError, match=r"gave no reason\. What is left is in the stack"):
        stack_of(fake).apply("{}", PARAMETERS)


def test_an_update_without_changes_is_a_success() -> None:
    fake = FakeCloudFormation("UPDATE_COMPLETE")
    fake.update_error = client_error("ValidationError", "No updates are to be performed.", "UpdateStack")
    assert stack_of(fake).apply("{}", PARAMETERS) == {"Answer": "42"}


def test_another_refusal_of_an_update_is_not() -> None:
    fake = FakeCloudFormation("UPDATE_COMPLETE")
    fake.update_error = client_error("ValidationError", "Template format error", "UpdateStack")
    with pytest.raises(ClientError, match="Template format error"):
        stack_of(fake).apply("{}", PARAMETERS)


def test_an_update_that_fails_says_that_all_is_as_before() -> None:
    fake = FakeCloudFormation("CREATE_COMPLETE")
    fake.scripts["update"] = ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"]
    with pytest.raises(StackError, match="It is again as it was before"):
        stack_of(fake).apply("{}", PARAMETERS)


def test_events_of_earlier_changes_are_not_shown_again() -> None:
    fake, lines = FakeCloudFormation("CREATE_COMPLETE"), Lines()
    fake.fails("Old", "long ago")
    fake.event("Older", "CREATE_COMPLETE")
    stack_of(fake, lines).apply("{}", PARAMETERS)
    assert lines.details == []
    assert lines.warnings == []


def test_what_a_failed_creation_left_is_removed_before_the_next() -> None:
    fake = FakeCloudFormation("ROLLBACK_COMPLETE")
    stack_of(fake).apply("{}", PARAMETERS)
    assert [kind for kind, _ in fake.calls] == ["delete", "create"]


def test_a_change_that_is_under_way_is_waited_for() -> None:
    fake, lines = FakeCloudFormation(), Lines()
    fake.states = ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    stack_of(fake, lines).apply("{}", PARAMETERS)
    assert [kind for kind, _ in fake.calls] == ["update"]
    assert lines.details == ["waiting for the change that is under way (CREATE_IN_PROGRESS)"]


@pytest.mark.parametrize(
    ("status", "advice"),
    [("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"), ("DELETE_FAILED", "Run `down` again")],
)
def test_a_stack_that_cannot_be_updated_says_what_to_do(status: str, advice: str) -> None:
    fake = FakeCloudFormation(status)
    with pytest.raises(StackError, match=advice):
        stack_of(fake).apply("{}", PARAMETERS)
    assert fake.calls == []


def test_waiting_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_module, "TIMEOUT_SECONDS", -1.0)
    fake = FakeCloudFormation()
    with pytest.raises(StackError, match="still in state CREATE_IN_PROGRESS"):
        stack_of(fake).apply("{}", PARAMETERS)


def test_deleting_what_is_not_there_does_nothing() -> None:
    fake = FakeCloudFormation()
    stack_of(fake).delete()
    assert fake.calls == []


def test_a_deletion_that_fails_names_what_is_left() -> None:
    fake = FakeCloudFormation("CREATE_COMPLETE")
    fake.scripts["delete"] = ["DELETE_IN_PROGRESS", "DELETE_FAILED"]
    lines = Lines()
    stack = stack_of(fake, lines)
    delete_stack = fake.delete_stack

    def delete_and_fail(**request: Any) -> None:
        delete_stack(**request)
        fake.fails("PhotoBucket", "The bucket is not empty", "DELETE_FAILED")

    fake.delete_stack = delete_and_fail
    with pytest.raises(StackError, match=r"PhotoBucket .* failed: The bucket is not empty\."):
        stack.delete()
    assert lines.warnings == ["PhotoBucket: delete failed: The bucket is not empty"]


def test_the_parameters_of_the_last_time_can_be_read() -> None:
    fake = FakeCloudFormation()
    stack = stack_of(fake)
    assert stack.parameters() == {}
    assert stack.outputs() == {}
    stack.apply("{}", PARAMETERS)
    assert stack.parameters() == PARAMETERS
    assert stack.outputs() == {"Answer": "42"}
