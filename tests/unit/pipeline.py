"""What the state machine does between the steps, for tests that need what went before theirs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.audit import Auditor, AuditReport
from chalicelib.closing import close_execution
from chalicelib.erasure import ERASED_RIDERS
from chalicelib.models import RiderPhoto
from chalicelib.passes import Pace
from chalicelib.rows import iso
from chalicelib.steps.confirm_face import confirm_face as confirm_face_step
from chalicelib.steps.index_face import index_face as index_face_step
from chalicelib.steps.make_thumbnail import make_thumbnail as make_thumbnail_step
from chalicelib.steps.retire_replaced import retire_replaced as retire_replaced_step
from chalicelib.steps.undo import undo as undo_step
from chalicelib.wiring import call
from tests.fakes import FakeAws
from tests.fakes import photo as picture

# Long past S3's event, but not past the time for which the audit looks after forms.
AN_HOUR = timedelta(hours=1)


def run(aws: FakeAws, function: Callable[..., Any], **known: Any) -> Any:
    """Call a function with the fake clients that it asks for; its answer must survive JSON."""
    services = {
        "cognito": aws.cognito,
        "dynamodb": aws.dynamodb,
        "pace": Pace(float("inf")),
        "records": aws.records,
        "rekognition": aws.rekognition,
        "rules": aws.settings.photo_rules,
        "s3": aws.s3,
        "ses": aws.ses,
        "settings": aws.settings,
        "sqs": aws.sqs,
        "step_functions": aws.step_functions,
        "table": aws.table,
    }
    answer = call(function, **services, **known)
    if isinstance(answer, dict):
        assert json.loads(json.dumps(answer)) == answer
    return answer


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


def index(aws: FakeAws, photo: RiderPhoto) -> dict[str, Any]:
    """Run AddFaceToIndex."""
    answer: dict[str, Any] = run(aws, index_face_step, photo=photo)
    return answer


def parallel_result(aws: FakeAws, photo: RiderPhoto) -> list[dict[str, Any]]:
    """Run both branches of ParallelProcessing."""
    indexed = index(aws, photo)
    return [
        {"Payload": indexed},
        {"Payload": run(aws, make_thumbnail_step, photo=photo, event=state(photo))},
    ]


def confirm(aws: FakeAws, photo: RiderPhoto, event: dict[str, Any]) -> Any:
    """Run ConfirmFaceUnique."""
    return run(aws, confirm_face_step, photo=photo, event=event)


def confirmed(aws: FakeAws, photo: RiderPhoto) -> dict[str, Any]:
    """Run the steps up to ConfirmFaceUnique, and give the event of the next state."""
    event = state(photo, parallelResult=parallel_result(aws, photo))
    event["state"]["confirmed"] = {"Payload": confirm(aws, photo, event)}
    return event


def put_item(aws: FakeAws, photo: RiderPhoto, event: dict[str, Any]) -> None:
    """Put the item as the state machine's own PersistMetadata does."""
    face, made = (result["Payload"] for result in event["state"]["parallelResult"])
    pictures = {
        name: {"M": {part: {"S": text} for part, text in place.items()}} for name, place in made.items()
    }
    aws.dynamodb.put_item(
        TableName=aws.settings.rider_photo_table,
        Item={
            "Username": {"S": photo.user_id},
            "faceId": {"S": face["FaceId"]},
            "s3bucket": {"S": photo.bucket},
            "s3key": {"S": photo.key},
            "s3versionid": {"S": photo.version_id},
            "uploadId": {"S": photo.upload_id},
            **pictures,
        },
        ConditionExpression="attribute_not_exists(uploadId) OR uploadId IN (:uploadId, :replaces)",
        ExpressionAttributeValues={
            ":uploadId": {"S": photo.upload_id},
            ":replaces": {"S": event["state"]["confirmed"]["Payload"]["replaces"]},
        },
    )


def persist(aws: FakeAws, photo: RiderPhoto) -> dict[str, Any]:
    """Run the steps up to PersistMetadata, and give the event of the next state."""
    event = confirmed(aws, photo)
    put_item(aws, photo, event)
    return event


def retire(aws: FakeAws, photo: RiderPhoto, event: dict[str, Any]) -> Any:
    """Run RetireReplacedPhoto."""
    return run(aws, retire_replaced_step, photo=photo, event=event)


