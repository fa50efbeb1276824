from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from deploy.checks import Target
from deploy.deploy_bucket import DeployBucket

NAME = "rider-photos-dev-deploy-123456789012-{}"


class Session:
    def __init__(self, client: Any) -> None:
        self._client = client

    def client(self, service: str) -> Any:
        assert service == "s3"
        return self._client


def bucket_in(region: str) -> tuple[Stubber, DeployBucket]:
    stubber = Stubber(
        boto3.client("s3", region_name=region, aws_access_key_id="x", aws_secret_access_key="x")
    )
    session = Session(stubber.client)
    return stubber, DeployBucket(Target(session, "dev", region, "123456789012"))  # type: ignore[arg-type]


def put(stubber: Stubber, name: str) -> None:
    expected = {"Bucket": name, "Key": ANY, "Body": b"{}", "ContentType": "application/json"}
    stubber.add_response("put_object", {}, expected | {"ExpectedBucketOwner": "123456789012"})


@pytest.mark.parametrize(
    ("region", "where"),
    [
        ("us-east-1", {}),
        ("eu-west-1", {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}),
    ],
)
def test_the_first_template_makes_a_private_bucket(region: str, where: dict[str, Any]) -> None:
    stubber, bucket = bucket_in(region)
    name = NAME.format(region)
    stubber.add_client_error("head_bucket", "404", http_status_code=404)
    stubber.add_response("create_bucket", {}, {"Bucket": name, "ObjectOwnership": ANY, **where})
    stubber.add_response(
        "put_public_access_block", {}, {"Bucket": name, "PublicAccessBlockConfiguration": ANY}
    )
    stubber.add_response("put_bucket_policy", {}, {"Bucket": name, "Policy": ANY})
    stubber.add_response("put_bucket_lifecycle_configuration", {})
    put(stubber, name)
    with stubber:
        url = bucket.put_template("{}")
    stubber.assert_no_pending_responses()
    assert url.startswith("https://s3.")
    assert f"amazonaws.com/{name}/templates/" in url
    assert url.endswith(".json")


def test_a_bucket_that_is_there_is_used() -> None:
    stubber, bucket = bucket_in("us-east-1")
    stubber.add_response("head_bucket", {})
    put(stubber, bucket.name)
    with stubber:
        bucket.put_template("{}")
    stubber.assert_no_pending_responses()


def test_the_policy_refuses_plain_http_and_other_accounts() -> None:
    _, bucket = bucket_in("us-east-1")
    plain_http, others = bucket._policy()["Statement"]
    assert plain_http["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert others["Condition"]["StringNotEquals"] == {"aws:PrincipalAccount": "123456789012"}
    for statement in (plain_http, others):
        assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
        assert json.dumps(statement["Resource"]).count(bucket.name) == 2


@pytest.mark.parametrize(("there", "removed"), [(True, True), (False, False)])
def test_removing_it_takes_what_is_in_it_and_needs_no_bucket(there: bool, removed: bool) -> None:
    stubber, bucket = bucket_in("us-east-1")
    if there:
        versions = [{"Key": "templates/a.json", "VersionId": "null"}]
        stubber.add_response("list_object_versions", {"Versions": versions, "IsTruncated": False})
        stubber.add_response("delete_objects", {})
        stubber.add_response("delete_bucket", {})
    else:
        stubber.add_client_error("list_object_versions", "NoSuchBucket")
        stubber.add_client_error("delete_bucket", "NoSuchBucket")
    with stubber:
        assert bucket.remove() is removed
    stubber.assert_no_pending_responses()
