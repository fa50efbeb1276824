"""Lambda as the shims make it: errors, logs, readiness, concurrency."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.local.emulator.support import eventually, make_function, unique

FAILING = """
import os

class FaceAlreadyExistsError(Exception):
    pass

def handle(event, context):
    print("pid", os.getpid())
    if event.get("fail"):
        raise FaceAlreadyExistsError("taken: " + event["fail"])
    return {"pid": os.getpid()}
"""


def invoke(client: Any, function: str, event: Any) -> tuple[dict[str, Any], Any]:
    answer = client("lambda").invoke(FunctionName=function, Payload=json.dumps(event), LogType="Tail")
    return answer, json.load(answer["Payload"])


def log_of(answer: dict[str, Any]) -> str:
    return base64.b64decode(answer["LogResult"]).decode()


def test_an_exception_has_its_class_name_and_a_stack_trace_as_in_lambda(client):
    function = make_function(client("lambda"), FAILING)
    answer, payload = invoke(client, function, {"fail": "münchen"})
    assert answer["FunctionError"] == "Unhandled"
    assert payload["errorType"] == "FaceAlreadyExistsError"
    assert payload["errorMessage"] == "taken: münchen"
    assert payload["requestId"]
    assert len(payload["stackTrace"]) == 1
    assert 'handler.py", line 10, in handle' in payload["stackTrace"][0]
    assert "[ERROR] FaceAlreadyExistsError: taken: münchen" in log_of(answer)


def test_a_worker_stays_warm_after_an_exception(client):
    function = make_function(client("lambda"), FAILING)
    _, before = invoke(client, function, {})
    invoke(client, function, {"fail": "x"})
    _, after = invoke(client, function, {})
    assert after["pid"] == before["pid"]


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        (
            "import nothing_of_this_name",
            "Runtime.ImportModuleError",
            "No module named 'nothing_of_this_name'",
        ),
        ("def handel(event, context): pass", "Runtime.HandlerNotFound", "Handler 'handle' missing"),
        ("def handle(event, context) return 1", "Runtime.UserCodeSyntaxError", "Syntax error in module"),
        ("raise KeyError('PHOTO_BUCKET')", "KeyError", "PHOTO_BUCKET"),
        ("def handle(event, context): return object()", "Runtime.MarshalError", "not JSON serializable"),
        ("import os\ndef handle(event, context): os._exit(3)", "Runtime.ExitError", "Runtime exited"),
    ],
)
def test_a_function_that_cannot_run_says_why(client, source, kind, message):
    _, payload = invoke(client, make_function(client("lambda"), source), {})
    assert payload["errorType"] == kind
    assert message in payload["errorMessage"]


def test_decimals_are_returned_as_numbers(client):
    source = "from decimal import Decimal\ndef handle(event, context): return {'similarity': Decimal('99.5')}"
    _, payload = invoke(client, make_function(client("lambda"), source), {})
    assert payload == {"similarity": 99.5}


def test_a_function_that_runs_too_long_is_a_timeout(client):
    source = "import time\ndef handle(event, context): time.sleep(9)"
    _, payload = invoke(client, make_function(client("lambda"), source, Timeout=1), {})
    assert payload["errorType"] == "Sandbox.Timedout"
    assert "Task timed out after 1.00 seconds" in payload["errorMessage"]


def test_each_invocation_has_its_own_log_lines_and_all_of_them(client):
    source = "def handle(event, context):\n    for i in range(event['n']): print('line', event['id'], i)"
    function = make_function(client("lambda"), source)
    for number, lines in enumerate((3, 0, 300, 1)):
        answer, _ = invoke(client, function, {"id": number, "n": lines})
        log = log_of(answer) if "LogResult" in answer else ""
        expected = [f"line {number} {i}" for i in range(lines)]
        assert [line for line in log.splitlines() if line.startswith("line ")] == expected[-len(expected) :]


def test_what_comes_late_of_anothers_log_neither_ends_this_one_nor_is_in_it(client):
    source = (
        "import sys\n"
        "def handle(event, context):\n"
        "    print('late')\n"
        "    print(sys.modules['__main__'].rp_end_of_log('another'))\n"
        "    print('mine')"
    )
    function = make_function(client("lambda"), source)
    for _ in range(2):
        log = log_of(invoke(client, function, {})[0])
        assert "mine" in log.splitlines()
        assert "late" not in log
        assert "\x00" not in log


def test_a_new_function_is_active_at_once(client):
    function = make_function(client("lambda"), "def handle(event, context): return 1")
    # A waiter that looks once: after the first look it would sleep for seconds.
    once = {"MaxAttempts": 1}
    client("lambda").get_waiter("function_active_v2").wait(FunctionName=function, WaiterConfig=once)
    client("lambda").update_function_configuration(FunctionName=function, Timeout=5)
    client("lambda").get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig=once)


def test_twenty_invocations_at_once_share_two_workers(client):
    source = "import os, time\ndef handle(event, context):\n    time.sleep(0.05)\n    return os.getpid()"
    function = make_function(client("lambda"), source)
    with ThreadPoolExecutor(20) as pool:
        pids = list(pool.map(lambda _: invoke(client, function, {})[1], range(20)))
    assert len(pids) == 20
    assert 1 <= len(set(pids)) <= 2


def test_a_function_reaches_the_emulator_and_not_the_callers_account(client, emulator, monkeypatch):
    source = (
        "import os, boto3\n"
        "def handle(event, context):\n"
        "    identity = boto3.client('sts').get_caller_identity()\n"
        "    return {'account': identity['Account'], 'environ': dict(os.environ)}"
    )
    _, payload = invoke(client, make_function(client("lambda"), source), {})
    environ = payload["environ"]
    assert payload["account"] == "000000000000"
    assert environ["AWS_ENDPOINT_URL"] == emulator.endpoint
    assert environ["AWS_REGION"] == "us-east-1"
    assert "AWS_PROFILE" not in environ
    assert "PYTHONPATH" not in environ


def test_a_failed_asynchronous_invocation_ends_in_the_on_failure_queue(client):
    function = make_function(client("lambda"), FAILING)
    queue = client("sqs").create_queue(QueueName=unique("dead-letters"))["QueueUrl"]
    arn = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    client("lambda").put_function_event_invoke_config(
        FunctionName=function,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": arn}},
    )
    client("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=b'{"fail": "late"}')
    (message,) = eventually(lambda: client("sqs").receive_message(QueueUrl=queue).get("Messages"))
    record = json.loads(message["Body"])
    assert record["requestPayload"] == {"fail": "late"}
    assert record["responsePayload"]["errorType"] == "FaceAlreadyExistsError"
