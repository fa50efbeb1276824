"""The routes, called as API Gateway calls them: the authorizer has put the token's claims into the event."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from chalice import Chalice
from chalice.local import LambdaContext

from chalicelib.models import Reason, UploadStatus
from chalicelib.settings import settings
from tests.fakes import RIDER, FakeAws, photo
from tests.unit.pipeline import accept


def call(app: Chalice, method: str, path: str, body: str | None = None, **options: Any) -> tuple[int, Any]:
    """Status and body of the answer."""
    answer = answer_of(app, method, path, body, **options)
    return answer["statusCode"], json.loads(answer["body"] or "null")


def answer_of(
    app: Chalice,
    method: str,
    path: str,
    body: str | None = None,
    *,
    rider: str = RIDER,
    content_type: str = "application/json",
    **headers: str,
) -> Any:
    """The whole answer; headers are named as Python names them."""
    sent = {"Content-Type": content_type} | {name.replace("_", "-"): value for name, value in headers.items()}
    resource, parameters = path, None
    if path.startswith("/uploads/"):
        upload_id, _, rest = path.removeprefix("/uploads/").partition("/")
        resource = "/uploads/{upload_id}" + (f"/{rest}" if rest else "")
        parameters = {"upload_id": upload_id}
    elif path.startswith("/web/"):
        resource, parameters = "/web/{name}", {"name": path.removeprefix("/web/")}
    event = {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
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
    return app(event, LambdaContext("api_handler", 256))


@pytest.fixture(autouse=True)
def consent(aws: FakeAws) -> None:
    aws.consent(RIDER, "bobs-id")


def create(app: Chalice, body: Any, **options: Any) -> tuple[int, Any]:
    return call(app, "POST", "/uploads", json.dumps(body), **options)


PAGE = {("GET", "/"), ("GET", "/web/{name}")}


def test_every_route_but_the_pages_needs_a_signed_in_rider(app: Chalice) -> None:
    entries = [entry for methods in app.routes.values() for entry in methods.values()]
    routes = {(entry.method, entry.uri_pattern): entry for entry in entries}
    assert routes.keys() == PAGE | {
        ("GET", "/consent"),
        ("POST", "/consent"),
        ("DELETE", "/consent"),
        ("POST", "/uploads"),
        ("GET", "/uploads/{upload_id}"),
        ("POST", "/uploads/{upload_id}/appeal"),
        ("GET", "/photo"),
        ("DELETE", "/photo"),
    }
    assert {route for route, entry in routes.items() if entry.authorizer is None} == PAGE
    for entry in (entry for route, entry in routes.items() if route not in PAGE):
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


@pytest.mark.parametrize(
    "body",
    ["{", "contentType=image/jpeg", "\x00", '{"contentType":' + "[" * 100_000, "9" * 5_000],
    ids=["cut", "form", "null", "deep", "long"],
)
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


def test_without_consent_there_is_no_form_and_with_it_there_is(app: Chalice, aws: FakeAws) -> None:
    newcomer = "newcomers-id"
    status, answer = create(app, {"contentType": "image/jpeg"}, rider=newcomer)
    assert (status, answer["Code"]) == (403, "ForbiddenError")
    assert aws.uploads() == []
    status, consent = call(app, "GET", "/consent", rider=newcomer)
    assert (status, consent["given"]) == (200, False)
    assert call(app, "POST", "/consent", json.dumps(consent), rider=newcomer) == (204, None)
    assert call(app, "GET", "/consent", rider=newcomer)[1] == {**consent, "given": True}
    assert create(app, {"contentType": "image/jpeg"}, rider=newcomer)[0] == 201


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"version": null}', '{"version": "0"}', '{"version": 1}'])
def test_consent_to_another_text_is_refused(app: Chalice, body: str) -> None:
    status, answer = call(app, "POST", "/consent", body, rider="newcomers-id")
    assert (status, answer["Code"]) == (400, "BadRequestError")
    assert call(app, "GET", "/consent", rider="newcomers-id")[1]["given"] is False


def test_withdrawing_consent_erases_the_photo_and_takes_no_new_one(app: Chalice, aws: FakeAws) -> None:
    accept(aws, aws.upload(photo("anna")))
    assert call(app, "DELETE", "/consent") == (204, None)
    assert (aws.faces(), aws.thumbnails()) == ([], [])
    assert call(app, "GET", "/photo")[0] == 404
    assert create(app, {"contentType": "image/jpeg"})[0] == 403


def test_erasing_the_photo_keeps_the_consent(app: Chalice, aws: FakeAws) -> None:
    accept(aws, aws.upload(photo("anna")))
    assert call(app, "DELETE", "/photo") == (204, None)
    assert call(app, "GET", "/consent")[1]["given"] is True


def test_too_many_forms_are_answered_with_when_to_try_again(
    app: Chalice, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPLOADS_PER_WINDOW", "2")
    settings.cache_clear()
    for _ in range(2):
        assert create(app, {"contentType": "image/jpeg"})[0] == 201
    answer = answer_of(app, "POST", "/uploads", '{"contentType": "image/jpeg"}')
    assert answer["statusCode"] == 429
    assert 3590 <= int(answer["headers"]["Retry-After"]) <= 3600
    assert set(json.loads(answer["body"])) == {"Code", "Message"}
    assert create(app, {"contentType": "image/jpeg"}, rider="bobs-id")[0] == 201


def test_the_photo_is_shown_with_links_and_the_time(app: Chalice, aws: FakeAws) -> None:
    assert call(app, "GET", "/photo")[0] == 404
    uploaded = accept(aws, aws.upload(photo("anna")))
    status, shown = call(app, "GET", "/photo")
    assert status == 200
    assert set(shown) == {"uploadId", "thumbnailUrl", "avatarUrl", "acceptedAt"}
    assert shown["uploadId"] == uploaded.upload_id
    assert aws.thumbnails()[0] in shown["thumbnailUrl"]
    assert datetime.fromisoformat(shown["acceptedAt"]) <= datetime.now(UTC)


def test_a_rejection_is_appealed_once(app: Chalice, aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    path, note = f"/uploads/{uploaded.upload_id}/appeal", json.dumps({"message": "I have a twin."})
    assert call(app, "POST", path, note)[0] == 409
    aws.table.end(uploaded, UploadStatus.REJECTED, reason=Reason.FACE_ALREADY_EXISTS, message="taken")
    assert call(app, "POST", path, note) == (204, None)
    assert call(app, "GET", f"/uploads/{uploaded.upload_id}")[1]["appealed"] is True
    status, answer = call(app, "POST", path, note)
    assert (status, answer["Code"]) == (409, "ConflictError")


def test_a_photo_that_is_gone_cannot_be_appealed_for(app: Chalice, aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    aws.table.end(uploaded, UploadStatus.REJECTED, reason=Reason.SUNGLASSES, message="glasses")
    aws.s3.delete_object(**uploaded.as_s3_object())
    path, note = f"/uploads/{uploaded.upload_id}/appeal", json.dumps({"message": "These are clear."})
    status, answer = call(app, "POST", path, note)
    assert (status, answer["Code"]) == (410, "GoneError")
    assert "appeal" not in (aws.row(uploaded) or {})


@pytest.mark.parametrize(
    "message", [None, 7, "", " \n", "x" * 501, "\ud800"], ids=["null", "7", "empty", "blank", "long", "half"]
)
def test_an_appeal_is_a_short_text(app: Chalice, aws: FakeAws, message: object) -> None:
    uploaded = aws.upload(photo("anna"))
    aws.table.end(uploaded, UploadStatus.REJECTED, reason=Reason.NO_FACE, message="none")
    status, _ = call(app, "POST", f"/uploads/{uploaded.upload_id}/appeal", json.dumps({"message": message}))
    assert status == 400
    assert "appeal" not in (aws.row(uploaded) or {})


def test_of_two_riders_neither_reads_nor_changes_anything_of_the_others(app: Chalice, aws: FakeAws) -> None:
    mine = accept(aws, aws.upload(photo("anna")))
    refused = aws.upload(photo(nonce=1))
    aws.table.end(refused, UploadStatus.REJECTED, reason=Reason.NO_FACE, message="none")
    before = aws.row(mine), aws.row(refused), aws.live_item(), aws.records.get(RIDER, "consent")
    note = json.dumps({"message": "mine"})
    tried = {
        ("GET", f"/uploads/{mine.upload_id}"): (None, 404),
        ("GET", f"/uploads/{refused.upload_id}"): (None, 404),
        ("POST", f"/uploads/{refused.upload_id}/appeal"): (note, 404),
        ("GET", "/photo"): (None, 404),
        ("DELETE", "/photo"): (None, 204),
        ("DELETE", "/consent"): (None, 204),
    }
    for (method, path), (body, status) in tried.items():
        answer = answer_of(app, method, path, body, rider="bobs-id")
        assert (method, path, answer["statusCode"]) == (method, path, status)
        assert RIDER not in answer["body"]
    after = aws.row(mine), aws.row(refused), aws.live_item(), aws.records.get(RIDER, "consent")
    assert after == before
    assert [face.external_image_id for face in aws.faces()] == [mine.external_image_id]
    assert call(app, "GET", "/consent")[1]["given"] is True


def test_the_page_is_html_for_everybody_and_its_files_are_beside_it(app: Chalice) -> None:
    answer = answer_of(app, "GET", "/")
    assert answer["statusCode"] == 200
    assert answer["headers"]["Content-Type"] == "text/html; charset=utf-8"
    assert '<base href="/api/">' in answer["body"]
    config = json.loads(answer_of(app, "GET", "/web/config.json")["body"])
    assert config["userPoolClientId"] == "1example23456789"


def test_what_is_known_is_not_sent_again(app: Chalice) -> None:
    etag = answer_of(app, "GET", "/")["headers"]["ETag"]
    again = answer_of(app, "GET", "/", If_None_Match=f'W/{etag}, "other"')
    assert (again["statusCode"], again["body"], again["headers"]["ETag"]) == (304, "", etag)
    assert answer_of(app, "GET", "/", If_None_Match='"other"')["statusCode"] == 200


@pytest.mark.parametrize("name", ["nothing.js", "index.html", "..", "../api.py", "%2e%2e%2fapi.py", "\x00"])
def test_the_page_has_no_other_files(app: Chalice, name: str) -> None:
    answer = answer_of(app, "GET", f"/web/{name}")
    assert (answer["statusCode"], json.loads(answer["body"])["Code"]) == (404, "NotFoundError")
