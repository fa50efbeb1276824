"""What Step Functions does with a task: a Lambda function by its ARN or by lambda:invoke, and PutItem."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore.exceptions import ParamValidationError

from tests.asl.errors import StateError
from tests.asl.states import TaskCall

type Json = Any
type Function = Callable[[Json], Json]

LAMBDA_INVOKE: Final = "arn:aws:states:::lambda:invoke"
PUT_ITEM: Final = "arn:aws:states:::dynamodb:putItem"
_ANSWERED: Final = {"SdkHttpMetadata": {"HttpStatusCode": 200}, "SdkResponseMetadata": {"RequestId": "0-0"}}


class Integrations:
    """Performs task calls on functions and on a DynamoDB client.

    Parameters
    ----------
    functions
        By ARN. A function takes what its event is; what it raises becomes the error of that class's name.
    dynamodb
        Anything with boto3's `put_item`.
    """

    def __init__(self, functions: Mapping[str, Function], dynamodb: Any = None) -> None:
        self._functions = functions
        self._dynamodb = dynamodb

    def perform(self, call: TaskCall) -> Json:
        """Perform a call and return its result.

        Raises
        ------
        StateError
            As Step Functions names what went wrong.
        """
        if call.resource == LAMBDA_INVOKE:
            payload = self._invoke(call.parameters["FunctionName"], call.parameters.get("Payload", {}))
            return {"ExecutedVersion": "$LATEST", "Payload": payload, "StatusCode": 200, **_ANSWERED}
        if call.resource == PUT_ITEM:
            return self._put_item(call.parameters)
        return self._invoke(call.resource, call.parameters)

    def _invoke(self, arn: str, event: Json) -> Json:
        function = self._functions.get(arn)
        if function is None:
            raise StateError("Lambda.ResourceNotFoundException", f"Function not found: {arn}")
        try:
            answer = function(json.loads(json.dumps(event)))
        except (AssertionError, ParamValidationError):
            # A call that no service would take is a mistake to be seen, not one more failure to be caught.
            raise
        except Exception as error:  # whatever else a function raises, Lambda reports by its class's name
            raise StateError(type(error).__name__, lambda_cause(error)) from error
        return json.loads(json.dumps(answer, allow_nan=False))

    def _put_item(self, parameters: Json) -> Json:
        try:
            self._dynamodb.put_item(**parameters)
        except Exception as error:
            code = getattr(error, "response", {}).get("Error", {}).get("Code")
            if code is None:  # not an answer of DynamoDB, but a mistake of the test
                raise
            raise StateError(f"DynamoDB.{code}", str(error)) from error
        return dict(_ANSWERED)


def lambda_cause(error: Exception) -> str:
    """The Cause of a Lambda function's error: its Python runtime's report, as JSON."""
    return json.dumps(
        {
            "errorMessage": str(error),
            "errorType": type(error).__name__,
            "requestId": "00000000-0000-0000-0000-000000000000",
            "stackTrace": traceback.format_tb(error.__traceback__),
        }
    )
