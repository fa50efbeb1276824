from __future__ import annotations

import json
from pathlib import Path

import pytest

from deploy.errors import CheckError
from deploy.template import DEFINITION, MAX_TEMPLATE, RESOURCES, load_resources, template_body

PROJECT = Path(__file__).parents[3]
SMALL = """
Resources:
  StateMachine:
    Type: AWS::StepFunctions::StateMachine
    Metadata: {note: not sent}
    Properties:
      RoleArn: !GetAtt Role.Arn
      DefinitionS3Location: rider_photo_processing.asl.json
      DefinitionSubstitutions:
        A: !Ref Thing
        B: !Sub x-${Thing}
        C: !Select [1, !Split ["@", !Ref Sender]]
        D: !If [Given, !Ref A, !Ref AWS::NoValue]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "statemachine").mkdir()
    (tmp_path / RESOURCES).write_text(SMALL)
    (tmp_path / DEFINITION).write_text('{"StartAt": "Ändern", "States": {}}', encoding="utf-8")
    return tmp_path


def test_short_forms_become_long_ones(project: Path) -> None:
    properties = load_resources(project)["Resources"]["StateMachine"]["Properties"]
    assert properties["RoleArn"] == {"Fn::GetAtt": ["Role", "Arn"]}
    assert properties["DefinitionSubstitutions"] == {
        "A": {"Ref": "Thing"},
        "B": {"Fn::Sub": "x-${Thing}"},
        "C": {"Fn::Select": [1, {"Fn::Split": ["@", {"Ref": "Sender"}]}]},
        "D": {"Fn::If": ["Given", {"Ref": "A"}, {"Ref": "AWS::NoValue"}]},
    }


def test_the_definition_is_put_into_the_template(project: Path) -> None:
    machine = json.loads(template_body(project))["Resources"]["StateMachine"]
    assert json.loads(machine["Properties"]["DefinitionString"]) == {"StartAt": "Ändern", "States": {}}
    assert "DefinitionS3Location" not in machine["Properties"]
    assert "Metadata" not in machine


def test_a_template_that_cloudformation_would_not_take_is_refused(project: Path) -> None:
    (project / DEFINITION).write_text(json.dumps({"Comment": "x" * MAX_TEMPLATE}))
    with pytest.raises(CheckError, match="takes 1,000,000"):
        template_body(project)


def test_a_broken_definition_names_its_file_and_line(project: Path) -> None:
    (project / DEFINITION).write_text('{"StartAt": }')
    with pytest.raises(CheckError, match=r"asl\.json is no valid JSON: .* line 1"):
        template_body(project)


@pytest.mark.parametrize(("text", "said"), [("a: [", "no valid YAML"), ("[]", "has no Resources")])
def test_a_broken_template_names_its_file(project: Path, text: str, said: str) -> None:
    (project / RESOURCES).write_text(text)
    with pytest.raises(CheckError, match=rf"resources\.yaml .*{said}"):
        template_body(project)


def test_yaml_cannot_run_code(project: Path) -> None:
    (project / RESOURCES).write_text("Resources: !!python/object/apply:os.getcwd []")
    with pytest.raises(CheckError, match="no valid YAML"):
        template_body(project)


def test_the_projects_own_template_fits_into_a_request() -> None:
    assert len(template_body(PROJECT).encode()) <= MAX_TEMPLATE
