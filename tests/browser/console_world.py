"""A small world for the console: our state machine on scripted functions, and a hostile rider."""

from __future__ import annotations

import io
import json
import re
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from PIL import Image

from chalicelib.models import uuid7
from local import aws
from local.console import Places
from local.emulator import Emulator
from local.places import PROJECT

HOSTILE = '<img src=x onerror="document.title=1"><script>document.title=1</script>'
RIDER = "c14ba23b-3db4-447f-af22-92312e04ebac"
ROLE = "arn:aws:iam::000000000000:role/test"
# The rider's name says how it goes: one source for all functions, which each get the whole state.
SCRIPT = """
class PhotoDoesNotMeetRequirementError(Exception): pass
class ServiceUnavailableError(Exception): pass
tried = set()
def handle(event, context):
    state, name = event["state"], context.function_name
    if name == "detect":
        if state["how"] == "rejected":
            raise PhotoDoesNotMeetRequirementError("Detected 2 faces in the photo.")
        if state["how"] == "failed":
            raise RuntimeError(state["userId"])
        if state["how"] == "retried" and event["executionArn"] not in tried:
            tried.add(event["executionArn"])
            raise ServiceUnavailableError("Rekognition is busy.")
    if name == "search" and state["how"] == "running":
        import time
        time.sleep(20)
    picture = {"s3bucket": "thumbnails", "s3key": "a.png"}
    return {"s3VersionId": "v", "uploadId": "u", "FaceId": "f", "thumbnail": picture, "avatar": picture,
            "replaces": "", "status": "failed"}
"""


