"""The state machines of the workshop that this project grew from, put together from their parts.

Names, fields and error names are the workshop's, so that its definitions run on this project's functions
with nothing but names filled in. RiderPhotoProcessing-1 to -4 name a function's ARN as the resource, each
one step longer than the one before; the later variant invokes by `lambda:invoke`, as Workflow Studio
writes it, and persists by a native PutItem.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

type Definition = dict[str, Any]
type State = dict[str, Any]

_COMMENT = "Rider photo processing workflow"


@dataclass(frozen=True, slots=True)
class Names:
    """The stack's outputs that a definition needs, under the workshop's names.

    Attributes
    ----------
    face_detection, face_search, index_face, thumbnail, persist_metadata, notification_placeholder
        ARNs of functions: outputs `FaceDetectionFunctionArn`, `FaceSearchFunctionArn`,
        `IndexFaceFunctionArn`, `ThumbnailFunctionArn`, `PersistMetadataFunctionArn`,
        `NotificationPlaceholderFunctionArn`.
    rider_photo_table
        Output `RiderPhotoDDBTable`.
    """

    face_detection: str
    face_search: str
    index_face: str
    thumbnail: str
    persist_metadata: str
    notification_placeholder: str
    rider_photo_table: str

    @classmethod
    def from_outputs(cls, outputs: Mapping[str, str]) -> Names:
        """Take the names from a stack's outputs."""
        return cls(
            face_detection=outputs["FaceDetectionFunctionArn"],
            face_search=outputs["FaceSearchFunctionArn"],
            index_face=outputs["IndexFaceFunctionArn"],
            thumbnail=outputs["ThumbnailFunctionArn"],
            persist_metadata=outputs["PersistMetadataFunctionArn"],
            notification_placeholder=outputs["NotificationPlaceholderFunctionArn"],
            rider_photo_table=outputs["RiderPhotoDDBTable"],
        )


def workshop_machine(number: int, names: Names) -> Definition:
    """RiderPhotoProcessing-1, -2, -3 or -4: a function's ARN is the resource.

    1 detects the face, 2 also looks for duplicates, 3 also indexes and makes the thumbnail, 4 also
    persists.
    """
    persist = {"Type": "Task", "Resource": names.persist_metadata, "ResultPath": None}
    return _workflow(number, names, _by_arn, persist)


def workshop_machine_by_invoke(names: Names) -> Definition:
    """The later variant, with `lambda:invoke` and PutItem."""
    persist = {
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:putItem",
        "Parameters": {"TableName": names.rider_photo_table, "Item": _item()},
        "ResultPath": None,
    }
    return _workflow(4, names, _by_invoke, persist)


def _workflow(steps: int, names: Names, task: Callable[[str], State], persist: State) -> Definition:
    states: dict[str, State] = {
        "FaceDetection": {
            **task(names.face_detection),
            "ResultPath": "$.detectedFaceDetails",
            "Catch": _catch("PhotoDoesNotMeetRequirementError"),
        },
        "CheckFaceDuplicate": {
            **task(names.face_search),
            "ResultPath": None,
            "Catch": _catch("FaceAlreadyExistsError"),
        },
        "ParallelProcessing": {
            "Type": "Parallel",
            "Branches": [
                _branch("AddFaceToIndex", task(names.index_face)),
                _branch("Thumbnail", task(names.thumbnail)),
            ],
            "ResultPath": "$.parallelResult",
        },
        "PersistMetadata": persist,
    }
    used = list(states)[:steps]
    chain = {name: {**states[name], "Next": following} for name, following in pairwise(used)}
    chain[used[-1]] = {**states[used[-1]], "End": True}
    chain["PhotoDoesNotMeetRequirement"] = {**task(names.notification_placeholder), "End": True}
    return {"Comment": _COMMENT, "StartAt": used[0], "States": chain}


def _by_arn(function_arn: str) -> State:
    return {"Type": "Task", "Resource": function_arn}


def _by_invoke(function_arn: str) -> State:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": f"{function_arn}:$LATEST", "Payload.$": "$"},
        "Retry": [
            {
                "ErrorEquals": [
                    "Lambda.ServiceException",
                    "Lambda.AWSLambdaException",
                    "Lambda.SdkClientException",
                    "Lambda.TooManyRequestsException",
                ],
                "IntervalSeconds": 2,
                "MaxAttempts": 6,
                "BackoffRate": 2,
            }
        ],
    }


def _branch(name: str, task: State) -> Definition:
    return {"StartAt": name, "States": {name: {**task, "End": True}}}


def _catch(error: str) -> list[dict[str, Any]]:
    return [{"ErrorEquals": [error], "ResultPath": "$.errorInfo", "Next": "PhotoDoesNotMeetRequirement"}]


def _item() -> dict[str, Any]:
    thumbnail = "$.parallelResult[1].Payload.thumbnail"
    return {
        "Username": {"S.$": "$.userId"},
        "faceId": {"S.$": "$.parallelResult[0].Payload.FaceId"},
        "s3bucket": {"S.$": "$.s3Bucket"},
        "s3key": {"S.$": "$.s3Key"},
        "thumbnail": {
            "M": {"s3bucket": {"S.$": f"{thumbnail}.s3bucket"}, "s3key": {"S.$": f"{thumbnail}.s3key"}}
        },
    }
