from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy.errors import CheckError
from deploy.functions import ENVIRONMENT, FUNCTIONS, role_output
from deploy.project import CONFIG, NEEDED, Project

PROJECT = Path(__file__).parents[3]
OUTPUTS = {name: f"<{name}>" for name in (*ENVIRONMENT.values(), *map(role_output, FUNCTIONS))}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for path in NEEDED:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "chalicelib").unlink()
    (tmp_path / "chalicelib").mkdir()
    config = json.loads((PROJECT / CONFIG).read_text())
    (tmp_path / CONFIG).write_text(json.dumps(config | {"stages": {}}, indent=2) + "\n")
    return Project(tmp_path)


def config_of(project: Project) -> dict[str, dict[str, dict[str, dict[str, str]]]]:
    return json.loads((project.directory / CONFIG).read_text())


def test_the_stages_block_gets_environment_and_roles(project: Project) -> None:
    project.write_stage("dev", OUTPUTS, "rides@example.com", "arm64")
    block = config_of(project)["stages"]["dev"]
    assert block["environment_variables"] == {
        "PHOTO_BUCKET": "<RiderPhotoS3Bucket>",
        "THUMBNAIL_BUCKET": "<ThumbnailS3Bucket>",
        "RIDER_PHOTO_TABLE": "<RiderPhotoDDBTable>",
        "UPLOADS_TABLE": "<UploadsTable>",
        "COLLECTION_ID": "<CollectionId>",
        "STATE_MACHINE_ARN": "<StateMachineArn>",
        "USER_POOL_ID": "<UserPoolId>",
        "USER_POOL_ARN": "<UserPoolArn>",
        "USER_POOL_CLIENT_ID": "<UserPoolClientId>",
        "DEAD_LETTER_QUEUE_URL": "<DeadLetterQueueUrl>",
        "CONFIGURATION_SET": "<MailConfigurationSet>",
        "ADMISSION_QUEUE_URL": "<AdmissionQueueUrl>",
        "SENDER": "rides@example.com",
    }
    assert block["lambda_functions"]["undo"] == {"iam_role_arn": "<UndoRoleArn>"}
    assert set(block["lambda_functions"]) == set(FUNCTIONS)
    assert project.architecture("dev") == "arm64"
    assert project.architecture("prod") == "arm64"


def test_forgetting_a_stage_gives_the_same_file_again(project: Project) -> None:
    before = (project.directory / CONFIG).read_bytes()
    project.write_stage("dev", OUTPUTS, "rides@example.com", "arm64")
    project.write_page_url("dev", "https://rides.example.com/api/")
    assert config_of(project)["stages"]["dev"]["environment_variables"]["PAGE_URL"].startswith(
        "https://rides."
    )
    project.write_record("dev", {"resources": []})
    project.forget_stage("dev")
    assert (project.directory / CONFIG).read_bytes() == before
    assert project.record("dev") is None
    project.forget_stage("dev")
    assert (project.directory / CONFIG).read_bytes() == before


def test_how_uploads_are_started_is_written_for_who_starts_them_and_forgotten(project: Project) -> None:
    before = (project.directory / CONFIG).read_bytes()
    project.write_stage("dev", OUTPUTS, "rides@example.com", "arm64")
    own = project.own_variables("dev")
    project.write_admission("dev", {"ADMISSIONS_PER_SECOND": "4", "ADMISSION_BURST": "4"})
    project.write_admission("dev", {"ADMISSION_BURST": "9"})
    functions = config_of(project)["stages"]["dev"]["lambda_functions"]
    told = {name for name, block in functions.items() if "environment_variables" in block}
    assert told == {"start_processing", "audit"}
    assert functions["audit"]["environment_variables"] == {"ADMISSION_BURST": "9"}
    assert project.own_variables("dev") == own, "what was computed is no operator's"
    project.write_admission("dev", {})
    assert "environment_variables" not in config_of(project)["stages"]["dev"]["lambda_functions"]["audit"]
    project.write_admission("dev", {"ADMISSION_BURST": "9"})
    project.forget_stage("dev")
    assert (project.directory / CONFIG).read_bytes() == before


