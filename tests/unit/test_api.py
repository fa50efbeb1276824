"""The routes, called as API Gateway calls them: the authorizer has put the token's claims into the event."""

from __future__ import annotations

import json
from typing import Any

import pytest
from chalice import Chalice
from chalice.local import LambdaContext

from chalicelib.models import Reason, UploadStatus
from tests.fakes import RIDER, FakeAws, photo
from tests.unit.pipeline import accept


def call(
    app: Chalice,
    method: str,
    path: str,
    body: str | None = None,
    *,
    rider: str = RIDER,
    content_type: str = "application/json",
) -> tuple[int, Any]:
    """Status and body of the answer."""
    resource = "/uploads/{upload_id}" if path.count("/") > 1 else path
    parameters = {"upload_id": path.rpartition("/")[2]} if path.count("/") > 1 else None
    event = {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": {"Content-Type": content_type},
        "multiValueHeaders": {"Content-Type": [content_type]},
        "multiValueQueryStringParameters": None,
        "pathParameters": parameters,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": resource,
            "httpMethod": method,
            "path": f"/api{path}",
            "identity": {"sourceIp": "203.0.113.7"},
            "authorizer": {"claims": {"sub": rider, "token_use": "id", "email": "rider@example.com"}},
        },
        "body": body,
        "isBase64Encoded": False,
    }
    answer = app(event, LambdaContext("api_handler", 256))
    return answer["statusCode"], json.loads(answer["body"] or "null")


@pytest.fixture(autouse=True)
def consent(aws: FakeAws) -> None:
    aws.consent(RIDER, "bobs-id")


def create(app: Chalice, body: Any, **options: Any) -> tuple[int, Any]:
    return call(app, "POST", "/uploads", json.dumps(body), **options)


def test_every_route_needs_a_signed_in_rider(app: Chalice) -> None:
    routes = [entry for methods in app.routes.values() for entry in methods.values()]
    assert {(entry.method, entry.uri_pattern) for entry in routes} == {
        ("POST", "/uploads"),
        ("GET", "/uploads/{upload_id}"),
        ("DELETE", "/photo"),
    }
    for entry in routes:
        assert entry.authorizer.to_swagger()["x-amazon-apigateway-authorizer"]["type"] == "cognito_user_pools"


def test_a_rider_gets_a_form_and_then_sees_what_became_of_it(app: Chalice, aws: FakeAws) -> None:
    status, form = create(app, {"contentType": "image/png"})
    assert status == 201
    assert form["upload"]["fields"]["key"] == f"uploads/{RIDER}/{form['uploadId']}.png"
    status, seen = call(app, "GET", f"/uploads/{form['uploadId']}")
    assert (status, seen["status"]) == (200, "waiting")


def test_a_rejection_is_told_with_its_reason(app: Chalice, aws: FakeAws) -> None:
    uploaded = aws.upload(photo())
    aws.table.end(uploaded, UploadStatus.REJECTED, reason=Reason.NO_FACE, message="Detected 0 faces")
    assert call(app, "GET", f"/uploads/{uploaded.upload_id}") == (
        200,
        {
            "status": "rejected",
            "reason": "NO_FACE",
            "message": "Detected 0 faces",
            "thumbnailUrl": None,
            "avatarUrl": None,
            "appealed": False,
        },
    )


def test_a_rider_can_only_see_uploads_of_their_own(app: Chalice, aws: FakeAws) -> None:
    _, form = create(app, {"contentType": "image/jpeg"}, rider="bobs-id")
    path = f"/uploads/{form['uploadId']}"
    assert call(app, "GET", path, rider="bobs-id")[0] == 200
    status, answer = call(app, "GET", path)
    assert (status, answer["Code"]) == (404, "NotFoundError")
    assert "bobs-id" not in json.dumps(answer)


def test_a_rider_can_only_upload_for_themself(app: Chalice, aws: FakeAws) -> None:
    _, form = create(app, {"contentType": "image/jpeg", "userId": "bobs-id", "key": "uploads/bobs-id/x.jpg"})
    assert form["upload"]["fields"]["key"].startswith(f"uploads/{RIDER}/")


@pytest.mark.parametrize(
    "body",
    ["", "null", "[]", "7", '"image/jpeg"', "{}", '{"contentType": null}', '{"contentType": "image/gif"}'],
)
def test_a_body_without_a_known_content_type_is_refused(app: Chalice, aws: FakeAws, body: str) -> None:
    status, answer = call(app, "POST", "/uploads", body)
    assert status == 400
    assert set(answer) == {"Code", "Message"}
    assert aws.uploads() == []


@pytest.mark.parametrize("body", ["{", "contentType=image/jpeg", "\x00"])
def test_a_body_that_is_no_json_is_refused(app: Chalice, body: str) -> None:
    status, answer = call(app, "POST", "/uploads", body)
    assert (status, answer["Code"]) == (400, "BadRequestError")


def test_a_body_of_another_type_is_refused(app: Chalice) -> None:
    assert call(app, "POST", "/uploads", "x", content_type="text/plain")[0] == 415


@pytest.mark.parametrize("upload_id", ["x", "..", "%2e%2e", "a" * 300])
def test_what_is_no_upload_id_is_not_found(app: Chalice, upload_id: str) -> None:
    assert call(app, "GET", f"/uploads/{upload_id}")[0] == 404


def test_a_rider_erases_their_own_photo_and_nobody_elses(app: Chalice, aws: FakeAws) -> None:
    mine = accept(aws, aws.upload(photo("anna")))
    theirs = accept(aws, aws.upload(photo("bob"), "bobs-id"))
    assert call(app, "DELETE", "/photo") == (204, None)
    assert [face.external_image_id for face in aws.faces()] == [theirs.external_image_id]
    assert call(app, "GET", f"/uploads/{mine.upload_id}")[0] == 404
    assert call(app, "GET", f"/uploads/{theirs.upload_id}", rider="bobs-id")[1]["status"] == "accepted"


def test_erasing_twice_or_with_nothing_there_succeeds(app: Chalice, aws: FakeAws) -> None:
    assert call(app, "DELETE", "/photo") == (204, None)
    assert call(app, "DELETE", "/photo") == (204, None)


def test_a_failure_inside_tells_the_rider_nothing_of_it(app: Chalice, aws: FakeAws) -> None:
    aws.dynamodb.fail_next("put_item", aws.dynamodb.error("AccessDeniedException", "arn:aws:secret"))
    status, answer = create(app, {"contentType": "image/jpeg"})
    assert status == 500
    assert "secret" not in json.dumps(answer)
