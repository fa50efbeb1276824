"""What `openapi` can't read in the code: what operations mean, examples, links, and the shapes of answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from chalicelib.appeals import MAX_MESSAGE_LENGTH
from chalicelib.consent import CONSENT_VERSION
from chalicelib.models import CONTENT_TYPES, UUID7, Reason, UploadStatus
from chalicelib.pages import TYPES
from chalicelib.riders import URL_SECONDS
from chalicelib.rules import PhotoRules
from chalicelib.settings import Settings

type Json = Mapping[str, Any]

_DEFAULTS: Final[Json] = {setting.name: setting.default for setting in fields(Settings)}
_LINK_MINUTES: Final = URL_SECONDS // 60
_UPLOAD_ID: Final = "01a203fb-6cec-7171-a294-a1e86038e23b"
_BUCKET: Final = "https://rider-photos-dev-{}-000000000000-us-east-1.s3.amazonaws.com/"


@dataclass(frozen=True)
class Refusal:
    """An answer that says why not; `examples` are Messages by name, the Code is the handler's."""

    description: str
    examples: Mapping[str, str]
    headers: Json = field(default_factory=dict)
    by_gateway_too: bool = False


@dataclass(frozen=True)
class Operation:
    """What is said of a route: its tag, its answers, schemas of the body's fields, examples of bodies."""

    tag: str
    answers: Mapping[int, Json | Refusal]
    body: Json = field(default_factory=dict)
    examples: Json = field(default_factory=dict)


