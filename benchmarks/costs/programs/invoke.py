"""Start as Lambda does and invoke one function once: this app's, or a bare one that makes the same AWS calls.

    python -m benchmarks.costs.programs.invoke (app|record|chalice|boto3) FUNCTION EVENT CALLS

`app` loads app.py; `record` does so too, and writes the AWS calls that the function makes into CALLS;
`chalice` is a function of Chalice with Powertools' Logger and Metrics that makes these calls, and `boto3`
one with nothing else. The two bare ones make the pictures of make_thumbnail by plain Pillow.
"""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path
from typing import Any


class Context:
    """What Lambda tells a handler."""

    aws_request_id = "00000000-0000-4000-8000-000000000000"
    function_name = "function"
    function_version = "$LATEST"
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:function"
    memory_limit_in_mb = 256

    def get_remaining_time_in_millis(self) -> int:
        """How long it may go on."""
        return 60_000


def replay(function: str, calls: list[tuple[str, str, dict[str, Any]]]) -> None:
    """Make AWS calls, one after the other, whatever they answer."""
    import boto3
    from botocore.exceptions import ClientError

    clients: dict[str, Any] = {}
    for service, operation, parameters in calls:
        client = clients.get(service) or clients.setdefault(service, boto3.client(service))
        try:
            if operation == "presign":
                client.generate_presigned_url(**parameters)
                continue
            answer = getattr(client, operation)(**parameters)
            body = answer["Body"].read() if "Body" in answer else b""
        except ClientError:
            continue
        if function == "make_thumbnail" and body:
            pictures(body)


def pictures(content: bytes) -> None:
    """Thumbnail and avatar, as plainly as Pillow can."""
    import io

    from PIL import Image

    with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as photo:
        photo.load()
        width, height = photo.size
        for part in (photo, photo.crop((width // 4, height // 4, 3 * width // 4, 3 * height // 4))):
            part.thumbnail((300, 300))
            part.convert("RGB").save(io.BytesIO(), "JPEG")


def bare_chalice(function: str, calls: list[tuple[str, str, dict[str, Any]]]) -> Any:
    """A handler of Chalice with Powertools that makes these calls."""
    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.metrics import MetricUnit, single_metric
    from chalice import Chalice
    from chalice.app import ConvertToMiddleware

    app = Chalice(app_name="bare", configure_logs=False)
    logger = Logger(service="bare")
    app.register_middleware(ConvertToMiddleware(logger.inject_lambda_context))

    def work() -> dict[str, Any]:
        replay(function, calls)
        logger.info("done")
        with single_metric(name="Done", unit=MetricUnit.Count, value=1, namespace="bare"):
            pass
        return {}

    if function == "api_handler":

        @app.route("/uploads/{upload_id}", methods=["GET"])
        def view(upload_id: str) -> dict[str, Any]:
            return work()

        return app

    @app.lambda_function(name=function)
    def handle(event: Any, context: Any) -> dict[str, Any]:
        return work()

    return handle


def app_handler(function: str) -> Any:
    """The app's own handler."""
    import app

    return app.app if function == "api_handler" else getattr(app, function)


def recorded(function: str, event: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """The AWS calls of the app's function, presigned addresses among them."""
    from botocore import xform_name
    from botocore.client import BaseClient

    calls: list[tuple[str, str, dict[str, Any]]] = []
    make = BaseClient._make_api_call  # type: ignore[attr-defined]

    def record(self: Any, operation: str, parameters: dict[str, Any]) -> Any:
        calls.append((self.meta.service_model.service_name, xform_name(operation), parameters))
        return make(self, operation, parameters)

    BaseClient._make_api_call = record  # type: ignore[attr-defined]
    handler = app_handler(function)
    from chalicelib import clients

    s3 = clients.s3()
    presign = s3.generate_presigned_url

    def presigned(method: str, Params: Any = None, ExpiresIn: int = 3600) -> str:  # noqa: N803
        calls.append(("s3", "presign", {"ClientMethod": method, "Params": Params, "ExpiresIn": ExpiresIn}))
        return presign(method, Params=Params, ExpiresIn=ExpiresIn)

    s3.generate_presigned_url = presigned  # type: ignore[method-assign]
    handler(event, Context())
    return calls


def main(how: str, function: str, event_file: Path, calls_file: Path) -> None:
    """Invoke it once."""
    event = json.loads(event_file.read_text())
    if how == "record":
        calls_file.write_bytes(pickle.dumps(recorded(function, event)))
    elif how == "app":
        app_handler(function)(event, Context())
    else:
        calls = pickle.loads(calls_file.read_bytes())
        if how == "chalice":
            bare_chalice(function, calls)(event, Context())
        else:
            replay(function, calls)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
