"""Every entry point of Rider Photos: routes, the S3-upload handler, and a function for each step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalice import BadRequestError, Chalice, CognitoUserPoolAuthorizer, NotFoundError, Response
from chalice.app import CloudWatchEvent, ConvertToMiddleware

from chalicelib import clients, executions, steps, uploads
from chalicelib.errors import InvalidInputError, ServiceUnavailableError
from chalicelib.models import UPLOAD_PREFIX, RiderPhoto
from chalicelib.observability import correlate, count, logger
from chalicelib.settings import required, settings
from chalicelib.uploads_table import UploadsTable

app = Chalice(app_name="rider-photos", configure_logs=False)
app.register_middleware(ConvertToMiddleware(logger.inject_lambda_context))
rider_pool = CognitoUserPoolAuthorizer("RiderPool", provider_arns=[required("USER_POOL_ARN")])

type Event = dict[str, Any]


def uploads_table() -> UploadsTable:
    return UploadsTable(clients.dynamodb(), settings())


def signed_in_rider() -> str:
    return str(app.current_request.context["authorizer"]["claims"]["sub"])


@app.middleware("pure_lambda")
def step(event: Any, get_response: Callable[[Any], Any]) -> Any:
    """Around each step: logs carry the execution's name, and what may pass is raised as such."""
    correlate(event.event.get("executionArn") if isinstance(event.event, dict) else None)
    try:
        return get_response(event)
    except Exception as error:
        # Broad, since each AWS client raises errors of its own; what is not transient goes on as it is.
        if clients.is_transient(error):
            raise ServiceUnavailableError(f"{type(error).__name__}: {error}") from error
        raise


@app.route("/uploads", methods=["POST"], authorizer=rider_pool)
def create_upload() -> Response:
    body = app.current_request.json_body
    try:
        form = uploads.create_upload(
            signed_in_rider(),
            body.get("contentType") if isinstance(body, dict) else None,
            uploads_table(),
            clients.s3(),
            settings(),
        )
    except InvalidInputError as error:
        raise BadRequestError(str(error)) from error
    return Response(form.as_json(), status_code=201)


@app.route("/uploads/{upload_id}", methods=["GET"], authorizer=rider_pool)
def view_upload(upload_id: str) -> dict[str, Any]:
    view = uploads.view_upload(signed_in_rider(), upload_id, uploads_table(), clients.s3())
    if view is None:
        raise NotFoundError("You have no upload with this uploadId.")
    return view.as_json()


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
def start_processing(event: CloudWatchEvent) -> dict[str, str]:
    try:
        photo = executions.photo_of_event(event.detail)
    except InvalidInputError as error:
        # No repetition can mend it, so it is put aside rather than raised.
        logger.error("event refused", extra={"why": str(error), "eventId": event.event_id})
        count("EventRefused")
        executions.dead_letter(event.to_dict(), str(error), clients.sqs(), settings().dead_letter_queue_url)
        return {"outcome": "refused"}
    logger.set_correlation_id(executions.execution_name(photo))
    outcome = executions.start_processing(
        photo, uploads_table(), clients.s3(), clients.step_functions(), settings().state_machine_arn
    )
    logger.info(
        "event handled", extra={"outcome": outcome, "uploadId": photo.upload_id, "userId": photo.user_id}
    )
    return {"outcome": outcome}


def identified_photo(event: Event) -> RiderPhoto:
    return executions.identify(RiderPhoto.from_state(event), clients.s3())


@app.lambda_function(name="detect_faces")
def detect_faces(event: Event, context: Any) -> Event:
    photo = RiderPhoto.from_state(event)
    return steps.detect_faces(photo, clients.s3(), clients.rekognition(), settings().photo_rules)


@app.lambda_function(name="search_face")
def search_face(event: Event, context: Any) -> Event:
    return steps.search_face(identified_photo(event), clients.rekognition(), settings())


@app.lambda_function(name="index_face")
def index_face(event: Event, context: Any) -> Event:
    return steps.index_face(identified_photo(event), clients.rekognition(), uploads_table(), settings())


@app.lambda_function(name="make_thumbnail")
def make_thumbnail(event: Event, context: Any) -> Event:
    return steps.make_thumbnail(identified_photo(event), clients.s3(), settings())


@app.lambda_function(name="persist_metadata")
def persist_metadata(event: Event, context: Any) -> Event:
    return steps.persist_metadata(RiderPhoto.from_state(event), event, clients.dynamodb(), settings())


@app.lambda_function(name="retire_replaced")
def retire_replaced(event: Event, context: Any) -> Event:
    aws = (uploads_table(), clients.dynamodb(), clients.rekognition(), clients.s3())
    return steps.retire_replaced(identified_photo(event), event, *aws, settings())


@app.lambda_function(name="undo")
def undo(event: Event, context: Any) -> Event:
    aws = (uploads_table(), clients.dynamodb(), clients.rekognition(), clients.s3(), clients.sqs())
    return steps.undo(RiderPhoto.from_state(event), event, *aws, settings())


@app.lambda_function(name="notify_rider")
def notify_rider(event: Event, context: Any) -> Event:
    aws = (uploads_table(), clients.cognito(), clients.ses())
    return steps.notify_rider(identified_photo(event), event, *aws, settings())
