"""Workers of functions: started before they are called, with one copy of the code, as many as allowed."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local import aws
from local.emulator import Emulator
from local.emulator.shims import lambda_concurrency
from local.processes import ProcessError
from tests.local.emulator.support import eventually, make_function, unique, zipped

# Where it runs is noted when the module is imported, which no invocation has to ask for.
NOTING = """
import os, pathlib, sys
pathlib.Path({path!r}).open("a").write(f"{{os.getpid()}}\\n")

def handle(event, context):
    return {{"pid": os.getpid(), "boto3": "boto3" in sys.modules}}
"""
WHERE = """
import os

def handle(event, context):
    return {"real": os.path.realpath(__file__), "root": os.environ["LAMBDA_TASK_ROOT"]}
"""


def invoke(client: Any, function: str) -> Any:
    return json.load(client("lambda").invoke(FunctionName=function)["Payload"])


def test_a_worker_starts_before_the_first_call_which_takes_it(client, emulator, tmp_path):
    note = tmp_path / "note"
    function = make_function(client("lambda"), NOTING.format(path=str(note)))
    emulator.start_workers([function])
    # As many as a function may have here.
    pids = eventually(lambda: note.exists() and len(found := note.read_text().split()) == 2 and found)
    answer = invoke(client, function)
    assert str(answer["pid"]) in pids
    assert answer["boto3"] is True
    assert note.read_text().split() == pids


def test_a_call_during_the_start_waits_for_the_worker(client, emulator, tmp_path):
    note = tmp_path / "note"
    function = make_function(client("lambda"), NOTING.format(path=str(note)))
    emulator.start_workers([function])
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: invoke(client, function)["pid"], range(4)))
    # Two are what a function may have here.
    assert set(answers) <= {int(pid) for pid in note.read_text().split()}
    assert len(note.read_text().split()) <= 2


def test_a_function_that_is_not_there_is_named(emulator):
    with pytest.raises(ProcessError, match="There is no function gone"):
        emulator.start_workers(["gone"])


def test_a_function_that_cannot_start_says_so_when_it_is_called(client, emulator):
    broken = make_function(client("lambda"), "import nothing_of_this_name")
    sound = make_function(client("lambda"), "def handle(event, context): return 1")
    emulator.start_workers([broken, sound])
    assert invoke(client, broken)["errorType"] == "Runtime.ImportModuleError"
    assert invoke(client, sound) == 1


def test_functions_of_the_same_code_share_one_copy_and_others_do_not(client):
    first, second = (make_function(client("lambda"), WHERE) for _ in range(2))
    other = make_function(client("lambda"), f"# {unique('other')}\n{WHERE}")
    found = [invoke(client, function) for function in (first, second, other)]
    assert found[0]["real"] == found[1]["real"] != found[2]["real"]
    assert len({each["root"] for each in found}) == 3


def test_new_code_of_a_function_is_unpacked_anew(client):
    function = make_function(client("lambda"), "def handle(event, context): return 'old'")
    assert invoke(client, function) == "old"
    code = zipped("def handle(event, context): return 'new'")
    client("lambda").update_function_code(FunctionName=function, ZipFile=code)
    assert invoke(client, function) == "new"


def test_one_function_may_have_more_workers_than_the_others(face_service, tmp_path):
    limits = {"LAMBDA_WORKERS_PER_FUNCTION": "1 busy=2"}
    source = "import os, time\ndef handle(event, context):\n    time.sleep(0.2)\n    return os.getpid()"
    with Emulator(tmp_path, face_service.url, extra_env=limits) as emulator:
        lambda_ = aws.client("lambda", emulator.endpoint)

        def workers(name: str) -> int:
            make_function(lambda_, source, FunctionName=name)
            emulator.start_workers([name])
            with ThreadPoolExecutor(6) as pool:
                answers = pool.map(
                    lambda _: json.load(lambda_.invoke(FunctionName=name)["Payload"]), range(6)
                )
                return len(set(answers))

        assert workers("busy") == 2
        assert workers("calm") == 1


def test_the_limits_are_read_by_function():
    assert lambda_concurrency.read_limits("1 busy=2 a-b=10") == {"": 1, "busy": 2, "a-b": 10}


def test_new_settings_reach_a_function_whose_workers_were_started_before(client, emulator, tmp_path):
    note = tmp_path / "note"
    source = NOTING.format(path=str(note)) + "\ndef setting(event, context): return os.environ['PACE']\n"
    environment = {"Variables": {"PACE": "old"}}
    options = {"Environment": environment, "Handler": "handler.setting"}
    function = make_function(client("lambda"), source, **options)
    emulator.start_workers([function])
    eventually(lambda: note.exists() and len(note.read_text().split()) == 2)
    environment["Variables"]["PACE"] = "new"
    client("lambda").update_function_configuration(FunctionName=function, Environment=environment)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: invoke(client, function), range(8))) == {"new"}
