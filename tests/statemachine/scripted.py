"""Tasks that answer as a test tells them to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.asl import LAMBDA_INVOKE, Execution, StateError, TaskCall, run
from tests.statemachine.definitions import MACHINE_ARN, rider_photo_processing

UPLOAD_ID: Final = "01890a5d-ac96-774b-bcce-b302099a8057"
INPUT: Final = {"userId": "user_a", "s3Bucket": "photos", "s3Key": "1_happy_face.jpg"}
DEFINITION: Final = rider_photo_processing()

# What each function answers, in the fewest fields that the state machine itself looks at.
ANSWERS: Final[Mapping[str, Any]] = {
    "FaceDetection": {"Confidence": 99.9, "s3VersionId": "version-1", "uploadId": UPLOAD_ID},
    "CheckFaceDuplicate": {"matches": 0},
    "AddFaceToIndex": {"FaceId": "face-1"},
    "Thumbnail": {
        "thumbnail": {"s3bucket": "thumbnails", "s3key": "small.jpg"},
        "avatar": {"s3bucket": "thumbnails", "s3key": "face.jpg"},
    },
    "ConfirmFaceUnique": {"replaces": ""},
    "PersistMetadata": None,
    "RetireReplacedPhoto": {"retired": []},
    "PhotoDoesNotMeetRequirement": {"messageToSend": {"title": "t", "message": "m"}},
    "UndoExecution": {"status": "failed", "uploadId": UPLOAD_ID, "s3VersionId": "version-1"},
    "TellRiderOfFailure": {"messageToSend": {"title": "t", "message": "m"}},
}


def error_of(name: str, message: str = "why") -> StateError:
    """An error as Step Functions reports it of a Lambda function."""
    return StateError(name, json.dumps({"errorMessage": message, "errorType": name, "stackTrace": []}))


class Script:
    """Answers calls; for a state that the test names, with the test's answers in turn, then as usual.

    An answer that is a `StateError` is raised.
    """

    def __init__(self, answers: Mapping[str, Sequence[Any]]) -> None:
        self._answers = {state: list(given) for state, given in answers.items()}
        self.calls: list[TaskCall] = []

    def perform(self, call: TaskCall) -> Any:
        """Answer a call."""
        self.calls.append(call)
        given = self._answers.get(call.state)
        answer = given.pop(0) if given else ANSWERS[call.state]
        if isinstance(answer, StateError):
            raise answer
        return {"Payload": answer, "StatusCode": 200} if call.resource == LAMBDA_INVOKE else {}

    def parameters_of(self, state: str) -> Any:
        """What the state was last called with; a function's own event."""
        parameters = [call.parameters for call in self.calls if call.state == state][-1]
        return parameters.get("Payload", parameters)


def run_scripted(
    answers: Mapping[str, Sequence[Any]] | None = None, data: Mapping[str, Any] = INPUT
) -> tuple[Execution, Script]:
    """Run the definition on a script to its end."""
    script = Script(answers or {})
    execution = Execution(DEFINITION, data, machine_arn=MACHINE_ARN, name="execution-1")
    return run(execution, script.perform), script
