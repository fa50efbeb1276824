"""Every entry point of Rider Photos: handlers of events and schedules, a function a step; routes in `api`.

Every function loads this file when it starts, so each imports what it alone needs when it is first called.
"""

from __future__ import annotations

from typing import Any

from chalice import Chalice, Rate
from chalice.app import CloudWatchEvent, ConvertToMiddleware

from chalicelib.api import api
from chalicelib.models import UPLOAD_PREFIX, RiderPhoto
from chalicelib.observability import around_step, logger
from chalicelib.settings import required
from chalicelib.wiring import call

app = Chalice(app_name="rider-photos", configure_logs=False)
app.register_middleware(ConvertToMiddleware(logger.inject_lambda_context))
app.register_middleware(around_step, "pure_lambda")
app.register_blueprint(api)

type Event = dict[str, Any]


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
    from chalicelib import executions

    return {"outcome": call(executions.handle_object_created, event=event.to_dict())}


@app.lambda_function(name="start_waiting")
def start_waiting(event: Event, context: Any) -> Event:
    from chalicelib import executions

    failed = call(executions.start_waiting, records=event["Records"])
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


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
    from chalicelib import closing

    return {"outcome": call(closing.close_execution, detail=event.detail)}


@app.schedule(Rate(5, unit=Rate.MINUTES), name="audit")
def audit(event: CloudWatchEvent) -> Event:
    from chalicelib import audit as auditing

    return {"complete": auditing.run_audit(event.context.get_remaining_time_in_millis())}


def known_photo(event: Event) -> Event:
    from chalicelib import originals

    return {"event": event, "photo": call(originals.identify, photo=RiderPhoto.from_state(event))}


@app.lambda_function(name="detect_faces")
def detect_faces(event: Event, context: Any) -> Event:
    from chalicelib.steps import detect_faces as step

    return call(step.detect_faces, photo=RiderPhoto.from_state(event))


@app.lambda_function(name="search_face")
def search_face(event: Event, context: Any) -> Event:
    from chalicelib.steps import search_face as step

    return call(step.search_face, **known_photo(event))


@app.lambda_function(name="index_face")
def index_face(event: Event, context: Any) -> Event:
    from chalicelib.steps import index_face as step

    return call(step.index_face, **known_photo(event))


@app.lambda_function(name="make_thumbnail")
def make_thumbnail(event: Event, context: Any) -> Event:
    from chalicelib.steps import make_thumbnail as step

    return call(step.make_thumbnail, **known_photo(event))


@app.lambda_function(name="confirm_face")
def confirm_face(event: Event, context: Any) -> Event:
    from chalicelib.steps import confirm_face as step

    return call(step.confirm_face, **known_photo(event))


@app.lambda_function(name="persist_metadata")
def persist_metadata(event: Event, context: Any) -> Event:
    from chalicelib.steps import persist_metadata as step

    return call(step.persist_metadata, photo=RiderPhoto.from_state(event), event=event)


@app.lambda_function(name="retire_replaced")
def retire_replaced(event: Event, context: Any) -> Event:
    from chalicelib.steps import retire_replaced as step

    return call(step.retire_replaced, **known_photo(event))


@app.lambda_function(name="undo")
def undo(event: Event, context: Any) -> Event:
    from chalicelib.steps import undo as step

    return call(step.undo, photo=RiderPhoto.from_state(event), event=event)


@app.lambda_function(name="notify_rider")
def notify_rider(event: Event, context: Any) -> Event:
    from chalicelib.steps import notify_rider as step

    return call(step.notify_rider, **known_photo(event))
