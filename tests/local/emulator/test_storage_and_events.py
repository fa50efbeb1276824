"""S3 with versions and presigned POSTs, its events, DynamoDB's conditions, and mail."""

import json
import urllib.error
import urllib.request
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator import ACCOUNT, Emulator
from tests.local.emulator.support import eventually, make_function, unique

RECORDING = """
import boto3, json, os

def handle(event, context):
    seen = boto3.client("s3")
    seen.put_object(Bucket=os.environ["SEEN"], Key="seen/" + event["id"], Body=json.dumps(event))
"""

RECORDING_FAILURE = """
import boto3, os, uuid

def handle(event, context):
    boto3.client("s3").put_object(Bucket=os.environ["SEEN"], Key=str(uuid.uuid4()), Body=b"")
    raise RuntimeError("out of order")
"""


def post(url: str, fields: dict[str, str], body: bytes) -> int:
    """Send a browser's form upload and return the status of the answer."""
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'
        for k, v in fields.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="me.jpg"\r\n\r\n'
    data = "".join([*parts, head]).encode() + body + f"\r\n--{boundary}--\r\n".encode()
    request = urllib.request.Request(
        url, data, {"Content-Type": f"multipart/form-data; boundary={boundary}"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.fixture(scope="module")
def bucket(client) -> str:
    name = unique("photos")
    client("s3").create_bucket(Bucket=name)
    client("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    client("s3").put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    return name


@pytest.fixture
def form(client, bucket) -> Any:
    def make(key: str, limit: int = 100) -> dict[str, Any]:
        made: dict[str, Any] = client("s3").generate_presigned_post(
            bucket,
            key,
            Fields={"Content-Type": "image/jpeg"},
            Conditions=[{"Content-Type": "image/jpeg"}, ["content-length-range", 1, limit]],
            ExpiresIn=60,
        )
        return made

    return make


def test_a_presigned_post_is_bound_to_key_type_and_size(client, bucket, form):
    made = form("uploads/u1/1.jpg", limit=10)
    assert post(made["url"], made["fields"], b"12345") == 204
    assert post(made["url"], made["fields"], b"x" * 11) == 400
    assert post(made["url"], {**made["fields"], "key": "uploads/other/1.jpg"}, b"1") == 403
    assert post(made["url"], {**made["fields"], "Content-Type": "text/html"}, b"1") == 403
    stored = client("s3").get_object(Bucket=bucket, Key="uploads/u1/1.jpg")
    assert stored["Body"].read() == b"12345"
    assert stored["ContentType"] == "image/jpeg"


def test_a_version_can_be_read_measured_and_read_in_part(client, bucket):
    s3 = client("s3")
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"first")["VersionId"]
    second = s3.put_object(Bucket=bucket, Key="k", Body=b"the second")["VersionId"]
    assert first != second
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=first)["Body"].read() == b"first"
    assert s3.head_object(Bucket=bucket, Key="k", VersionId=first)["ContentLength"] == 5
    part = s3.get_object(Bucket=bucket, Key="k", VersionId=second, Range="bytes=4-9")
    assert (part["Body"].read(), part["ContentRange"]) == (b"second", "bytes 4-9/10")
    with pytest.raises(ClientError) as beyond:
        s3.get_object(Bucket=bucket, Key="k", VersionId=second, Range="bytes=10-")
    assert beyond.value.response["Error"]["Code"] == "InvalidRange"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=first)
    with pytest.raises(ClientError) as gone:
        s3.get_object(Bucket=bucket, Key="k", VersionId=first)
    assert gone.value.response["Error"]["Code"] == "NoSuchVersion"


@pytest.mark.parametrize("way", ["presigned POST", "PutObject"])
def test_an_upload_becomes_an_event_with_its_version_at_the_function(client, bucket, form, way):
    seen = unique("seen")
    client("s3").create_bucket(Bucket=seen)
    function = make_function(client("lambda"), RECORDING, Environment={"Variables": {"SEEN": seen}})
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [bucket]}, "object": {"key": [{"prefix": f"uploads/{seen}/"}]}},
    }
    rule = unique("rule")
    client("events").put_rule(Name=rule, EventPattern=json.dumps(pattern))
    client("events").put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": function}])
    key = f"uploads/{seen}/1.jpg"
    if way == "PutObject":
        client("s3").put_object(Bucket=bucket, Key="other/1.jpg", Body=b"not matched")
        client("s3").put_object(Bucket=bucket, Key=key, Body=b"12345")
    else:
        made = form(key)
        assert post(made["url"], made["fields"], b"12345") == 204
    listed = eventually(lambda: client("s3").list_objects_v2(Bucket=seen).get("Contents"))
    assert len(listed) == 1
    event = json.load(client("s3").get_object(Bucket=seen, Key=listed[0]["Key"])["Body"])
    version = client("s3").head_object(Bucket=bucket, Key=key)["VersionId"]
    assert (event["source"], event["detail-type"], event["account"]) == (
        "aws.s3",
        "Object Created",
        "000000000000",
    )
    detail = event["detail"]
    assert detail["bucket"]["name"] == bucket
    assert detail["reason"] == ("POST Object" if way == "presigned POST" else "PutObject")
    assert {name: detail["object"][name] for name in ("key", "size", "version-id")} == {
        "key": key,
        "size": 5,
        "version-id": version,
    }
    assert detail["object"]["etag"]
    assert detail["object"]["sequencer"]


def test_a_rule_keeps_the_dead_letter_queue_and_retry_policy_of_its_target(client):
    rule = unique("rule")
    function = make_function(client("lambda"), "def handle(event, context): return 1")
    target = {
        "Id": "1",
        "Arn": function,
        "DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:000000000000:dead-letters"},
        "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 600},
    }
    client("events").put_rule(Name=rule, EventPattern='{"source": ["test"]}')
    client("events").put_targets(Rule=rule, Targets=[target])
    assert client("events").list_targets_by_rule(Rule=rule)["Targets"] == [target]


