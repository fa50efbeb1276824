"""An event of each function, as AWS sends it, from those that the state machine sent for one photo."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from deploy.functions import FUNCTIONS

_INPUT: Final = ("userId", "s3Bucket", "s3Key", "s3VersionId")
_COMMON: Final = {"id": "1", "account": "000000000000", "time": "2026-01-01T00:00:00Z", "region": "us-east-1"}
_RULE: Final = {**_COMMON, "version": "0", "resources": []}


def object_created(bucket: str, key: str, version_id: str | None) -> dict[str, Any]:
    """S3's "Object Created", as EventBridge hands it on."""
    detail = {"bucket": {"name": bucket}, "object": {"key": key, "version-id": version_id}}
    return {**_RULE, "source": "aws.s3", "detail-type": "Object Created", "detail": detail}


def event_of_each(sent: Mapping[str, Any], user_id: str, upload_id: str) -> dict[str, Any]:
    """An event of each function, in the order of `FUNCTIONS`.

    Parameters
    ----------
    sent
        By function, what the state machine sent it for an accepted photo, and to `notify_rider` for a
        rejected one.
    user_id, upload_id
        Of the accepted photo.
    """
    found = dict(sent)
    execution_arn, state = found["make_thumbnail"]["executionArn"], found["make_thumbnail"]["state"]
    created = object_created(state["s3Bucket"], state["s3Key"], state.get("s3VersionId"))
    found["start_processing"] = created
    turn = {"startsAt": {"dataType": "String", "stringValue": "2026-01-01T00:00:00+00:00"}}
    message = {"messageId": "1", "body": json.dumps(created), "messageAttributes": turn}
    found["start_waiting"] = {"Records": [message]}
    ended = {
        "executionArn": execution_arn,
        "status": "FAILED",
        "input": json.dumps({name: state[name] for name in _INPUT if name in state}),
    }
    change = "Step Functions Execution Status Change"
    found["close_execution"] = {**_RULE, "source": "aws.states", "detail-type": change, "detail": ended}
    failed = {**state, "errorInfo": {"Error": "ValueError", "Cause": "{}"}}
    found["undo"] = {"executionArn": execution_arn, "state": failed}
    found["audit"] = {**_RULE, "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
    found["persist_metadata"] = found["retire_replaced"]["state"]
    found["api_handler"] = _request(user_id, upload_id)
    return {function: found[function] for function in FUNCTIONS}


def _request(user_id: str, upload_id: str) -> dict[str, Any]:
    """`GET /uploads/{uploadId}` as API Gateway hands it on."""
    return {
        "httpMethod": "GET",
        "resource": "/uploads/{upload_id}",
        "path": f"/uploads/{upload_id}",
        "headers": {"Accept": "application/json"},
        "multiValueQueryStringParameters": None,
        "pathParameters": {"upload_id": upload_id},
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
        "requestContext": {
            "httpMethod": "GET",
            "resourcePath": "/uploads/{upload_id}",
            "path": f"/api/uploads/{upload_id}",
            "authorizer": {"claims": {"sub": user_id}},
            "identity": {"sourceIp": "127.0.0.1"},
        },
    }
