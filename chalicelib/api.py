"""The routes: the rider's page and its files, and what a signed-in rider asks for.

docs/reference/openapi.yaml is generated from them: a route's summary is its handler's docstring, its statuses
are read from the handler's source and from what the functions that it calls say under "Raises".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalice.app import (
    BadRequestError,
    Blueprint,
    CognitoUserPoolAuthorizer,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    Response,
)

from chalicelib.errors import (
    AppealRefusedError,
    ConsentMissingError,
    InvalidInputError,
    PhotoGoneError,
    TooManyUploadsError,
)
from chalicelib.settings import required
from chalicelib.wiring import call

if TYPE_CHECKING:
    from chalicelib import pages

api = Blueprint(__name__)
rider_pool = CognitoUserPoolAuthorizer("RiderPool", provider_arns=[required("USER_POOL_ARN")])


def for_rider[Result](function: Callable[..., Result], **known: Any) -> Result:
    """Call a function for the rider who is signed in, and nobody else; its refusals as HTTP's."""
    claims = api.current_request.context["authorizer"]["claims"]
    try:
        return call(function, user_id=str(claims["sub"]), **known)
    except InvalidInputError as error:
        raise BadRequestError(str(error)) from error
    except ConsentMissingError as error:
        raise ForbiddenError(str(error)) from error
    except AppealRefusedError as error:
        raise ConflictError(str(error)) from error


def field_of_body(name: str) -> object:
    """A field of the body's JSON object, None without it; what is no JSON is the client's mistake."""
    try:
        body = json.loads(api.current_request.raw_body or b"null")
    except (ValueError, RecursionError) as error:  # RecursionError: a hundred thousand brackets
        raise BadRequestError("The body must be JSON.") from error
    return body.get(name) if isinstance(body, dict) else None


def file_response(file: pages.PageFile) -> Response:
    return Response(file.body, status_code=file.status, headers=dict(file.headers))


@api.route("/", methods=["GET"])
def page() -> Response:
    """The rider's page."""
    from chalicelib import pages

    request = api.current_request
    path, asked_for = request.context["path"], request.headers.get("if-none-match")
    return file_response(call(pages.page, path=path, asked_for=asked_for))


@api.route("/web/{name}", methods=["GET"])
def page_file(name: str) -> Response:
    """A file of the page; `config.json` says what a client has to know of this stage."""
    from chalicelib import pages

    asked_for = api.current_request.headers.get("if-none-match")
    file = call(pages.page_file, name=name, asked_for=asked_for)
    if file is None:
        raise NotFoundError("The page has no such file.")
    return file_response(file)


@api.route("/consent", methods=["GET"], authorizer=rider_pool)
def view_consent() -> dict[str, Any]:
    """The current text's version, and whether this rider has agreed to it."""
    from chalicelib import consent

    return for_rider(consent.view_consent)


@api.route("/consent", methods=["POST"], authorizer=rider_pool)
def give_consent() -> Response:
    """Agree to the text of that version. A repetition keeps the time of the first."""
    from chalicelib import consent

    for_rider(consent.give_consent, version=field_of_body("version"))
    return Response("", status_code=204)


@api.route("/consent", methods=["DELETE"], authorizer=rider_pool)
def withdraw_consent() -> Response:
    """Withdraw, and have the photo erased as by `DELETE /photo`."""
    from chalicelib import consent, erasure

    for_rider(consent.withdraw_consent, eraser=call(erasure.Eraser))
    return Response("", status_code=204)


@api.route("/uploads", methods=["POST"], authorizer=rider_pool)
def create_upload() -> Response:
    """A form for exactly one key, type and range of sizes."""
    from chalicelib import uploads

    try:
        form = for_rider(uploads.create_upload, content_type=field_of_body("contentType"))
    except TooManyUploadsError as error:
        return Response(
            {"Code": "TooManyRequestsError", "Message": str(error)},
            status_code=429,
            headers={"Retry-After": str(error.retry_after)},
        )
    return Response(form.as_json(), status_code=201)


@api.route("/uploads/{upload_id}", methods=["GET"], authorizer=rider_pool)
def view_upload(upload_id: str) -> dict[str, Any]:
    """What became of an upload of one's own."""
    from chalicelib import uploads

    view = for_rider(uploads.view_upload, upload_id=upload_id)
    if view is None:
        raise NotFoundError("You have no upload with this uploadId.")
    return view.as_json()


@api.route("/uploads/{upload_id}/appeal", methods=["POST"], authorizer=rider_pool)
def appeal(upload_id: str) -> Response:
    """Say that a rejection is a mistake, once, to the operator."""
    from chalicelib import appeals

    try:
        noted = for_rider(appeals.appeal, upload_id=upload_id, message=field_of_body("message"))
    except PhotoGoneError as error:
        return Response({"Code": "GoneError", "Message": str(error)}, status_code=410)
    if not noted:
        raise NotFoundError("You have no upload with this uploadId.")
    return Response("", status_code=204)


@api.route("/photo", methods=["GET"], authorizer=rider_pool)
def view_photo() -> dict[str, Any]:
    """The photo that is live."""
    from chalicelib import riders

    view = for_rider(riders.view_photo)
    if view is None:
        raise NotFoundError("You have no photo.")
    return view


@api.route("/photo", methods=["DELETE"], authorizer=rider_pool)
def erase_photo() -> Response:
    """Erase the rider's faces, photos, thumbnails and uploads. The consent stays."""
    from chalicelib import erasure

    for_rider(call(erasure.Eraser).erase)
    return Response("", status_code=204)