def route_to(client: Any, function: str, dead_letters: str | None = None) -> str:
    """Route the events of a new source to a function; return the source."""
    source = unique("source")
    target: dict[str, Any] = {"Id": "1", "Arn": function}
    if dead_letters:
        target["DeadLetterConfig"] = {"Arn": dead_letters}
    client("events").put_rule(Name=source, EventPattern=json.dumps({"source": [source]}))
    client("events").put_targets(Rule=source, Targets=[target])
    return source


def make_queue(client: Any) -> tuple[str, str]:
    """Create a queue and return its URL and ARN."""
    url = client("sqs").create_queue(QueueName=unique("queue"))["QueueUrl"]
    attributes = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    return url, attributes["QueueArn"]


def receive_one(client: Any, queue: str) -> dict[str, Any]:
    (message,) = eventually(
        lambda: client("sqs").receive_message(QueueUrl=queue, MessageAttributeNames=["All"]).get("Messages")
    )
    return dict(message)


def test_a_function_that_fails_on_an_event_is_retried_and_then_reported(client):
    url, arn = make_queue(client)
    attempts = unique("attempts")
    client("s3").create_bucket(Bucket=attempts)
    function = make_function(
        client("lambda"), RECORDING_FAILURE, Environment={"Variables": {"SEEN": attempts}}
    )
    client("lambda").put_function_event_invoke_config(
        FunctionName=function,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": arn}},
    )
    source = route_to(client, function)
    client("events").put_events(Entries=[{"Source": source, "DetailType": "d", "Detail": '{"n": 1}'}])
    record = json.loads(receive_one(client, url)["Body"])
    assert record["requestPayload"]["detail"] == {"n": 1}
    assert record["responsePayload"]["errorType"] == "RuntimeError"
    assert client("s3").list_objects_v2(Bucket=attempts)["KeyCount"] == 2


def test_an_event_for_a_function_that_is_gone_is_in_the_targets_dead_letter_queue(client):
    url, arn = make_queue(client)
    gone = "arn:aws:lambda:us-east-1:000000000000:function:gone"
    source = route_to(client, gone, arn)
    client("events").put_events(Entries=[{"Source": source, "DetailType": "d", "Detail": '{"n": 1}'}])
    message = receive_one(client, url)
    assert json.loads(message["Body"])["detail"] == {"n": 1}
    told = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert told["TARGET_ARN"] == gone
    assert told["RULE_ARN"].endswith(f"rule/{source}")
    assert told["ERROR_CODE"] == "NO_RESOURCE"


def test_a_condition_that_fails_returns_the_item_it_failed_on(client):
    table = unique("uploads")
    dynamodb = client("dynamodb")
    dynamodb.create_table(
        TableName=table,
        KeySchema=[
            {"AttributeName": "userId", "KeyType": "HASH"},
            {"AttributeName": "uploadId", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "userId", "AttributeType": "S"},
            {"AttributeName": "uploadId", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    key = {"userId": {"S": "u"}, "uploadId": {"S": "1"}}
    dynamodb.put_item(TableName=table, Item={**key, "claim": {"S": "open"}})
    update = {
        "TableName": table,
        "Key": key,
        "UpdateExpression": "SET claim = :new",
        "ConditionExpression": "claim = :open AND attribute_exists(userId)",
        "ExpressionAttributeValues": {":new": {"S": "withdrawn"}, ":open": {"S": "open"}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        "ReturnValues": "ALL_NEW",
    }
    assert dynamodb.update_item(**update)["Attributes"]["claim"] == {"S": "withdrawn"}
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException) as failed:
        dynamodb.update_item(**update)
    assert failed.value.response["Item"] == {**key, "claim": {"S": "withdrawn"}}
    old = dynamodb.put_item(TableName=table, Item={**key, "claim": {"S": "open"}}, ReturnValues="ALL_OLD")
    assert old["Attributes"]["claim"] == {"S": "withdrawn"}
    queried = dynamodb.query(
        TableName=table,
        KeyConditionExpression="userId = :u AND uploadId > :low",
        ExpressionAttributeValues={":u": {"S": "u"}, ":low": {"S": "0"}},
        ConsistentRead=True,
    )
    assert queried["Count"] == 1


def test_a_mail_of_a_verified_sender_can_be_read_and_no_other_is_sent(client, emulator: Emulator):
    def send(sender: str) -> str:
        sent = client("sesv2").send_email(
            FromEmailAddress=sender,
            Destination={"ToAddresses": ["rider@example.com"]},
            Content={
                "Simple": {
                    "Subject": {"Data": "Your photo"},
                    "Body": {"Text": {"Data": "plain"}, "Html": {"Data": "<p>rich</p>"}},
                }
            },
        )
        return str(sent["MessageId"])

    with pytest.raises(client("sesv2").exceptions.MessageRejected):
        send("stranger@example.com")
    client("sesv2").create_email_identity(EmailIdentity="photos@example.com")
    assert client("sesv2").get_email_identity(EmailIdentity="photos@example.com")["VerifiedForSendingStatus"]
    message_id = send("photos@example.com")
    with urllib.request.urlopen(f"{emulator.endpoint}/_ministack/ses/messages") as answer:
        (mail,) = [mail for mail in json.load(answer)["messages"][ACCOUNT] if mail["MessageId"] == message_id]
    assert mail["To"] == ["rider@example.com"]
    assert (mail["Subject"], mail["BodyText"], mail["BodyHtml"]) == ("Your photo", "plain", "<p>rich</p>")
