"""`python -m local` as a person runs it, in a copy of the project; and that no process outlives it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest

from local.demo import Outcome
from local.memory import processes_of
from local.places import CACHE, PROJECT
from local.samples import ensure_samples
from tests.e2e.support import eventually

ENDPOINT_NAMES = {
    "awsEndpoint",
    "region",
    "apiUrl",
    "userPoolId",
    "userPoolClientId",
    "photoBucket",
    "thumbnailBucket",
    "riderPhotoTable",
    "collectionId",
    "stateMachineArn",
    "consoleUrl",
}
OUTCOME_NAMES = [
    "photo",
    "userId",
    "uploadId",
    "outcome",
    "reason",
    "message",
    "executionArn",
    "faceId",
    "thumbnail",
    "seconds",
]
# Of a real account, or of nobody: a command that reads them fails or does harm.
FOREIGN = {
    "AWS_PROFILE": "somebody-else",
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "nobody's",
    "AWS_SESSION_TOKEN": "a token",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
}


class Copy:
    """A copy of the project with its own `.local/`, and the cache of the real one."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        for name in ("chalicelib", "deploy", "local", "statemachine", ".chalice"):
            ignored = shutil.ignore_patterns("__pycache__", "deployments", "deployed")
            shutil.copytree(PROJECT / name, directory / name, ignore=ignored)
        for name in ("app.py", "requirements.txt"):
            shutil.copy2(PROJECT / name, directory / name)
        self.local = directory / ".local"
        self.local.mkdir()
        (self.local / "cache").symlink_to(CACHE)
        self.endpoints = self.local / "endpoints.json"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "local", *arguments],
            cwd=self.directory,
            env=os.environ | FOREIGN,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A Ctrl-C is meant for it alone.
            start_new_session=True,
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def is_ready(self, process: subprocess.Popen[str]) -> bool:
        assert process.poll() is None, process.communicate()
        return self.endpoints.exists()


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


@pytest.fixture
def up(copy: Copy) -> Iterator[subprocess.Popen[str]]:
    """A running `up`, of which nothing may be left."""
    with copy.start("up") as process:
        try:
            eventually(lambda: copy.is_ready(process), 90)
            yield process
        finally:
            process.kill()


def alive(pids: set[int]) -> set[int]:
    """Which of the processes run still."""
    found = set()
    for pid in pids:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            continue
        found.add(pid)
    return found


def test_up_says_where_it_is_and_keeps_what_was_uploaded_for_the_next(copy: Copy) -> None:
    table = "rider-photos-local-riders"

    def dynamodb() -> object:
        code, out, _ = copy.run("env", "--json")
        assert code == 0
        variables = json.loads(out)
        return boto3.client(
            "dynamodb",
            endpoint_url=variables["AWS_ENDPOINT_URL"],
            region_name=variables["AWS_REGION"],
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        )

    with copy.start("up", "--json") as first:
        eventually(lambda: copy.is_ready(first), 90)
        endpoints = json.loads(copy.endpoints.read_text())
        assert set(endpoints) == ENDPOINT_NAMES
        dynamodb().put_item(TableName=table, Item={"Username": {"S": "rider"}})  # type: ignore[attr-defined]

        code, _, err = copy.run("up")
        assert code == 1
        assert f"running already (process {first.pid})" in err

        # A page of the console that is open holds nothing up.
        console = urlsplit(endpoints["consoleUrl"])
        page = http.client.HTTPConnection(str(console.netloc), timeout=30)
        page.request("GET", "/api/feed")
        assert page.getresponse().status == 200
        assert copy.run("down")[0] == 0
        out, _ = first.communicate(timeout=30)
        page.close()
    assert first.returncode == 0
    assert json.loads(out) == endpoints
    assert not copy.endpoints.exists()

    with copy.start("up") as second:
        eventually(lambda: copy.is_ready(second), 90)
        assert json.loads(copy.endpoints.read_text()) == endpoints
        items = dynamodb().scan(TableName=table)["Items"]  # type: ignore[attr-defined]
        assert items == [{"Username": {"S": "rider"}}]
        assert copy.run("reset")[0] == 0
        second.communicate(timeout=30)
    assert not (copy.local / "state").exists()