def test_a_stages_own_variables_win_over_those_of_all_stages(project: Project) -> None:
    config = config_of(project)
    config["environment_variables"] = {"ADMISSIONS_PER_SECOND": "2", "ADMISSION_BURST": "3"}
    config["stages"] = {"dev": {"environment_variables": {"ADMISSIONS_PER_SECOND": "7"}}}
    (project.directory / CONFIG).write_text(json.dumps(config))
    assert project.own_variables("dev") == {"ADMISSIONS_PER_SECOND": "7", "ADMISSION_BURST": "3"}
    assert project.own_variables("prod") == {"ADMISSIONS_PER_SECOND": "2", "ADMISSION_BURST": "3"}


def test_what_others_wrote_stays(project: Project) -> None:
    config = config_of(project)
    mine = {
        "environment_variables": {"MIN_FACE_CONFIDENCE": "95"},
        "lambda_functions": {"make_thumbnail": {"lambda_memory_size": 2048}},
    }
    config["stages"] = {"prod": {"xray": False}, "dev": mine}
    (project.directory / CONFIG).write_text(json.dumps(config))
    project.write_stage("dev", OUTPUTS, "rides@example.com", None)
    stages = config_of(project)["stages"]
    assert stages["prod"] == {"xray": False}
    assert stages["dev"]["environment_variables"]["MIN_FACE_CONFIDENCE"] == "95"
    assert stages["dev"]["lambda_functions"]["make_thumbnail"] == {
        "lambda_memory_size": 2048,
        "iam_role_arn": "<MakeThumbnailRoleArn>",
    }
    project.forget_stage("dev")
    assert config_of(project)["stages"] == {"prod": {"xray": False}, "dev": mine}


def test_a_write_that_is_interrupted_leaves_the_old_file(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (project.directory / CONFIG).read_bytes()

    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        project.write_stage("dev", OUTPUTS, "rides@example.com", None)
    assert (project.directory / CONFIG).read_bytes() == before
    assert [path.name for path in (project.directory / ".chalice").iterdir()] == ["config.json"]


def test_stages_that_are_written_at_once_are_all_there(project: Project) -> None:
    stages = [f"s{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda stage: project.write_stage(stage, OUTPUTS, "a@example.com", None), stages))
    assert sorted(config_of(project)["stages"]) == stages


def test_a_file_that_is_missing_is_named(project: Project) -> None:
    project.check_complete()
    (project.directory / "app.py").unlink()
    (project.directory / "requirements.txt").unlink()
    with pytest.raises(CheckError, match=r"app\.py, requirements\.txt missing"):
        project.check_complete()


def test_an_app_of_another_name_is_refused(project: Project) -> None:
    (project.directory / CONFIG).write_text('{"app_name": "other"}')
    with pytest.raises(CheckError, match="'other'"):
        project.check_complete()


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_broken_configuration_is_named(project: Project, text: str) -> None:
    (project.directory / CONFIG).write_text(text)
    with pytest.raises(CheckError, match=r"config\.json"):
        project.config()


def test_a_record_can_be_replaced_and_removed(project: Project) -> None:
    project.write_record("dev", {"resources": [], "schema_version": "2.0"})
    assert project.record("dev") == {"resources": [], "schema_version": "2.0"}
    project.write_record("dev", None)
    assert project.record("dev") is None


def test_bytecode_is_kept_out_of_the_package(project: Project) -> None:
    cache = project.directory / "chalicelib" / "steps" / "__pycache__"
    cache.mkdir(parents=True)
    (cache / "undo.cpython-313.pyc").touch()
    (cache.parent / "undo.py").touch()
    project.remove_bytecode()
    assert not cache.exists()
    assert (cache.parent / "undo.py").exists()
