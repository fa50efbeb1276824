"""Executions with the real step functions on fake services, and what must hold after every one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chalice.app import Chalice
from chalice.test import Client

from chalicelib.models import RiderPhoto
from tests.asl import Execution, Integrations, StateError, TaskCall, run
from tests.fakes import RIDER, FakeAws
from tests.statemachine.definitions import function_arn, function_timeouts, rider_photo_processing

DEFINITION: Final = rider_photo_processing()
ADDRESS: Final = "rider@example.com"
TERMINAL: Final = {"accepted", "rejected", "failed", "superseded"}


@dataclass(frozen=True, slots=True)
class Fault:
    """What a state's next attempts meet instead of their results.

    Attributes
    ----------
    errors
        One an attempt.
    after_effect
        Whether the function did its work all the same, as when it is killed just before it answers.
    """

    errors: Sequence[StateError]
    after_effect: bool = False


class Pipeline:
    """A deployed stage: its functions run in this process.

    Parameters
    ----------
    aws
        The services that the functions call.
    app
        The app, whose clients are these services.
    """

    def __init__(self, aws: FakeAws, app: Chalice) -> None:
        self.aws = aws
        self._client = Client(app)
        names = [name for name in function_timeouts() if name not in {"api_handler", "start_processing"}]
        functions = {
            f"{function_arn(name)}{version}": lambda event, name=name: self.invoke(name, event)
            for name in names
            for version in ("", ":$LATEST")
        }
        self._integrations = Integrations(functions, aws.dynamodb)
        aws.cognito.sign_up(RIDER, email=ADDRESS, email_verified="true")

    def invoke(self, function: str, event: Any) -> Any:
        """Invoke a function of the app, with all that is around it there."""
        return self._client.lambda_.invoke(function, event).payload

    def start(
        self, data: Any, definition: Mapping[str, Any] = DEFINITION, name: str = "by-hand"
    ) -> Execution:
        """Start an execution with any input; nothing of it has run yet."""
        return Execution(definition, data, name=name, machine_arn=self.aws.settings.state_machine_arn)

    def start_for(self, photo: RiderPhoto) -> Execution:
        """Start an execution for a photo, named as the app would name it."""
        assert photo.execution_arn is not None
        data = {"userId": photo.user_id, "s3Bucket": photo.bucket, "s3Key": photo.key}
        if photo.real_version_id:
            data["s3VersionId"] = photo.real_version_id
        return self.start(data, name=photo.execution_arn.rpartition(":")[2])

    def perform(self, call: TaskCall) -> Any:
        """Perform a call of an execution."""
        return self._integrations.perform(call)

    def run(self, photo: RiderPhoto, faults: Mapping[str, Fault] | None = None) -> Execution:
        """Run an execution for a photo to its end."""
        pending = {state: list(fault.errors) for state, fault in (faults or {}).items()}

        def perform(call: TaskCall) -> Any:
            errors = pending.get(call.state)
            if not errors:
                return self.perform(call)
            assert faults is not None
            if faults[call.state].after_effect:
                self.perform(call)
            raise errors.pop(0)

        return run(self.start_for(photo), perform)

    def run_input(
        self, data: Any, definition: Mapping[str, Any] = DEFINITION, name: str = "by-hand"
    ) -> Execution:
        """Run an execution with any input to its end."""
        return run(self.start(data, definition, name), self.perform)

    def assert_consistent(self) -> None:
        """Check that every upload ended, and that faces, thumbnails and live items belong to each other."""
        aws = self.aws
        rows = aws.dynamodb.items(aws.settings.uploads_table)
        items = aws.dynamodb.items(aws.settings.rider_photo_table)
        live = [item for item in items if "faceId" in item]
        assert {row["status"]["S"] for row in rows} <= TERMINAL
        assert sorted(face.face_id for face in aws.faces()) == sorted(item["faceId"]["S"] for item in live)
        for name, stored in (("thumbnail", aws.thumbnails()), ("avatar", aws.avatars())):
            assert stored == sorted(item[name]["M"]["s3key"]["S"] for item in live)
