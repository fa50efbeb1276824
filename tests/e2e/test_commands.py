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
from contextlib import contextmanager
from pathlib import Path
from typing import Any
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

    def change_a_weight(self) -> Path:
        """Give it a cache of its own, in which one byte of a model is another; returns that model."""
        (genuine,) = (CACHE / "face-models").glob("v*")
        folder = self.directory / "damaged" / "face-models" / genuine.name
        folder.mkdir(parents=True)
        for file in genuine.iterdir():
            (folder / file.name).symlink_to(file)
        changed = folder / "detector.onnx"
        content = bytearray(changed.read_bytes())
        content[1000] ^= 1
        changed.unlink()
        changed.write_bytes(content)
        (self.local / "cache").unlink()
        (self.local / "cache").symlink_to(folder.parents[1])
        return changed


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A copy in which one `up` after the other runs: only the first has to deploy everything."""
    return Copy(tmp_path_factory.mktemp("lasting"))


@contextmanager
def running_up(copy: Copy, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A running `up`, of which nothing is left when it has ended: no process, nothing for `down` to end."""
    with copy.start("up", *arguments) as process:
        try:
            eventually(lambda: copy.is_ready(process), 120)
            started = set(processes_of(process.pid)) - {process.pid}
            assert len(started) >= 2
            yield process
            process.wait(60)
            eventually(lambda: not alive(started))
            assert copy.run("down") == (0, "", "Nothing was running.\n")
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


def test_up_says_where_it_is_and_keeps_what_was_uploaded_for_the_next(lasting: Copy) -> None:
    table = "rider-photos-local-riders"

    def client(service: str) -> Any:
        code, out, _ = lasting.run("env", "--json")
        assert code == 0
        variables = json.loads(out)
        return boto3.client(
            service,
            endpoint_url=variables["AWS_ENDPOINT_URL"],
            region_name=variables["AWS_REGION"],
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        )

    def deployed() -> dict[str, str]:
        """When each function was last changed."""
        functions = client("lambda").list_functions()["Functions"]
        return {function["FunctionName"]: function["LastModified"] for function in functions}

    with running_up(lasting, "--json") as first:
        endpoints = json.loads(lasting.endpoints.read_text())
        assert set(endpoints) == ENDPOINT_NAMES
        client("dynamodb").put_item(TableName=table, Item={"Username": {"S": "rider"}})
        functions = deployed()

        code, _, err = lasting.run("up")
        assert code == 1
        assert f"running already (process {first.pid})" in err

        # A page of the console that is open holds nothing up.
        console = urlsplit(endpoints["consoleUrl"])
        page = http.client.HTTPConnection(str(console.netloc), timeout=60)
        page.request("GET", "/api/feed")
        assert page.getresponse().status == 200
        code, _, err = lasting.run("down")
        assert (code, err) == (0, "Ended. What was uploaded is kept for the next `up`.\n")
        out, _ = first.communicate(timeout=60)
        page.close()
    assert first.returncode == 0
    assert json.loads(out) == endpoints
    assert not lasting.endpoints.exists()

    with running_up(lasting) as second:
        assert json.loads(lasting.endpoints.read_text()) == endpoints
        assert client("dynamodb").scan(TableName=table)["Items"] == [{"Username": {"S": "rider"}}]
        # Nothing has changed, so nothing is deployed again.
        assert deployed() == functions
        second.send_signal(signal.SIGINT)
        assert second.wait(60) == 0


def test_without_an_up_there_is_nothing_to_end_and_no_environment(copy: Copy) -> None:
    assert copy.run("down")[0] == 0
    code, out, err = copy.run("env")
    assert (code, out) == (1, "")
    assert "make local" in err


def test_of_an_up_that_was_killed_no_process_is_left(lasting: Copy) -> None:
    with running_up(lasting) as up:
        up.kill()
        assert up.wait(60) == -signal.SIGKILL


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the part by /proc")
def test_a_part_that_dies_ends_up_with_its_log(lasting: Copy) -> None:
    with running_up(lasting) as up:
        (face_service,) = {
            pid
            for pid in processes_of(up.pid)
            if b"local.rekognition" in Path(f"/proc/{pid}/cmdline").read_bytes()
        }
        os.kill(face_service, signal.SIGKILL)
        _, err = up.communicate(timeout=60)
    assert up.returncode == 1
    assert "The face service ended by itself with exit code -9" in err
    assert "face-service.log" in err


def test_reset_ends_an_up_and_forgets_what_was_uploaded(lasting: Copy) -> None:
    with running_up(lasting) as up:
        assert (lasting.local / "state").exists()
        assert lasting.run("reset")[0] == 0
        assert up.wait(60) == 0
    assert not (lasting.local / "state").exists()


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
        code = demo.wait(60)
        reader.join()
    eventually(lambda: not alive(started))
    assert code == (130 if ending is signal.SIGINT else -signal.SIGKILL)
    if ending is signal.SIGKILL:
        # The next one tidies up after it, however soon it fails itself.
        assert len(list((copy.local / "runs").iterdir())) == 1
        copy.change_a_weight()
        assert copy.run("demo", "photo.jpg")[0] == 1
    assert list((copy.local / "runs").iterdir()) == []


def test_a_model_that_was_changed_ends_a_demo_in_a_line_that_says_what_to_do(copy: Copy) -> None:
    changed = copy.change_a_weight()
    (copy.directory / "photo.jpg").write_bytes(b"x")
    code, out, err = copy.run("demo", "photo.jpg")
    assert (code, out) == (1, "")
    error = err.splitlines()[-1]
    assert error.startswith("error: ")
    assert f"{changed.name} was changed" in error
    assert error.endswith("and run again.")
    assert "Traceback" not in err


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
