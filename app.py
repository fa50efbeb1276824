"""Every entry point of Rider Photos: routes, handlers of events and schedules, and a function a step."""

from __future__ import annotations

from typing import Any

from chalice import BadRequestError, Chalice, CognitoUserPoolAuthorizer, NotFoundError, Rate, Response
from chalice.app import CloudWatchEvent, ConvertToMiddleware

from chalicelib import audit as auditing
from chalicelib import clients, closing, erasure, executions, steps, uploads
from chalicelib.errors import InvalidInputError
from chalicelib.models import UPLOAD_PREFIX, RiderPhoto
from chalicelib.observability import around_step, logger
from chalicelib.settings import required
from chalicelib.wiring import call

app = Chalice(app_name="rider-photos", configure_logs=False)
app.register_middleware(ConvertToMiddleware(logger.inject_lambda_context))
app.register_middleware(around_step, "pure_lambda")
rider_pool = CognitoUserPoolAuthorizer("RiderPool", provider_arns=[required("USER_POOL_ARN")])

type Event = dict[str, Any]


def signed_in_rider() -> str:
    return str(app.current_request.context["authorizer"]["claims"]["sub"])


@app.route("/uploads", methods=["POST"], authorizer=rider_pool)
def create_upload() -> Response:
    body = app.current_request.json_body
    content_type = body.get("contentType") if isinstance(body, dict) else None
    try:
        form = call(uploads.create_upload, user_id=signed_in_rider(), content_type=content_type)
    except InvalidInputError as error:
        raise BadRequestError(str(error)) from error
    return Response(form.as_json(), status_code=201)


@app.route("/uploads/{upload_id}", methods=["GET"], authorizer=rider_pool)
def view_upload(upload_id: str) -> dict[str, Any]:
    view = call(uploads.view_upload, user_id=signed_in_rider(), upload_id=upload_id)
    if view is None:
        raise NotFoundError("You have no upload with this uploadId.")
    return view.as_json()


@app.route("/photo", methods=["DELETE"], authorizer=rider_pool)
def erase_photo() -> Response:
    call(erasure.Eraser).erase(signed_in_rider())
    return Response("", status_code=204)


@app.on_cw_event(
    {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {
            "bucket": {"name": [required("PHOTO_BUCKET")]},
            "object": {"key": [{"prefix": UPLOAD_PREFIX}]},
        },
    },
    name="start_processing",
)
def start_processing(event: CloudWatchEvent) -> Event:
    return {"outcome": call(executions.handle_object_created, event=event.to_dict())}


@app.on_cw_event(
    {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {
            "stateMachineArn": [required("STATE_MACHINE_ARN")],
            "status": ["FAILED", "TIMED_OUT", "ABORTED"],
        },
    },
    name="close_execution",
)
def close_execution(event: CloudWatchEvent) -> Event:
    return {"outcome": call(closing.close_execution, detail=event.detail)}


@app.schedule(Rate(5, unit=Rate.MINUTES), name="audit")
def audit(event: CloudWatchEvent) -> Event:
    return {"complete": auditing.run_audit(event.context.get_remaining_time_in_millis())}


def known_photo(event: Event) -> Event:
    return {"event": event, "photo": executions.identify(RiderPhoto.from_state(event), clients.s3())}


@app.lambda_function(name="detect_faces")
def detect_faces(event: Event, context: Any) -> Event:
    return call(steps.detect_faces, photo=RiderPhoto.from_state(event))


@app.lambda_function(name="search_face")
def search_face(event: Event, context: Any) -> Event:
    return call(steps.search_face, **known_photo(event))


@app.lambda_function(name="index_face")
def index_face(event: Event, context: Any) -> Event:
    return call(steps.index_face, **known_photo(event))


@app.lambda_function(name="make_thumbnail")
def make_thumbnail(event: Event, context: Any) -> Event:
    return call(steps.make_thumbnail, **known_photo(event))


@app.lambda_function(name="confirm_face")
def confirm_face(event: Event, context: Any) -> Event:
    return call(steps.confirm_face, **known_photo(event))


@app.lambda_function(name="persist_metadata")
def persist_metadata(event: Event, context: Any) -> Event:
    return call(steps.persist_metadata, photo=RiderPhoto.from_state(event), event=event)


@app.lambda_function(name="retire_replaced")
def retire_replaced(event: Event, context: Any) -> Event:
    return call(steps.retire_replaced, **known_photo(event))


@app.lambda_function(name="undo")
def undo(event: Event, context: Any) -> Event:
    return call(steps.undo, photo=RiderPhoto.from_state(event), event=event)


@app.lambda_function(name="notify_rider")
def notify_rider(event: Event, context: Any) -> Event:
    return call(steps.notify_rider, **known_photo(event))
