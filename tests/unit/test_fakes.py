"""The fakes are strict: what AWS would refuse, they refuse."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from tests.fakes import FakeAws, photo
from tests.fakes.dynamodb import FakeDynamoDB
from tests.fakes.service import check_shape

ITEM = {"id": {"S": "1"}, "count": {"N": "5"}, "mark": {"S": "b"}, "status": {"S": "open"}}


@pytest.fixture
def dynamodb() -> FakeDynamoDB:
    fake = FakeDynamoDB({"things": ("id",)})
    fake.put_item(TableName="things", Item=ITEM)
    return fake


def code_of(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    return str(raised.value.response["Error"]["Code"])


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("index_faces", {"CollectionId": "a b", "Image": {"Bytes": b"x"}}),
        ("index_faces", {"CollectionId": "a" * 256, "Image": {"Bytes": b"x"}}),
        ("index_faces", {"CollectionId": "a", "Image": {"Bytes": b"x"}, "ExternalImageId": "a/b"}),
        ("index_faces", {"CollectionId": "a", "Image": {"Bytes": b"x"}, "QualityFilter": "BEST"}),
        ("index_faces", {"CollectionId": "a", "Image": {"Bytes": b"x"}, "Colour": "red"}),
        ("index_faces", {"CollectionId": "a"}),
        ("search_faces_by_image", {"CollectionId": "a", "Image": {"Bytes": b"x"}, "MaxFaces": 4097}),
        ("search_faces_by_image", {"CollectionId": "a", "Image": {"Bytes": b"x"}, "FaceMatchThreshold": 101}),
        ("delete_faces", {"CollectionId": "a", "FaceIds": []}),
        ("delete_faces", {"CollectionId": "a", "FaceIds": ["not-a-uuid"]}),
        ("detect_faces", {"Image": {"Bytes": b"x"}, "Attributes": ["HAT"]}),
        ("detect_faces", {"Image": {"S3Object": {"Bucket": "a", "Name": ""}}}),
    ],
)
def test_a_call_that_breaks_the_services_model_fails(
    aws: FakeAws, operation: str, parameters: dict[str, Any]
) -> None:
    with pytest.raises(ParamValidationError):
        getattr(aws.rekognition, operation)(**parameters)
    assert aws.rekognition.calls == []


def test_an_answer_that_breaks_the_services_model_fails(aws: FakeAws) -> None:
    aws.rekognition.sees({"Confidence": "high"})
    with pytest.raises(ParamValidationError, match="Confidence"):
        aws.rekognition.detect_faces(Image={"Bytes": photo("anna")})


def test_an_operation_without_members_takes_none() -> None:
    check_shape({}, None, "nothing")
    with pytest.raises(ParamValidationError, match="has no members"):
        check_shape({"a": 1}, None, "nothing")


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("attribute_exists(mark)", True),
        ("attribute_not_exists(mark)", False),
        ("attribute_not_exists(colour)", True),
        ("mark = :b", True),
        ("mark <> :b", False),
        ("colour <> :b", True),
        ("colour = :b", False),
        ("mark < :c AND mark >= :b", True),
        ("mark > :b OR mark <= :b", True),
        ("NOT mark = :b", False),
        ("NOT colour = :b AND mark = :b", True),
        ("mark = :c OR mark = :b AND mark = :c", False),
        ("(mark = :b OR mark = :c) AND mark <> :c", True),
        ("mark IN (:c, :b)", True),
        ("NOT mark IN (:c, :b)", False),
        ("mark BETWEEN :b AND :c", True),
        ("begins_with(mark, :b)", True),
        ("begins_with(mark, :c)", False),
        ("mark < #count", False),
        ("#count > :four", True),
        ("#count < :ten", True),
        ("#status = :open", True),
    ],
)
def test_conditions_mean_what_they_mean_in_dynamodb(
    dynamodb: FakeDynamoDB, condition: str, holds: bool
) -> None:
    values = {
        ":b": {"S": "b"},
        ":c": {"S": "c"},
        ":open": {"S": "open"},
        ":four": {"N": "4"},
        ":ten": {"N": "10"},
    }
    names = {"#status": "status", "#count": "count"}
    request: dict[str, Any] = {"TableName": "things", "Item": ITEM, "ConditionExpression": condition}
    used = {name: value for name, value in values.items() if name in condition}
    request |= {"ExpressionAttributeValues": used} if used else {}
    used_names = {name: value for name, value in names.items() if name in condition}
    request |= {"ExpressionAttributeNames": used_names} if used_names else {}
    if holds:
        assert dynamodb.put_item(**request)
    else:
        assert code_of(dynamodb.put_item, **request) == "ConditionalCheckFailedException"


@pytest.mark.parametrize(
    "request_",
    [
        {"ConditionExpression": "status = :v"},
        {"ConditionExpression": "mark = :missing"},
        {"ConditionExpression": "#missing = :v"},
        {"ConditionExpression": "mark = :v", "ExpressionAttributeNames": {"#unused": "x"}},
        {"ConditionExpression": "mark = "},
        {"ConditionExpression": "mark = :v)"},
        {"ConditionExpression": "mark.part = :v"},
        {"ConditionExpression": "mark"},
        {"ConditionExpression": "attribute_exists(mark)"},
    ],
)
def test_an_expression_that_dynamodb_refuses_is_refused(dynamodb: FakeDynamoDB, request_: Any) -> None:
    values = {":v": {"S": "b"}}
    parameters = {"TableName": "things", "Item": ITEM, "ExpressionAttributeValues": values, **request_}
    assert code_of(dynamodb.put_item, **parameters) == "ValidationException"
    assert dynamodb.items("things") == [ITEM]


def test_an_update_sets_adds_and_removes(dynamodb: FakeDynamoDB) -> None:
    dynamodb.update_item(
        TableName="things",
        Key={"id": {"S": "1"}},
        UpdateExpression="SET #count = #count + :one, colour = if_not_exists(colour, :red), "
        "#status = if_not_exists(#status, :red) REMOVE mark",
        ExpressionAttributeNames={"#count": "count", "#status": "status"},
        ExpressionAttributeValues={":one": {"N": "1"}, ":red": {"S": "red"}},
    )
    assert dynamodb.items("things") == [
        {"id": {"S": "1"}, "count": {"N": "6"}, "colour": {"S": "red"}, "status": {"S": "open"}}
    ]


@pytest.mark.parametrize(
    "update",
    [
        "SET id = :v",
        "SET mark = :v, mark = :v",
        "SET mark = :v REMOVE mark",
        "SET mark = colour, weight = :v",
        "SET mark = mark + :v",
        "PUT mark = :v",
        "SET mark :v",
    ],
)
def test_an_update_that_dynamodb_refuses_is_refused(dynamodb: FakeDynamoDB, update: str) -> None:
    code = code_of(
        dynamodb.update_item,
        TableName="things",
        Key={"id": {"S": "1"}},
        UpdateExpression=update,
        ExpressionAttributeValues={":v": {"S": "x"}},
    )
    assert code == "ValidationException"
    assert dynamodb.items("things") == [ITEM]


def test_a_failure_before_the_effect_has_none_and_one_after_it_has(dynamodb: FakeDynamoDB) -> None:
    for after_effect, colour in ((False, None), (True, {"S": "red"})):
        error = dynamodb.error("InternalServerError", status=500)
        dynamodb.fail_next("put_item", error, after_effect=after_effect)
        with pytest.raises(type(error)):
            dynamodb.put_item(TableName="things", Item={**ITEM, "colour": {"S": "red"}})
        assert dynamodb.items("things")[0].get("colour") == colour


def test_errors_are_of_the_classes_that_the_client_names(aws: FakeAws) -> None:
    with pytest.raises(aws.s3.exceptions.NoSuchKey):
        aws.s3.get_object(Bucket=aws.settings.photo_bucket, Key="missing")
    with pytest.raises(AttributeError):
        _ = aws.s3.exceptions.NoSuchVersion  # as of the real client, which models no such error


def test_a_delete_marker_hides_an_object_and_a_version_can_be_removed(aws: FakeAws) -> None:
    bucket = aws.settings.photo_bucket
    aws.s3.put_object(Bucket=bucket, Key="a", Body=b"one")
    aws.s3.delete_object(Bucket=bucket, Key="a")
    assert aws.s3.keys(bucket) == []
    marker = aws.s3.versions(bucket, "a")[-1]
    aws.s3.delete_object(Bucket=bucket, Key="a", VersionId=marker.version_id)
    assert aws.s3.keys(bucket) == ["a"]
    assert code_of(aws.s3.head_object, Bucket=bucket, Key="b") == "404"
    assert code_of(aws.s3.get_object, Bucket="another", Key="a") == "NoSuchBucket"
    assert code_of(aws.s3.get_object, Bucket=bucket, Key="a", Range="bytes=3-9") == "InvalidRange"


def test_a_face_that_is_not_visible_yet_is_found_by_no_search(aws: FakeAws) -> None:
    collection = {"CollectionId": aws.settings.collection_id}
    face_id = aws.rekognition.index_faces(**collection, Image={"Bytes": photo("anna")})["FaceRecords"][0][
        "Face"
    ]["FaceId"]
    aws.rekognition.invisible.add(face_id)
    assert code_of(aws.rekognition.search_faces, **collection, FaceId=face_id) == "InvalidParameterException"
    assert (
        aws.rekognition.search_faces_by_image(**collection, Image={"Bytes": photo("anna")})["FaceMatches"]
        == []
    )
    aws.rekognition.invisible.clear()
    assert aws.rekognition.search_faces(**collection, FaceId=face_id)["FaceMatches"] == []
    other = aws.rekognition.index_faces(**collection, Image={"Bytes": photo("anna", nonce=1)})
    [match] = aws.rekognition.search_faces(**collection, FaceId=face_id)["FaceMatches"]
    assert match["Face"]["FaceId"] == other["FaceRecords"][0]["Face"]["FaceId"]
    assert len(aws.rekognition.list_faces(**collection)["Faces"]) == 2


@pytest.mark.parametrize("body", ["\x00", "\ufffe", "x" * (1024 * 1024 + 1)])
def test_a_message_that_a_queue_cannot_hold_is_refused(aws: FakeAws, body: str) -> None:
    url = aws.settings.dead_letter_queue_url
    assert code_of(aws.sqs.send_message, QueueUrl=url, MessageBody=body).startswith("Invalid")
    assert aws.sqs.messages(url) == []


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"stateMachineArn": "arn:another"}, "StateMachineDoesNotExist"),
        ({"name": "a b"}, "InvalidName"),
        ({"input": "{"}, "InvalidExecutionInput"),
    ],
)
def test_an_execution_that_cannot_start_is_refused(
    aws: FakeAws, parameters: dict[str, str], code: str
) -> None:
    request = {"stateMachineArn": aws.settings.state_machine_arn, "name": "a", "input": "{}", **parameters}
    assert code_of(aws.step_functions.start_execution, **request) == code
    assert aws.step_functions.executions == {}


def test_an_unverified_sender_is_refused(aws: FakeAws) -> None:
    text = {"Data": "x"}
    content = {"Simple": {"Subject": text, "Body": {"Text": text, "Html": text}}}
    request = {"Destination": {"ToAddresses": ["a@example.com"]}, "Content": content}
    code = code_of(aws.ses.send_email, FromEmailAddress="stranger@example.com", **request)
    assert code == "MessageRejected"
    assert aws.ses.mails == []
