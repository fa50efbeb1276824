"""The emulator as a process: its environment, its end, and what it leaves behind."""

import json
import os
import signal
import socket
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.emulator import SAVE_SECONDS, Emulator
from local.processes import GRACE_SECONDS, ProcessError, ServiceProcess
from tests.local.emulator.support import make_function

PROJECT = Path(__file__).parents[3]
BACKEND = "http://127.0.0.1:1"


def client_of(emulator: Emulator, service: str) -> Any:
    session = boto3.Session("test", "test", region_name="us-east-1")
    return session.client(service, endpoint_url=emulator.endpoint)


def test_the_callers_account_profile_and_proxy_stay_out(tmp_path, monkeypatch):
    theirs = {
        "AWS_PROFILE": "production",
        "AWS_ACCESS_KEY_ID": "AKIAPRODUCTION",
        "AWS_SESSION_TOKEN": "token",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL_S3": "https://s3.eu-central-1.amazonaws.com",
        "HTTP_PROXY": "http://proxy.example.com:3128",
        "MINISTACK_REGION": "eu-central-1",
        "PYTHONPATH": "/nowhere",
    }
    with monkeypatch.context() as caller:
        for name, value in theirs.items():
            caller.setenv(name, value)
        emulator = Emulator(tmp_path, BACKEND)
        emulator.start()
    source = "import os\ndef handle(event, context): return dict(os.environ)"
    try:
        client = client_of(emulator, "lambda")
        environ = json.load(client.invoke(FunctionName=make_function(client, source))["Payload"])
        client.close()
    finally:
        emulator.stop()
    assert not set(theirs.values()) & set(environ.values())
    assert environ["AWS_REGION"] == "us-east-1"
    assert environ["AWS_ENDPOINT_URL"] == emulator.endpoint
    assert environ["AWS_CONFIG_FILE"] == environ["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert "127.0.0.1" in environ["NO_PROXY"]


def test_it_listens_on_loopback_only(emulator):
    with socket.socket() as probe:
        probe.settimeout(1)
        assert probe.connect_ex(("127.0.0.1", emulator.port)) == 0
    # Any other address of this machine would do; this one needs no network to be known.
    with socket.socket() as probe:
        probe.settimeout(1)
        assert probe.connect_ex(("127.0.0.2", emulator.port)) != 0


def test_what_is_to_persist_is_there_after_a_restart(tmp_path):
    key = {"Username": {"S": "user_a"}}
    with Emulator(tmp_path, BACKEND, persist=True) as emulator:
        s3, dynamodb, functions = (client_of(emulator, name) for name in ("s3", "dynamodb", "lambda"))
        s3.create_bucket(Bucket="photos")
        s3.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
        version = s3.put_object(Bucket="photos", Key="a.jpg", Body=b"first")["VersionId"]
        s3.put_object(Bucket="photos", Key="a.jpg", Body=b"second")
        dynamodb.create_table(
            TableName="riders",
            KeySchema=[{"AttributeName": "Username", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "Username", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        dynamodb.put_item(TableName="riders", Item=key)
        function = make_function(functions, "def handle(event, context): return 'here'")
        for client in (s3, dynamodb, functions):
            client.close()
    with Emulator(tmp_path, BACKEND, persist=True) as emulator:
        s3, dynamodb, functions = (client_of(emulator, name) for name in ("s3", "dynamodb", "lambda"))
        assert s3.get_object(Bucket="photos", Key="a.jpg", VersionId=version)["Body"].read() == b"first"
        assert dynamodb.get_item(TableName="riders", Key=key)["Item"] == key
        assert json.load(functions.invoke(FunctionName=function)["Payload"]) == "here"
        for client in (s3, dynamodb, functions):
            client.close()


def test_a_directory_of_its_own_is_gone_after_the_stop():
    emulator = Emulator(None, BACKEND)
    with emulator:
        directory = emulator.log_file.parent
        assert emulator.poll() is None
    assert not directory.exists()
    assert emulator.poll() == 0


def test_temporary_files_of_workers_are_gone_after_the_stop(tmp_path):
    with Emulator(tmp_path, BACKEND) as emulator:
        client = client_of(emulator, "lambda")
        client.invoke(FunctionName=make_function(client, "def handle(event, context): return 1"))
        client.close()
        assert any((tmp_path / "tmp").iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["emulator.log"]


@pytest.mark.parametrize(("persist", "grace"), [(True, SAVE_SECONDS), (False, GRACE_SECONDS)])
def test_what_has_a_state_to_save_gets_a_minute_for_it(tmp_path, monkeypatch, persist, grace):
    given = []
    monkeypatch.setattr(ServiceProcess, "stop", lambda self, seconds: given.append(seconds))
    Emulator(tmp_path, BACKEND, persist=persist).stop()
    assert given == [grace]
    assert SAVE_SECONDS >= 60


def test_one_that_had_to_be_killed_says_so_until_it_is_started_again(tmp_path):
    emulator = Emulator(tmp_path, BACKEND, persist=True)
    with emulator:
        os.kill(emulator.pid, signal.SIGSTOP)
        emulator.stop(grace=0.1)
    assert emulator.was_killed
    with emulator:
        assert not emulator.was_killed
    assert not emulator.was_killed


def test_persisting_needs_a_directory():
    with pytest.raises(ValueError, match="data_dir"):
        Emulator(None, BACKEND, persist=True)


def test_a_port_that_is_taken_fails_the_start_with_the_log(tmp_path, emulator):
    other = Emulator(tmp_path, BACKEND, port=emulator.port)
    with pytest.raises(ProcessError, match="already in use"):
        other.start()
    assert emulator.poll() is None
