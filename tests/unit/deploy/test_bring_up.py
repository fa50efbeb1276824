from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.bring_up import _create_unprotected, _page_url
from deploy.checks import Target
from deploy.errors import StackError
from deploy.pace import Admission
from deploy.preflight import Checked, UpOptions
from deploy.project import Project
from deploy.record import with_rest_api
from deploy.stack import Stack
from tests.unit.deploy.fakes import FakeCloudFormation, Lines

PROJECT = Path(__file__).parents[3]


class Templates:
    """The templates that were handed over, in the place of the bucket; a template's URL is itself."""

    def put_template(self, body: str) -> str:
        return body


def create(fake: FakeCloudFormation, stage: str) -> None:
    lines = Lines()
    stack: Any = Stack(fake, "rider-photos-dev", lines, sleep=lambda seconds: None)  # type: ignore[arg-type]
    target: Any = Target(None, stage, "us-east-1", "123456789012")  # type: ignore[arg-type]
    checked = Checked(
        project=Project(PROJECT),
        target=target,
        stack=stack,
        operations=stack,
        sender="a@example.com",
        architecture="arm64",
        parameters={"Stage": stage, "Production": "true"},
        operations_parameters={},
        admission=Admission(per_second=3, burst=3, computed={}),
    )
    _create_unprotected(checked, Templates(), lines)  # type: ignore[arg-type]


@pytest.mark.parametrize("before", [None, "ROLLBACK_COMPLETE", "CREATE_FAILED"])
def test_a_production_stage_is_created_so_that_a_failure_can_be_taken_back(before: str | None) -> None:
    fake = FakeCloudFormation(before)
    create(fake, "prod")
    kind, request = fake.calls[-1]
    assert kind == "create"
    assert {"ParameterKey": "Production", "ParameterValue": "false"} in request["Parameters"]
    parts = json.loads(request["TemplateURL"])["Resources"].values()
    assert {part["DeletionPolicy"] for part in parts if "DeletionPolicy" in part} == {"Delete"}


def test_a_creation_that_a_killed_up_began_is_waited_for() -> None:
    fake = FakeCloudFormation()
    fake.states = ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    create(fake, "prod")
    assert fake.calls == []
    fake.states = ["CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"]
    create(fake, "prod")
    assert [kind for kind, _ in fake.calls] == ["delete", "create"]


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "DELETE_FAILED"])
def test_the_protection_of_a_stage_that_is_there_is_never_lifted_by_up(status: str) -> None:
    fake = FakeCloudFormation(status)
    create(fake, "prod")
    assert fake.calls == []


def test_another_stage_is_created_at_once() -> None:
    fake = FakeCloudFormation()
    create(fake, "dev")
    assert fake.calls == []


def test_a_creation_that_fails_ends_the_command() -> None:
    fake = FakeCloudFormation()
    fake.scripts["create"] = ["CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    with pytest.raises(StackError, match="Nothing is left of it"):
        create(fake, "prod")


def test_the_page_is_at_the_api_or_at_an_origin_or_where_an_emulator_has_it() -> None:
    record: Any = with_rest_api(None, "abc")
    record["resources"][-1]["rest_api_url"] = "https://abc.example.com/api/"
    origin, here = "https://rides.example.com", "http://127.0.0.1:4566/{api}/api/"
    assert _page_url(UpOptions("dev"), record) == "https://abc.example.com/api/"
    assert _page_url(UpOptions("dev", page_origin=origin), record) == f"{origin}/"
    assert _page_url(UpOptions("local", page_url=here), record) == "http://127.0.0.1:4566/abc/api/"
