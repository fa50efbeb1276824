from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from deploy.checks import Target
from deploy.record import (
    RECORD_KEY,
    api_url,
    fetch_record,
    find_rest_apis,
    rest_api_id,
    store_record,
    with_rest_api,
)

RECORD: dict[str, Any] = {
    "resources": [
        {"name": "undo", "resource_type": "lambda_function", "lambda_arn": "arn:undo"},
        {
            "name": "rest_api",
            "resource_type": "rest_api",
            "rest_api_id": "abc",
            "rest_api_url": "https://abc.execute-api.us-east-1.amazonaws.com/api/",
        },
    ],
    "schema_version": "2.0",
    "backend": "api",
}


@pytest.fixture
def s3() -> Stubber:
    return Stubber(boto3.client("s3", region_name="us-east-1"))


def test_a_record_is_read_as_it_was_stored(s3: Stubber) -> None:
    with s3:
        s3.add_response("put_object", {})
        store_record(s3.client, "photos", RECORD)
        body = b'{"resources": []}'
        s3.add_response(
            "get_object",
            {"Body": StreamingBody(io.BytesIO(body), len(body))},
            {"Bucket": "photos", "Key": RECORD_KEY},
        )
        assert fetch_record(s3.client, "photos") == {"resources": []}
    assert not RECORD_KEY.startswith("uploads/")


@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchBucket"])
def test_a_first_deployment_has_no_record(s3: Stubber, code: str) -> None:
    s3.add_client_error("get_object", code)
    with s3:
        assert fetch_record(s3.client, "photos") is None


def test_a_record_that_cannot_be_read_is_not_taken_for_none(s3: Stubber) -> None:
    s3.add_client_error("get_object", "AccessDenied")
    with s3, pytest.raises(ClientError, match="AccessDenied"):
        fetch_record(s3.client, "photos")


def test_the_api_is_found_in_a_record() -> None:
    assert rest_api_id(RECORD) == "abc"
    assert rest_api_id({"resources": []}) is None
    assert rest_api_id(None) is None
    assert api_url(RECORD) == "https://abc.execute-api.us-east-1.amazonaws.com/api"


def test_an_api_that_was_found_takes_the_place_of_another() -> None:
    adopted = with_rest_api(RECORD, "xyz")
    assert rest_api_id(adopted) == "xyz"
    assert [resource["name"] for resource in adopted["resources"]] == ["undo", "rest_api"]
    assert with_rest_api(None, "xyz")["schema_version"] == "2.0"


def test_the_apis_of_a_stage_are_told_by_the_function_they_call() -> None:
    client = boto3.client("apigateway", region_name="us-east-1")
    stubber = Stubber(client)
    now = datetime.now(UTC)
    apis = [("late", "rider-photos", now), ("other", "another-app", now), ("prod", "rider-photos", now)]
    apis.append(("early", "rider-photos", now.replace(year=2020)))
    stubber.add_response(
        "get_rest_apis", {"items": [{"id": i, "name": n, "createdDate": d} for i, n, d in apis]}
    )
    for api, function in (
        ("late", "rider-photos-dev"),
        ("prod", "rider-photos-dev2"),
        ("early", "rider-photos-dev"),
    ):
        arn = f"arn:aws:lambda:us-east-1:000000000000:function:{function}"
        uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
        method = {"methodIntegration": {"uri": uri}}
        stubber.add_response(
            "get_resources",
            {"items": [{"path": "/"}, {"path": "/uploads", "resourceMethods": {"POST": method}}]},
            {"restApiId": api, "embed": ["methods"]},
        )

    class Session:
        pass

    target = Target(Session(), "dev", "us-east-1", "000000000000")
    with stubber:
        assert find_rest_apis(client, target) == ["early", "late"]
    stubber.assert_no_pending_responses()
