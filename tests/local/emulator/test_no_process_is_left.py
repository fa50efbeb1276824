"""Emulator and Lambda workers end with whoever started them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.emulator.support import eventually

PROJECT = Path(__file__).parents[3]

# A parent with an emulator that has one idle worker and one in the middle of a long handler.
PARENT = """
import json, sys, time
from pathlib import Path
import boto3
from local.emulator import Emulator
from tests.local.emulator.support import eventually, make_function

SOURCE = '''
import os, time
from pathlib import Path

def handle(event, context):
    if "file" in event:
        Path(event["file"]).write_text(str(os.getpid()))
        time.sleep(60)
    return os.getpid()
'''
directory = Path(sys.argv[1])
with Emulator(directory / "data", "http://127.0.0.1:1") as emulator:
    session = boto3.Session("test", "test", region_name="us-east-1")
    client = session.client("lambda", endpoint_url=emulator.endpoint)
    function = make_function(client, SOURCE, Timeout=60)
    idle = json.load(client.invoke(FunctionName=function)["Payload"])
    busy = make_function(client, SOURCE, Timeout=60)
    pid_file = directory / "busy"
    payload = json.dumps({"file": str(pid_file)})
    client.invoke(FunctionName=busy, InvocationType="Event", Payload=payload)
    eventually(lambda: pid_file.exists() and pid_file.read_text())
    print(json.dumps([emulator.pid, idle, int(pid_file.read_text())]), flush=True)
    time.sleep(60)
"""


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that has ended and waits to be collected doesn't."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return state.stdout.strip()[:1] not in ("", "Z")


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    try:
        assert line, "the parent ended before its emulator was ready"
        yield process, json.loads(line)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize(
    "how", ["SIGKILL of the parent", "Ctrl-C in its terminal", "SIGKILL of the emulator"]
)
def test_no_process_is_left(parent, how):
    process, pids = parent
    assert [is_alive(pid) for pid in pids] == [True] * 3
    if how == "SIGKILL of the parent":
        os.kill(process.pid, signal.SIGKILL)
    elif how == "Ctrl-C in its terminal":
        os.killpg(process.pid, signal.SIGINT)
    else:
        os.kill(pids[0], signal.SIGKILL)
    eventually(lambda: not any(is_alive(pid) for pid in pids))