def test_without_an_up_there_is_nothing_to_end_and_no_environment(copy: Copy) -> None:
    assert copy.run("down")[0] == 0
    code, out, err = copy.run("env")
    assert (code, out) == (1, "")
    assert "make local" in err


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_up_ends_no_process_is_left(
    copy: Copy, up: subprocess.Popen[str], ending: signal.Signals
) -> None:
    started = set(processes_of(up.pid)) - {up.pid}
    assert len(started) >= 2
    up.send_signal(ending)
    assert up.wait(30) == (0 if ending is not signal.SIGKILL else -signal.SIGKILL)
    eventually(lambda: not alive(started), 20)
    assert copy.run("down") == (0, "", "Nothing was running.\n")


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the part by /proc")
def test_a_part_that_dies_ends_up_with_its_log(up: subprocess.Popen[str]) -> None:
    started = set(processes_of(up.pid)) - {up.pid}
    services = {pid for pid in started if b"local.rekognition" in Path(f"/proc/{pid}/cmdline").read_bytes()}
    (face_service,) = services
    os.kill(face_service, signal.SIGKILL)
    _, err = up.communicate(timeout=30)
    assert up.returncode == 1
    assert "The face service ended by itself with exit code -9" in err
    assert "face-service.log" in err
    eventually(lambda: not alive(started), 20)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_a_demo_ended_while_it_deploys_leaves_no_process_and_no_data(
    copy: Copy, ending: signal.Signals
) -> None:
    (copy.directory / "photo.jpg").write_bytes(b"x")
    with copy.start("demo", "photo.jpg") as demo:
        assert demo.stderr is not None
        assert any("Deploying the functions" in line for line in demo.stderr)
        started = set(processes_of(demo.pid)) - {demo.pid}
        assert len(started) >= 3
        # Somebody has to read on, or the demo waits for that.
        reader = threading.Thread(target=demo.stderr.read)
        reader.start()
        demo.send_signal(ending)
        code = demo.wait(30)
        reader.join()
    eventually(lambda: not alive(started), 20)
    assert code == (130 if ending is signal.SIGINT else -signal.SIGKILL)
    if ending is signal.SIGKILL:
        # The next one tidies up after it.
        assert copy.run("demo", "photo.jpg")[0] == 0
    assert list((copy.local / "runs").iterdir()) == []


def test_demo_prints_one_object_a_photo_and_nothing_else(copy: Copy) -> None:
    photos = copy.directory / "my photos"
    photos.mkdir()
    shutil.copy2(ensure_samples(CACHE)["biden"], photos / "1 [me].jpg")
    shutil.copy2(ensure_samples(CACHE)["not_an_image"], photos / "2.png")
    (photos / "3.jpg").touch()
    (photos / "notes.txt").write_text("no photo")
    code, out, err = copy.run("demo", "--json", "--keep", "kept", "my photos")
    assert code == 0, err
    lines = [json.loads(line) for line in out.splitlines()]
    assert [list(line) for line in lines] == [OUTCOME_NAMES] * 3
    assert [(line["outcome"], line["reason"]) for line in lines] == [
        ("accepted", None),
        ("rejected", "UNSUPPORTED_FORMAT"),
        ("rejected", "IMAGE_UNREADABLE"),
    ]
    assert lines[0]["photo"] == "my photos/1 [me].jpg"
    assert Outcome(**lines[0]).as_json() == lines[0]
    assert [path.name for path in (copy.directory / "kept").iterdir()] == ["01-1 [me].jpg"]
    assert "3 of 3 photos" in err
    assert "\x1b" not in out + err
