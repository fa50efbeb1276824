"""The fakes' indexes, versions, executions, queues and faces; and what a simulation needs of them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fakes import FakeAws, photo, service
from tests.fakes.dynamodb import FakeDynamoDB, Index

ROWS = [("1", "open", "3"), ("2", "open", "1"), ("3", "done", "2"), ("4", "open", "1"), ("5", "open", "2")]


@pytest.fixture
def dynamodb() -> FakeDynamoDB:
    fake = FakeDynamoDB({"things": ("id",)}, (Index("things", "byState", ("state", "moment")),))
    for key, state, moment in ROWS:
        item = {"id": {"S": key}, "state": {"S": state}, "moment": {"S": moment}}
        fake.put_item(TableName="things", Item=item)
    fake.put_item(TableName="things", Item={"id": {"S": "6"}, "moment": {"S": "1"}})
    return fake


def by_state(dynamodb: FakeDynamoDB, condition: str = "#state = :state", **values: str) -> list[str]:
    """Ids of all pages, in the index's order."""
    pages = dynamodb.get_paginator("query").paginate(
        TableName="things",
        IndexName="byState",
        KeyConditionExpression=condition,
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":state": {"S": "open"}}
        | {f":{name}": {"S": text} for name, text in values.items()},
    )
    return [item["id"]["S"] for page in pages for item in page["Items"]]


def code_of(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    return str(raised.value.response["Error"]["Code"])


def test_an_index_shows_the_items_that_have_its_keys_in_its_order(dynamodb: FakeDynamoDB) -> None:
    assert by_state(dynamodb) == ["2", "4", "5", "1"]
    between = "#state = :state AND moment BETWEEN :low AND :high"
    assert by_state(dynamodb, between, low="2", high="3") == ["5", "1"]
    with pytest.raises(ClientError, match="not defined"):
        by_state(dynamodb, between, low="2")


def test_an_index_is_not_read_consistently_nor_under_another_name(dynamodb: FakeDynamoDB) -> None:
    query: dict[str, Any] = {
        "TableName": "things",
        "KeyConditionExpression": "id = :v",
        "ExpressionAttributeValues": {":v": {"S": "1"}},
    }
    for other in (
        {"IndexName": "byState", "ConsistentRead": True},
        {"IndexName": "byName"},
        {"IndexName": "byState"},
    ):
        assert code_of(dynamodb.query, **query, **other) == "ValidationException"


def test_an_index_that_lags_shows_what_was(dynamodb: FakeDynamoDB) -> None:
    dynamodb.let_indexes_lag()
    dynamodb.delete_item(TableName="things", Key={"id": {"S": "2"}})
    assert by_state(dynamodb) == ["2", "4", "5", "1"]
    dynamodb.let_indexes_catch_up()
    assert by_state(dynamodb) == ["4", "5", "1"]


def test_a_deletion_keeps_to_its_condition(dynamodb: FakeDynamoDB) -> None:
    request: dict[str, Any] = {
        "TableName": "things",
        "Key": {"id": {"S": "1"}},
        "ConditionExpression": "moment = :then",
        "ExpressionAttributeValues": {":then": {"S": "9"}},
    }
    assert code_of(dynamodb.delete_item, **request) == "ConditionalCheckFailedException"
    request["ExpressionAttributeValues"] = {":then": {"S": "3"}}
    deleted = dynamodb.delete_item(**request, ReturnValues="ALL_OLD")
    assert deleted["Attributes"]["moment"] == {"S": "3"}
    assert code_of(dynamodb.delete_item, **request) == "ConditionalCheckFailedException"
    del request["ConditionExpression"], request["ExpressionAttributeValues"]
    assert "Attributes" not in dynamodb.delete_item(**request, ReturnValues="ALL_OLD")


def test_versions_are_listed_page_by_page_the_newest_of_a_key_first(aws: FakeAws) -> None:
    bucket = aws.settings.photo_bucket
    for key in ("b", "a", "a", "ab"):
        aws.s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    aws.s3.delete_object(Bucket=bucket, Key="a")
    aws.s3.page_size = 2
    pages = list(aws.s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix="a"))
    listed = [
        (kind, entry["Key"], entry["IsLatest"])
        for page in pages
        for kind in ("DeleteMarkers", "Versions")
        for entry in page.get(kind, [])
    ]
    assert listed == [
        ("DeleteMarkers", "a", True),
        ("Versions", "a", False),
        ("Versions", "a", False),
        ("Versions", "ab", True),
    ]
    assert len(pages) == 2
    assert code_of(aws.s3.list_object_versions, Bucket="another") == "NoSuchBucket"


def test_at_most_a_thousand_versions_are_deleted_at_once(aws: FakeAws) -> None:
    bucket = aws.settings.photo_bucket
    objects = [{"Key": "a", "VersionId": "null"}] * 1001
    assert code_of(aws.s3.delete_objects, Bucket=bucket, Delete={"Objects": objects}) == "MalformedXML"
    aws.s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    [version] = aws.s3.versions(bucket, "a")
    target = {"Key": "a", "VersionId": version.version_id}
    assert aws.s3.delete_objects(Bucket=bucket, Delete={"Objects": [target]})["Deleted"] == [target]
    assert aws.s3.versions(bucket, "a") == []


