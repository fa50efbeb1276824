"""Rekognition at the emulator's endpoint, and its collections in a stack."""

import base64
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.emulator import Emulator
from local.processes import free_port
from tests.local.emulator.support import eventually, make_function, unique

ARN = "arn:aws:rekognition:us-east-1:000000000000:collection/"


class Collections:
    """The operations on collections, as the face service answers them."""

    def __init__(self, face_service: Any) -> None:
        self.ids: set[str] = set()
        face_service.answers |= {
            "CreateCollection": self.create,
            "DescribeCollection": self.describe,
            "DeleteCollection": self.delete,
        }

    def create(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        name = request["CollectionId"]
        if name in self.ids:
            return 400, {"__type": "ResourceAlreadyExistsException", "Message": f"{name} exists"}
        self.ids.add(name)
        return 200, {"CollectionArn": ARN + name, "StatusCode": 200}

    def describe(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, {"CollectionARN": ARN + request["CollectionId"]}

    def delete(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if request["CollectionId"] not in self.ids:
            return 400, {"__type": "ResourceNotFoundException", "Message": "no such collection"}
        self.ids.remove(request["CollectionId"])
        return 200, {"StatusCode": 200}


@pytest.fixture
def collections(face_service) -> Collections:
    return Collections(face_service)


def test_a_request_and_its_answer_pass_unchanged(client, face_service):
    face_service.answers["DetectFaces"] = lambda _: (200, {"FaceDetails": [{"Confidence": 99.5}]})
    photo = {"S3Object": {"Bucket": "photos", "Name": "uploads/ü.jpg", "Version": "1"}}
    answer = client("rekognition").detect_faces(Image=photo, Attributes=["DEFAULT"])
    assert answer["FaceDetails"] == [{"Confidence": 99.5}]
    assert face_service.requests[-1] == ("DetectFaces", {"Image": photo, "Attributes": ["DEFAULT"]})


def test_a_photo_in_s3_goes_along_with_the_request(client, face_service):
    face_service.answers["DetectFaces"] = lambda _: (200, {"FaceDetails": []})
    bucket = unique("photos")
    s3 = client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    versions = [
        s3.put_object(Bucket=bucket, Key="ü.jpg", Body=body)["VersionId"] for body in (b"old", b"new")
    ]
    s3.put_object(Bucket=bucket, Key="large.jpg", Body=bytes(5 * 1024 * 1024 + 1))
    s3.put_object(Bucket=bucket, Key="empty.jpg", Body=b"")

    def received(**place: str) -> Any:
        image = {"S3Object": {"Bucket": bucket, **place}}
        client("rekognition").detect_faces(Image=image, Attributes=["ALL"])
        request = face_service.requests[-1][1]
        assert request["Attributes"] == ["ALL"]
        return request["Image"]

    assert received(Name="ü.jpg", Version=versions[0]) == {"Bytes": base64.b64encode(b"old").decode()}
    assert received(Name="ü.jpg") == {"Bytes": base64.b64encode(b"new").decode()}
    # What Rekognition takes as an object only, or refuses, is for the face service to say.
    for place in ({"Name": "large.jpg"}, {"Name": "empty.jpg"}, {"Name": "ü.jpg", "Version": "gone"}):
        assert received(**place) == {"S3Object": {"Bucket": bucket, **place}}


def test_an_error_passes_as_the_exception_of_its_name(client, face_service):
    error = {"__type": "InvalidImageFormatException", "Message": "Request has invalid image format"}
    face_service.answers["DetectFaces"] = lambda _: (400, error)
    with pytest.raises(client("rekognition").exceptions.InvalidImageFormatException, match="invalid image"):
        client("rekognition").detect_faces(Image={"Bytes": b"x"})


def test_a_function_reaches_it_too(client, face_service):
    face_service.answers["DetectFaces"] = lambda _: (200, {"FaceDetails": []})
    source = (
        "import boto3\n"
        "def handle(event, context):\n"
        "    return boto3.client('rekognition').detect_faces(Image={'Bytes': b'x'})['FaceDetails']"
    )
    answer = client("lambda").invoke(FunctionName=make_function(client("lambda"), source))
    assert json.load(answer["Payload"]) == []


def test_slow_face_calls_hold_up_neither_each_other_nor_the_emulator(client, face_service):
    client("s3").create_bucket(Bucket="held-up")
    arrived, release = threading.Semaphore(0), threading.Event()

    def detect(_: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        # As the face service does: it reads the photo from the emulator while its own answer is awaited.
        client("s3").list_objects_v2(Bucket="held-up")
        arrived.release()
        assert release.wait(60)
        return 200, {"FaceDetails": []}

    face_service.answers["DetectFaces"] = detect
    with ThreadPoolExecutor(20) as pool:
        calls = [pool.submit(client("rekognition").detect_faces, Image={"Bytes": b"x"}) for _ in range(20)]
        try:
            assert all(arrived.acquire(timeout=60) for _ in calls)
            assert client("sqs").list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
        finally:
            release.set()
        assert [call.result()["FaceDetails"] for call in calls] == [[]] * 20


def test_a_face_service_that_is_gone_or_silent_is_an_internal_server_error(client, face_service, tmp_path):
    def error_of(emulator: Emulator) -> dict[str, Any]:
        rekognition = boto3.client(
            "rekognition",
            endpoint_url=emulator.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )
        try:
            with pytest.raises(rekognition.exceptions.InternalServerError) as failed:
                rekognition.detect_faces(Image={"Bytes": b"x"})
        finally:
            rekognition.close()
        return dict(failed.value.response)

    with Emulator(tmp_path / "gone", f"http://127.0.0.1:{free_port()}") as emulator:
        gone = error_of(emulator)
    assert gone["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert "does not answer" in gone["Error"]["Message"]

    def silent(_: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        time.sleep(1)
        return 200, {}

    face_service.answers["DetectFaces"] = silent
    impatient = {"REKOGNITION_TIMEOUT": "0.2"}
    with Emulator(tmp_path / "silent", face_service.url, extra_env=impatient) as emulator:
        assert "timed out" in error_of(emulator)["Error"]["Message"]


def template(name: str) -> str:
    return json.dumps(
        {
            "Resources": {
                "Faces": {"Type": "AWS::Rekognition::Collection", "Properties": {"CollectionId": name}}
            },
            "Outputs": {
                "Id": {"Value": {"Ref": "Faces"}},
                "Arn": {"Value": {"Fn::GetAtt": ["Faces", "Arn"]}},
            },
        }
    )


def outputs(client: Any, stack: str) -> dict[str, str]:
    (described,) = client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}


def wait(client: Any, stack: str, what: str) -> None:
    config = {"Delay": 1, "MaxAttempts": 20}
    client("cloudformation").get_waiter(f"stack_{what}_complete").wait(StackName=stack, WaiterConfig=config)


def test_a_stack_makes_replaces_and_deletes_a_collection(client, collections):
    stack, first, second = unique("stack"), unique("faces"), unique("faces")
    client("cloudformation").create_stack(StackName=stack, TemplateBody=template(first))
    wait(client, stack, "create")
    assert outputs(client, stack) == {"Id": first, "Arn": ARN + first}
    client("cloudformation").update_stack(StackName=stack, TemplateBody=template(second))
    wait(client, stack, "update")
    assert outputs(client, stack)["Id"] == second
    assert collections.ids == {second}
    client("cloudformation").delete_stack(StackName=stack)
    wait(client, stack, "delete")
    assert collections.ids == set()


def test_a_collection_that_is_gone_already_does_not_stop_the_stacks_deletion(client, collections):
    stack, name = unique("stack"), unique("faces")
    client("cloudformation").create_stack(StackName=stack, TemplateBody=template(name))
    wait(client, stack, "create")
    collections.ids.clear()
    client("cloudformation").delete_stack(StackName=stack)
    wait(client, stack, "delete")
    with pytest.raises(ClientError, match="does not exist"):
        client("cloudformation").describe_stacks(StackName=stack)


def test_a_collection_that_exists_fails_the_stack_with_the_reason(client, collections):
    stack, name = unique("stack"), unique("faces")
    collections.ids.add(name)
    client("cloudformation").create_stack(StackName=stack, TemplateBody=template(name))

    def reasons() -> list[str]:
        events = client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
        return [
            event["ResourceStatusReason"] for event in events if event["ResourceStatus"] == "CREATE_FAILED"
        ]

    assert any("ResourceAlreadyExistsException" in reason for reason in eventually(reasons))
    assert name in collections.ids