def schema(name: str) -> Json:
    """A reference to one of the schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


def media(shape: Json, **examples: object) -> dict[str, Any]:
    """What a body of that shape is."""
    named = {"examples": {name: {"value": value} for name, value in examples.items()}} if examples else {}
    return {"schema": shape, **named}


def answer(description: str, shape: Json, **examples: object) -> dict[str, Any]:
    """An answer with a JSON body."""
    return {"description": description, "content": {"application/json": media(shape, **examples)}}


def record(**properties: Json) -> dict[str, Any]:
    """The schema of an object that always has these fields and no others."""
    return {
        "type": "object",
        "required": list(properties),
        "additionalProperties": False,
        "properties": properties,
    }


TEXT: Final[Json] = {"type": "string"}
TEXT_OR_NULL: Final[Json] = {"type": ["string", "null"]}
ETAG: Final[Json] = {"ETag": {"$ref": "#/components/headers/ETag"}}
UNCHANGED: Final[Json] = {"description": "The browser has it already."}

ABOUT: Final[Json] = {
    "info": {
        "title": "Rider Photos",
        "version": "1",
        "description": "What a signed-in rider asks for, and the page that asks for it. "
        "A photo itself goes straight to S3, by the form that `POST /uploads` answers with.",
    },
    "servers": [
        {
            "url": "{apiUrl}",
            "description": "What `deploy up` prints.",
            "variables": {"apiUrl": {"default": "https://example.execute-api.us-east-1.amazonaws.com/api"}},
        }
    ],
}
AUTHORIZATION: Final = "The ID token of the Cognito user pool, bare."
TAGS: Final[Mapping[str, str]] = {
    "consent": "No face is processed before its rider has agreed to it.",
    "uploads": "From a form to what became of the photo.",
    "photo": "The one photo that is live.",
    "page": "The rider's page and its files, for everybody.",
}

# By handler, in the document's order.
OPERATIONS: Final[Mapping[str, Operation]] = {
    "view_consent": Operation(
        "consent",
        {200: answer("As it is.", schema("Consent"), newcomer={"version": CONSENT_VERSION, "given": False})},
    ),
    "give_consent": Operation(
        "consent",
        {204: {"description": "Noted."}},
        body={"version": {"description": "The version that `GET /consent` gives.", "const": CONSENT_VERSION}},
        examples={"current": {"version": CONSENT_VERSION}},
    ),
    "withdraw_consent": Operation("consent", {204: {"description": "Withdrawn, and erased."}}),
    "create_upload": Operation(
        "uploads",
        {
            201: answer(
                "The form. Post it as multipart/form-data, all fields first and the file last.",
                schema("UploadForm"),
                jpeg={
                    "uploadId": _UPLOAD_ID,
                    "upload": {
                        "url": _BUCKET.format("photos"),
                        "fields": {
                            "Content-Type": "image/jpeg",
                            "key": f"uploads/c14ba23b-3db4-447f-af22-92312e04ebac/{_UPLOAD_ID}.jpg",
                            "policy": "eyJleHBpcmF0aW9uIjog…",
                            "x-amz-signature": "9b0e…",
                        },
                    },
                    "expiresAt": "2026-11-22T20:22:16.104Z",
                    "maxBytes": PhotoRules().max_bytes,
                },
            )
            | {
                "links": {
                    name: {"operationId": operation, "parameters": {"uploadId": "$response.body#/uploadId"}}
                    for name, operation in {"whatBecameOfIt": "viewUpload", "appeal": "appeal"}.items()
                }
            },
            403: Refusal(
                "The rider has not agreed to the current text, or has withdrawn.",
                {
                    "noConsent": "Agree to the processing of your face first: "
                    f"POST /consent with version {CONSENT_VERSION!r}."
                },
            ),
            429: Refusal(
                f"More than {_DEFAULTS['uploads_per_window']} forms in {_DEFAULTS['upload_window_seconds']} "
                "seconds, where the stage sets no other limit; or too many requests for the gateway "
                "(then without `Retry-After`).",
                {"tooMany": "Too many uploads: try again in 1800 seconds."},
                headers={
                    "Retry-After": {
                        "description": "Seconds until the next form.",
                        "schema": {"type": "integer", "minimum": 1},
                    }
                },
                by_gateway_too=True,
            ),
        },
        body={"contentType": {"type": "string", "enum": list(CONTENT_TYPES)}},
        examples={name.removeprefix("image/"): {"contentType": name} for name in CONTENT_TYPES},
    ),
    "view_upload": Operation(
        "uploads",
        {
            200: answer(
                "As it is now; ask again while it is `waiting` or `processing`.",
                schema("Upload"),
                rejected={
                    "status": UploadStatus.REJECTED,
                    "reason": Reason.MULTIPLE_FACES,
                    "message": "Detected 6 faces in the photo.",
                    "thumbnailUrl": None,
                    "avatarUrl": None,
                    "appealed": False,
                },
            )
        },
    ),
    "appeal": Operation(
        "uploads",
        {
            204: {"description": "Noted for the operator."},
            409: Refusal(
                "The upload is not rejected, or was appealed before.",
                {"twice": "This upload was appealed before."},
            ),
            410: Refusal(
                "The photo is not kept any more.",
                {
                    "gone": "We do not have this photo any more: "
                    "one that was not accepted is kept for a day. Please send it again."
                },
            ),
        },
        body={
            "message": {
                "description": "Not blank.",
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_MESSAGE_LENGTH,
                "pattern": r"\S",
            }
        },
        examples={"twins": {"message": "That is my twin sister!"}},
    ),
    "view_photo": Operation(
        "photo",
        {
            200: answer(
                f"Links that last {_LINK_MINUTES} minutes; null where there is none.",
                schema("Photo"),
                live={
                    "uploadId": _UPLOAD_ID,
                    "thumbnailUrl": _BUCKET.format("thumbnails") + "thumbnails/…",
                    "avatarUrl": None,
                    "acceptedAt": "2026-11-22T20:07:20.511Z",
                },
            )
        },
    ),
    "erase_photo": Operation("photo", {204: {"description": "Erased, or there was nothing."}}),
    "page": Operation(
        "page",
        {
            200: {
                "description": "HTML, with a Content-Security-Policy.",
                "headers": {**ETAG, "Content-Security-Policy": {"schema": TEXT}},
                "content": {"text/html": media(TEXT)},
            },
            304: UNCHANGED,
        },
    ),
    "page_file": Operation(
        "page",
        {
            200: {
                "description": "The file.",
                "headers": ETAG,
                "content": {
                    "application/json": media(schema("PageConfig")),
                    **{name.partition(";")[0]: media(TEXT) for name in TYPES.values()},
                },
            },
            304: UNCHANGED,
        },
    ),
}

# The answers that several operations give alike.
SHARED: Final[Mapping[int, Json | Refusal]] = {
    400: Refusal(
        "Says what is wrong with the body.", {"type": "'contentType' must be 'image/jpeg' or 'image/png'."}
    ),
    401: answer(
        "No ID token, or one that is not valid any more. From the gateway.",
        schema("GatewayError"),
        none={"message": "Unauthorized"},
    ),
    404: Refusal(
        "This rider has no such thing, whoever else may.", {"none": "You have no upload with this uploadId."}
    ),
    415: Refusal(
        "The body is not declared as application/json.", {"text": "Unsupported media type: text/plain"}
    ),
}
PARAMETERS: Final[Mapping[str, Json]] = {
    "uploadId": {
        "description": "A UUIDv7 as `POST /uploads` gave it. "
        "Anything else is an upload that the rider doesn't have.",
        "schema": {"type": "string", "minLength": 1},
        "example": _UPLOAD_ID,
    },
    "name": {
        "schema": {"type": "string", "minLength": 1},
        "examples": {
            "config": {"value": "config.json"},
            "style": {"value": "app.css"},
            "script": {"value": "app.js"},
            "icon": {"value": "icon.svg"},
        },
    },
}
HEADERS: Final[Json] = {"ETag": {"schema": TEXT}}
_SCHEMAS: Final[Mapping[str, Json]] = {
    "GatewayError": {
        "description": "What API Gateway answers by itself, with 401, 403, 413 and 429.",
        "type": "object",
        "required": ["message"],
        "properties": {"message": TEXT},
    },
    "Consent": record(version=TEXT, given={"type": "boolean"}),
    "UploadForm": record(
        uploadId=schema("UploadId"),
        upload=record(
            url={"type": "string", "format": "uri"},
            fields={
                "type": "object",
                "required": ["Content-Type", "key", "policy"],
                "additionalProperties": TEXT,
            },
        ),
        expiresAt={"type": "string", "format": "date-time"},
        maxBytes={"type": "integer", "minimum": 1},
    ),
    "Upload": record(
        status={"type": "string", "enum": list(UploadStatus)},
        reason={"description": "Of a rejection.", "enum": [*Reason, None]},
        message=TEXT_OR_NULL,
        thumbnailUrl=schema("Link"),
        avatarUrl=schema("Link"),
        appealed={"type": "boolean"},
    ),
    "Photo": record(
        uploadId=TEXT_OR_NULL,
        thumbnailUrl=schema("Link"),
        avatarUrl=schema("Link"),
        acceptedAt={**TEXT_OR_NULL, "format": "date-time"},
    ),
    "PageConfig": record(
        region=TEXT,
        userPoolId=TEXT,
        userPoolClientId=TEXT,
        cognitoEndpoint={"description": "Null at AWS.", **TEXT_OR_NULL},
        hostedLogin=TEXT_OR_NULL,
        maxBytes={"type": "integer"},
        contentTypes={"type": "array", "items": TEXT},
    ),
    "Link": {"description": f"Lasts {_LINK_MINUTES} minutes.", **TEXT_OR_NULL},
    "UploadId": {"type": "string", "pattern": f"^{UUID7}$"},
}


def schemas(codes: list[str]) -> Json:
    """All schemas; `codes` are those of the errors."""
    error = record(Code={"type": "string", "enum": codes}, Message=TEXT)
    return {"Error": {"description": "What the app itself answers when it refuses.", **error}, **_SCHEMAS}