def test_an_execution_is_described_and_stopped_once(aws: FakeAws) -> None:
    machine = aws.settings.state_machine_arn
    arn = aws.step_functions.start_execution(stateMachineArn=machine, name="a", input="{}")["executionArn"]
    assert aws.step_functions.describe_execution(executionArn=arn)["status"] == "RUNNING"
    aws.step_functions.stop_execution(executionArn=arn, error="Because")
    assert aws.step_functions.describe_execution(executionArn=arn)["status"] == "ABORTED"
    aws.step_functions.close("a", "FAILED")
    aws.step_functions.stop_execution(executionArn=arn)
    assert aws.step_functions.describe_execution(executionArn=arn)["status"] == "FAILED"
    for call in (aws.step_functions.describe_execution, aws.step_functions.stop_execution):
        assert code_of(call, executionArn=f"{arn}b") == "ExecutionDoesNotExist"


def test_a_received_message_is_hidden_until_it_reappears_or_is_deleted(aws: FakeAws) -> None:
    queue = {"QueueUrl": aws.settings.dead_letter_queue_url}
    for body in ("1", "2"):
        aws.sqs.send_message(**queue, MessageBody=body)
    [first] = aws.sqs.receive_message(**queue)["Messages"]
    [second] = aws.sqs.receive_message(**queue, MaxNumberOfMessages=10)["Messages"]
    assert (first["Body"], second["Body"]) == ("1", "2")
    assert "Messages" not in aws.sqs.receive_message(**queue)
    aws.sqs.delete_message(**queue, ReceiptHandle=first["ReceiptHandle"])
    aws.sqs.reappear()
    assert [message["Body"] for message in aws.sqs.receive_message(**queue)["Messages"]] == ["2"]


def test_faces_are_listed_by_id_and_page(aws: FakeAws) -> None:
    collection = {"CollectionId": aws.settings.collection_id}
    for nonce in range(5):
        name = f"anna-{nonce}"
        aws.rekognition.index_faces(**collection, Image={"Bytes": photo("anna")}, ExternalImageId=name)
    ids = [face.face_id for face in aws.faces()]
    found = aws.rekognition.list_faces(**collection, FaceIds=[ids[1], ids[3], ids[1][:-1] + "f"])["Faces"]
    assert [face["FaceId"] for face in found] == [ids[1], ids[3]]
    first = aws.rekognition.list_faces(**collection, MaxResults=2)
    assert [face["FaceId"] for face in first["Faces"]] == ids[:2]
    pages = aws.rekognition.get_paginator("list_faces").paginate(**collection, MaxResults=2)
    assert [face["FaceId"] for page in pages for face in page["Faces"]] == ids
    aws.rekognition.delete_collection(**collection)
    aws.rekognition.create_collection(**collection)
    code = code_of(aws.rekognition.list_faces, **collection, NextToken=first["NextToken"])
    assert code == "InvalidPaginationTokenException"


def test_a_world_that_was_saved_is_restored_as_often_as_one_likes() -> None:
    aws = FakeAws(checked=False)
    uploaded = aws.upload(photo("anna"))
    aws.table.open_claim(uploaded)
    saved = aws.save()

    def change() -> None:
        aws.table.delete(aws.row(uploaded) or {})
        aws.s3.delete_object(**uploaded.as_s3_object())
        aws.rekognition.index_faces(
            CollectionId=aws.settings.collection_id, Image={"Bytes": photo("anna")}, ExternalImageId="a"
        )
        aws.sqs.send_message(QueueUrl=aws.settings.dead_letter_queue_url, MessageBody="1")
        aws.step_functions.start_execution(stateMachineArn=aws.settings.state_machine_arn, name="a")
        aws.upload(photo("bob"))

    for _ in range(2):
        change()
        assert aws.save() != saved
        aws.restore(saved)
        assert aws.save() == saved
        assert (aws.row(uploaded) or {})["claim"] == {"S": "open"}


def test_around_stands_between_the_app_and_each_call(aws: FakeAws) -> None:
    seen = []

    def around(client: Any, operation: str, parameters: Any, perform: Any) -> Any:
        seen.append((client.service, operation, sorted(parameters)))
        return perform()

    uploaded = aws.upload(photo("anna"))
    aws.dynamodb.around = around
    assert list(aws.table.rows_of_rider(uploaded.user_id)) == [aws.row(uploaded)]
    assert aws.table.row_of(uploaded) is not None
    assert [call[:2] for call in seen] == [("dynamodb", "query"), ("dynamodb", "get_item")]


@pytest.mark.parametrize("checked", [True, False])
def test_without_checks_calls_mean_the_same_and_none_is_looked_at(
    checked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    for look in ("check_shape", "_operation_model"):
        genuine = getattr(service, look)

        def counted(*arguments: Any, look: str = look, genuine: Any = genuine) -> Any:
            looks.append(look)
            return genuine(*arguments)

        monkeypatch.setattr(service, look, counted)
    aws = FakeAws(checked=checked)
    uploaded = aws.upload(photo("anna"))
    assert aws.table.row_of(uploaded) is not None
    assert aws.table.bind(uploaded)
    assert not aws.table.bind(uploaded)
    assert bool(aws.dynamodb.calls) == checked
    assert set(looks) == ({"check_shape", "_operation_model"} if checked else set())