class World:
    """The stage's parts, made by hand on an emulator alone."""

    def __init__(self, client: Callable[[str], Any], emulator: Emulator) -> None:
        self.client = client
        self.executions: dict[str, str] = {}
        dynamodb, s3 = client("dynamodb"), client("s3")
        for bucket in ("photos", "thumbnails"):
            s3.create_bucket(Bucket=bucket)
        text = {"AttributeType": "S"}
        dynamodb.create_table(
            TableName="riders",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "Username", **text}],
            KeySchema=[{"AttributeName": "Username", "KeyType": "HASH"}],
        )
        dynamodb.create_table(
            TableName="uploads",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": name, **text} for name in ("userId", "uploadId", "status", "updatedAt")
            ],
            KeySchema=_key("userId", "uploadId"),
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "byStatus",
                    "KeySchema": _key("status", "updatedAt"),
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )
        queue = client("sqs").create_queue(QueueName="letters")["QueueUrl"]
        client("sesv2").create_email_identity(EmailIdentity="photos@wildrydes.example")
        self.places = Places(
            client=client,
            aws_endpoint=emulator.endpoint,
            region="us-east-1",
            state_machine_arn=self._machine(),
            photo_bucket="photos",
            thumbnail_bucket="thumbnails",
            rider_photo_table="riders",
            uploads_table="uploads",
            collection_id="collection",
            dead_letter_queue_url=queue,
            environment=aws.environment_for(emulator.client_environment()),
        )

    def _machine(self) -> str:
        definition = (PROJECT / "statemachine" / "rider_photo_processing.asl.json").read_text()
        arns = {
            name: self.client("lambda").create_function(
                FunctionName=name,
                Runtime="python3.13",
                Role=ROLE,
                Handler="handler.handle",
                Timeout=30,
                Code={"ZipFile": _zipped()},
            )["FunctionArn"]
            for name in ("detect", "search", "other")
        }
        by_name = {"DetectFacesFunctionArn": arns["detect"], "SearchFaceFunctionArn": arns["search"]}
        filled = re.sub(
            r"\$\{(\w+)\}",
            lambda match: "riders" if match[1] == "RiderPhotoTable" else by_name.get(match[1], arns["other"]),
            definition,
        )
        machine = self.client("stepfunctions").create_state_machine(
            name="machine", definition=filled, roleArn=ROLE
        )
        return str(machine["stateMachineArn"])

    def execute(self, how: str, user_id: str = RIDER, *, wait: bool = True) -> str:
        """Process a photo to that end: succeeded, retried, rejected, failed or running; its name."""
        upload = uuid7(int(time.time() * 1000), how.encode().ljust(10, b"-"))
        name = f"{upload}-{how}"
        given = {"userId": user_id, "s3Bucket": "photos", "s3Key": "a.jpg", "how": how}
        step_functions = self.client("stepfunctions")
        arn = step_functions.start_execution(
            stateMachineArn=self.places.state_machine_arn, name=name, input=json.dumps(given)
        )["executionArn"]
        deadline = time.monotonic() + 60
        while wait and step_functions.describe_execution(executionArn=arn)["status"] == "RUNNING":
            assert time.monotonic() < deadline, f"{how} runs still"
            time.sleep(0.05)
        status = {"rejected": "rejected", "failed": "failed", "running": "processing"}.get(how, "accepted")
        picture = {"M": {"s3bucket": {"S": "thumbnails"}, "s3key": {"S": "a.png"}}}
        self.put_row(user_id, upload, status, executionArn={"S": arn}, avatar=picture, thumbnail=picture)
        self.executions[how] = name
        return name

    def put_row(self, user_id: str, upload_id: str, status: str, **attributes: Any) -> None:
        """Write a row of the uploads table, changed now."""
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        row = {"userId": {"S": user_id}, "uploadId": {"S": upload_id}, "status": {"S": status}}
        self.client("dynamodb").put_item(
            TableName="uploads", Item={**row, "updatedAt": {"S": now}, "createdAt": {"S": now}, **attributes}
        )

    def fill(self) -> None:
        """Executions of every kind, and what a hostile rider may have left in each place."""
        s3, dynamodb, queue = self.client("s3"), self.client("dynamodb"), self.places.dead_letter_queue_url
        drawn = io.BytesIO()
        Image.new("RGB", (64, 64), "#5b4bdb").save(drawn, "PNG")
        s3.put_object(Bucket="thumbnails", Key="a.png", Body=drawn.getvalue())
        s3.put_object(Bucket="photos", Key="page.jpg", Body=f"<html>{HOSTILE}".encode())
        for how in ("succeeded", "retried", "rejected"):
            self.execute(how)
        self.execute("failed", HOSTILE)
        page = {"s3bucket": {"S": "photos"}, "s3key": {"S": "page.jpg"}}
        self.put_row(
            HOSTILE, HOSTILE, "rejected", appeal={"S": f"Twins! {HOSTILE}"}, message={"S": HOSTILE}, **page
        )
        self.put_row(f"rider#{RIDER}", "consent", "given", version={"S": "1"}, givenAt={"S": "2026-03-01"})
        for user in (RIDER, HOSTILE):
            item = {"Username": {"S": user}, "faceId": {"S": "face-1"}, "uploadId": {"S": user}}
            dynamodb.put_item(TableName="riders", Item=item | {"thumbnail": {"M": page}})
        letter = {"source": "aws.s3", "detail": {"object": {"key": f"uploads/{HOSTILE}"}}}
        sqs = self.client("sqs")
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(letter))
        sqs.send_message(QueueUrl=queue, MessageBody=HOSTILE)
        content = {
            "Subject": {"Data": f"Mail {HOSTILE}"},
            "Body": {"Text": {"Data": HOSTILE}, "Html": {"Data": f"<h1>Hello</h1>{HOSTILE}"}},
        }
        self.client("sesv2").send_email(
            FromEmailAddress="photos@wildrydes.example",
            Destination={"ToAddresses": ["rider@wildrydes.example"]},
            Content={"Simple": content},
        )


@contextmanager
def world(directory: Path) -> Iterator[World]:
    """A filled world, while the block runs."""
    faces = _Faces()
    with (
        faces.serving() as url,
        Emulator(directory, url, extra_env={"SFN_WAIT_SCALE": "0.05"}) as emulator,
    ):
        made = World(lambda service: aws.client(service, emulator.endpoint), emulator)
        made.fill()
        yield made


class _Faces:
    """A face service that knows one collection: a rider's face, and one that nobody accounts for."""

    FACES = (
        {"FaceId": "face-1", "ExternalImageId": RIDER, "Confidence": 99.9},
        {"FaceId": "face-2", "ExternalImageId": HOSTILE, "Confidence": 98.1},
    )

    @contextmanager
    def serving(self) -> Iterator[str]:
        with ThreadingHTTPServer(("127.0.0.1", 0), _FaceHandler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()
                thread.join()


class _FaceHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"Faces": _Faces.FACES, "FaceCount": len(_Faces.FACES)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _key(partition: str, sort: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ]


def _zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        package.writestr("handler.py", SCRIPT)
    return buffer.getvalue()