def accept(aws: FakeAws, photo: RiderPhoto) -> RiderPhoto:
    """Run all steps of a photo that is accepted."""
    retire(aws, photo, persist(aws, photo))
    assert aws.status(photo) == "accepted"
    return photo


def undo(aws: FakeAws, photo: RiderPhoto, event: dict[str, Any]) -> Any:
    """Run UndoExecution."""
    return run(aws, undo_step, photo=photo, event=event)


def started(aws: FakeAws, photo: RiderPhoto) -> RiderPhoto:
    """Bind the upload's row and start its execution, as an event does."""
    aws.table.bind(photo)
    name = (photo.execution_arn or "").rpartition(":")[2]
    data = {"userId": photo.user_id, "s3Bucket": photo.bucket, "s3Key": photo.key}
    if photo.real_version_id:
        data["s3VersionId"] = photo.real_version_id
    aws.step_functions.start_execution(
        stateMachineArn=aws.settings.state_machine_arn, name=name, input=json.dumps(data)
    )
    return photo


def by_another_execution(aws: FakeAws, photo: RiderPhoto, name: str = "by-hand") -> RiderPhoto:
    """The photo as an execution of another name works on it."""
    return replace(photo, execution_arn=aws.execution_arn(name))


def grow_old(aws: FakeAws, moment: str | None = None) -> None:
    """Let all rows of uploads be last changed at a moment, an hour ago by default.

    Thumbnails were made an hour earlier then.
    """
    moment = moment or iso(datetime.now(UTC) - AN_HOUR)
    table = aws.settings.uploads_table
    for row in aws.dynamodb.items(table):
        if "updatedAt" in row:
            aws.dynamodb.put_item(TableName=table, Item=row | {"updatedAt": {"S": moment}})
    aws.s3.grow_old(aws.settings.thumbnail_bucket, AN_HOUR)


def audit(aws: FakeAws, deadline: datetime | None = None) -> AuditReport:
    """One pass, which closes what it finds as the app does."""

    def close(uploaded: RiderPhoto, status: str) -> None:
        data = {"userId": uploaded.user_id, "s3Bucket": uploaded.bucket, "s3Key": uploaded.key}
        if uploaded.real_version_id:
            data["s3VersionId"] = uploaded.real_version_id
        detail = {"executionArn": uploaded.execution_arn, "status": status, "input": json.dumps(data)}
        run(aws, close_execution, detail=detail)

    deadline = deadline or datetime.now(UTC) + timedelta(hours=1)
    report: AuditReport = run(aws, Auditor, close=close, deadline=deadline).run()
    return report


def name_of(uploaded: RiderPhoto, attempt: int = 1) -> str:
    """The name of an upload's execution."""
    name = (uploaded.execution_arn or "").rpartition(":")[2]
    return name if attempt == 1 else f"{name}-{attempt}"


def originals(aws: FakeAws) -> list[str]:
    """Keys that the photos' bucket has a version or a delete marker of."""
    pages = aws.s3.get_paginator("list_object_versions").paginate(Bucket=aws.settings.photo_bucket)
    return [
        entry["Key"]
        for page in pages
        for kind in ("Versions", "DeleteMarkers")
        for entry in page.get(kind, [])
    ]


def share(aws: FakeAws) -> tuple[RiderPhoto, RiderPhoto]:
    """Two riders with one face, as when neither search saw the other's."""
    one = accept(aws, aws.upload(picture("anna"), "annas-id"))
    aws.rekognition.invisible.add(aws.faces()[0].face_id)
    other = accept(aws, aws.upload(picture("anna", nonce=1), "bobs-id"))
    aws.rekognition.invisible.clear()
    grow_old(aws)
    return one, other


def grow_marker_old(aws: FakeAws, age: timedelta = timedelta(days=2), swept: timedelta | None = None) -> None:
    """Let all erasures have happened long ago, and the last sweeps after them, if `swept` is given."""
    table = aws.settings.uploads_table
    moment = (datetime.now(UTC) - age).isoformat()
    last = {} if swept is None else {"sweptAt": {"S": (datetime.now(UTC) - swept).isoformat()}}
    for row in aws.dynamodb.items(table):
        if row["userId"]["S"] == ERASED_RIDERS:
            aws.dynamodb.put_item(TableName=table, Item=row | {"erasedAt": {"S": moment}} | last)
