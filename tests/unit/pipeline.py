"""What the state machine does between the steps, for tests that need what went before theirs."""

from __future__ import annotations

import json
from typing import Any

from chalicelib import steps
from chalicelib.models import RiderPhoto
from tests.fakes import FakeAws


def state(photo: RiderPhoto, **fields: Any) -> dict[str, Any]:
    """The event that the state machine sends for this photo after FaceDetection."""
    found = {"s3VersionId": photo.version_id, "uploadId": photo.upload_id}
    return {
        "executionArn": photo.execution_arn,
        "state": {
            "userId": photo.user_id,
            "s3Bucket": photo.bucket,
            "s3Key": photo.key,
            "detectedFaceDetails": {"Payload": found},
            **fields,
        },
    }


def error_info(error: str, message: str = "") -> dict[str, str]:
    """What a Catch hands on of a Lambda function's exception."""
    cause = {"errorMessage": message, "errorType": error, "requestId": "1", "stackTrace": ["  File …"]}
    return {"Error": error, "Cause": json.dumps(cause)}


def parallel_result(aws: FakeAws, photo: RiderPhoto) -> list[dict[str, Any]]:
    """Run both branches of ParallelProcessing."""
    indexed = steps.index_face(photo, aws.rekognition, aws.table, aws.settings)  # type: ignore[arg-type]
    thumbnail = steps.make_thumbnail(photo, aws.s3, aws.settings)  # type: ignore[arg-type]
    return [{"Payload": indexed}, {"Payload": thumbnail}]


def persist(aws: FakeAws, photo: RiderPhoto) -> dict[str, Any]:
    """Run the steps up to PersistMetadata, and give the event of the next state."""
    event = state(photo, parallelResult=parallel_result(aws, photo))
    steps.persist_metadata(photo, event, aws.dynamodb, aws.settings)  # type: ignore[arg-type]
    return event


def retire(aws: FakeAws, photo: RiderPhoto, event: dict[str, Any]) -> dict[str, Any]:
    """Run RetireReplacedPhoto."""
    clients: Any = (aws.table, aws.dynamodb, aws.rekognition, aws.s3, aws.settings)
    return steps.retire_replaced(photo, event, *clients)


def accept(aws: FakeAws, photo: RiderPhoto) -> RiderPhoto:
    """Run all steps of a photo that is accepted."""
    retire(aws, photo, persist(aws, photo))
    assert aws.status(photo) == "accepted"
    return photo


def undo(aws: FakeAws, photo: RiderPhoto, event: dict[str, Any]) -> dict[str, Any]:
    """Run UndoExecution."""
    clients: Any = (aws.table, aws.dynamodb, aws.rekognition, aws.s3, aws.sqs, aws.settings)
    result = steps.undo(photo, event, *clients)
    assert json.loads(json.dumps(result)) == result
    return result
