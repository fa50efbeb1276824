"""The one `up`, its endpoints, its scratch directories and its staged copy."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import Deployment
from local import aws, places
from local.endpoints import Endpoints
from local.memory import PeakMemory, processes_of
from local.running import AlreadyRunningError, StillRunningError, end, is_running, only_one
from local.staging import api_stage, keep_packages, stage_app

HOLD = """
import signal, sys, pathlib
from local.running import only_one
if sys.argv[2:] == ["deaf"]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with only_one(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
OUTPUTS = {
    "UserPoolId": "us-east-1_x",
    "UserPoolClientId": "client",
    "RiderPhotoS3Bucket": "photos",
    "ThumbnailS3Bucket": "thumbnails",
    "RiderPhotoDDBTable": "riders",
    "CollectionId": "collection",
    "StateMachineArn": "arn:machine",
}
DEPLOYMENT = Deployment(
    "local", "us-east-1", "000000000000", OUTPUTS, "abc", "https://aws/api", "https://aws"
)


def hold(lock: Path, *words: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=places.PROJECT,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_second_one_is_told_which_runs(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with hold(lock) as holder:
        assert is_running(lock)
        with pytest.raises(AlreadyRunningError, match=f"process {holder.pid}"), only_one(lock):
            pytest.fail("two hold the lock")
        holder.communicate()
    assert not is_running(lock)
    with only_one(lock):
        assert is_running(lock)


def test_one_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with hold(lock) as holder:
        holder.kill()
        holder.communicate()
    # Its id is still in the file; whoever has that id now must not be ended.
    lock.write_text(str(os.getpid()))
    assert end(lock, 1) is False


def test_end_waits_until_it_has_ended(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    assert end(lock, 1) is False
    with hold(lock) as holder:
        assert end(lock, 20) is True
        holder.communicate()
    assert holder.returncode == -signal.SIGTERM


def test_one_that_will_not_end_is_named(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with hold(lock, "deaf") as holder:
        with pytest.raises(StillRunningError, match=str(holder.pid)):
            end(lock, 0.2)
        holder.kill()
        holder.communicate()


def test_endpoints_are_read_as_they_were_written(tmp_path: Path) -> None:
    endpoints = Endpoints.of("http://127.0.0.1:4566", DEPLOYMENT, "api")
    path = tmp_path / "new" / "endpoints.json"
    endpoints.write(path)
    assert Endpoints.read(path) == endpoints
    content = json.loads(path.read_text())
    assert content["apiUrl"] == "http://127.0.0.1:4566/_aws/execute-api/abc/api"
    assert content["userPoolClientId"] == "client"
    assert list(path.parent.iterdir()) == [path]


def test_the_users_aws_settings_stay_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example")
    given = aws.environment_for({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    assert "AWS_PROFILE" not in given
    assert "AWS_SESSION_TOKEN" not in given
    assert given["AWS_CONFIG_FILE"] == os.devnull
    assert given["PIP_INDEX_URL"] == "https://index.example"

    client = aws.client("sqs", "http://127.0.0.1:1")
    assert client.meta.region_name == "us-east-1"
    assert client.meta.endpoint_url == "http://127.0.0.1:1"


def test_a_scratch_directory_goes_and_killed_ones_go_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"
    monkeypatch.setattr(places, "_RUNS", runs)
    (runs / "of a killed run" / "data").mkdir(parents=True)
    with places.scratch_directory() as first:
        assert list(runs.iterdir()) == [first]
        with places.scratch_directory() as second:
            assert set(runs.iterdir()) == {first, second}
    assert list(runs.iterdir()) == []


def test_the_staged_copy_has_what_is_deployed_and_no_stage_of_the_users(tmp_path: Path) -> None:
    cache, app = tmp_path / "cache", tmp_path / "app"
    cache.mkdir()
    (cache / "managed-layer-1-python3.13.zip").write_bytes(b"dependencies")
    app.mkdir()
    (app / "old.py").touch()
    stage_app(app, cache)
    assert not (app / "old.py").exists()
    assert (app / "app.py").read_bytes() == (places.PROJECT / "app.py").read_bytes()
    assert not list(app.rglob("__pycache__"))
    (stage,) = json.loads((app / ".chalice/config.json").read_text())["stages"].items()
    assert stage[0] == "local"
    # No upload waits for a turn here, where nothing has a quota.
    assert int(stage[1]["environment_variables"]["ADMISSIONS_PER_SECOND"]) >= 1000
    assert api_stage(app) == "api"

    packages = app / ".chalice/deployments"
    assert [path.name for path in packages.iterdir()] == ["managed-layer-1-python3.13.zip"]
    (packages / "managed-layer-2-python3.13.zip").write_bytes(b"newer")
    (packages / "3-python3.13.zip").write_bytes(b"the app itself")
    keep_packages(app, cache)
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == {
        "managed-layer-1-python3.13.zip": b"dependencies",
        "managed-layer-2-python3.13.zip": b"newer",
    }


def test_memory_counts_a_process_and_what_it_started() -> None:
    with (
        PeakMemory() as memory,
        subprocess.Popen(
            [sys.executable, "-c", "print(flush=True); input()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as child,
    ):
        assert child.stdout is not None
        child.stdout.readline()
        found = processes_of(os.getpid())
        assert {os.getpid(), child.pid} <= set(found)
        assert min(found[os.getpid()], found[child.pid]) > 2**20
        child.communicate(b"\n")
    assert memory.peak > 2**20
