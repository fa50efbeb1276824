"""What Chalice knows of its own deployment, kept where every clone of the project finds it.

Chalice finds functions and rules by their names, but its REST API by an id alone, which it notes in
`.chalice/deployed/{stage}.json`. A clone without that note would make a second API.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from deploy.errors import error_code
from deploy.functions import API_HANDLER, APP_NAME
from deploy.project import JsonObject

if TYPE_CHECKING:
    from mypy_boto3_apigateway.client import APIGatewayClient
    from mypy_boto3_s3.client import S3Client

    from deploy.checks import Target

# Outside uploads/, which alone starts executions.
RECORDS = "deployment/"
RECORD_KEY = f"{RECORDS}chalice-deployed.json"


def fetch_record(s3: S3Client, bucket: str) -> JsonObject | None:
    """The note of the stage's last deployment, from whichever clone; None if there was none."""
    try:
        body = s3.get_object(Bucket=bucket, Key=RECORD_KEY)["Body"].read()
    except ClientError as error:
        if error_code(error) in ("NoSuchKey", "NoSuchBucket"):
            return None
        raise
    record: JsonObject = json.loads(body)
    return record


def store_record(s3: S3Client, bucket: str, record: JsonObject) -> None:
    """Keep the note for the next deployment, from whichever clone."""
    s3.put_object(
        Bucket=bucket,
        Key=RECORD_KEY,
        Body=json.dumps(record, indent=2).encode(),
        ContentType="application/json",
    )


def rest_api_id(record: JsonObject | None) -> str | None:
    """The id of the REST API in a note."""
    for resource in (record or {}).get("resources", []):
        if resource.get("resource_type") == "rest_api":
            return str(resource["rest_api_id"])
    return None


def api_url(record: JsonObject) -> str:
    """The URL of the REST API in a note, as Chalice formed it."""
    for resource in record["resources"]:
        if resource.get("resource_type") == "rest_api":
            return str(resource["rest_api_url"]).rstrip("/")
    raise KeyError("rest_api")


def find_rest_apis(apigateway: APIGatewayClient, target: Target) -> list[str]:
    """Ids of the REST APIs that call this stage's function, oldest first.

    Chalice gives all stages' APIs the app's name; which is whose is seen by the function they call.
    """
    caller = f":function:{target.names.function(API_HANDLER)}/invocations"
    found = []
    for page in apigateway.get_paginator("get_rest_apis").paginate():
        for api in page["items"]:
            if api["name"] in (APP_NAME, target.names.api) and _calls(apigateway, api["id"], caller):
                found.append((api["createdDate"], api["id"]))
    return [api_id for _, api_id in sorted(found)]


def with_rest_api(record: JsonObject | None, api_id: str) -> JsonObject:
    """The note, with this REST API in it: Chalice then updates it instead of making another."""
    base = record or {"resources": [], "schema_version": "2.0", "backend": "api"}
    others = [resource for resource in base["resources"] if resource.get("resource_type") != "rest_api"]
    return base | {
        "resources": [*others, {"name": "rest_api", "resource_type": "rest_api", "rest_api_id": api_id}]
    }


def _calls(apigateway: APIGatewayClient, api_id: str, caller: str) -> bool:
    pages = apigateway.get_paginator("get_resources").paginate(restApiId=api_id, embed=["methods"])
    return any(
        caller in method.get("methodIntegration", {}).get("uri", "")
        for page in pages
        for resource in page["items"]
        for method in resource.get("resourceMethods", {}).values()
    )
