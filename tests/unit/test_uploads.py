from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.errors import InvalidInputError
from chalicelib.models import Reason, UploadStatus, is_upload_id
from chalicelib.uploads import UploadForm, create_upload, view_upload
from tests.fakes import RIDER, FakeAws, photo
from tests.unit.pipeline import accept


def create(aws: FakeAws, content_type: object = "image/jpeg", user_id: str = RIDER) -> UploadForm:
    aws.consent(user_id)
    clients: Any = (aws.table, aws.records, aws.s3, aws.settings)
    return create_upload(user_id, content_type, *clients)


def view(aws: FakeAws, upload_id: str, user_id: str = RIDER) -> dict[str, Any] | None:
    found = view_upload(user_id, upload_id, aws.table, aws.s3)  # type: ignore[arg-type]
    if found is None:
        return None
    answer = found.as_json()
    assert json.loads(json.dumps(answer)) == answer
    return answer


def policy(form: UploadForm) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(base64.b64decode(form.fields["policy"]))
    return decoded


@pytest.mark.parametrize(("content_type", "extension"), [("image/jpeg", "jpg"), ("image/png", "png")])
def test_a_form_is_bound_to_one_key_one_type_and_a_range_of_sizes(
    aws: FakeAws, content_type: str, extension: str
) -> None:
    form = create(aws, content_type)
    key = f"uploads/{RIDER}/{form.upload_id}.{extension}"
    conditions = policy(form)["conditions"]
    exact = [condition for condition in conditions if isinstance(condition, dict)]
    ranges = [condition for condition in conditions if isinstance(condition, list)]
    for condition in ({"key": key}, {"Content-Type": content_type}, {"bucket": aws.settings.photo_bucket}):
        # Once each: several exact conditions on one field never match.
        assert exact.count(condition) == 1
    assert ranges == [["content-length-range", 1, 15 * 1024 * 1024]]
    assert form.fields["key"] == key
    assert form.fields["Content-Type"] == content_type
    signing = {"x-amz-algorithm", "x-amz-credential", "x-amz-date"}
    assert {name for condition in exact for name in condition} == {"key", "Content-Type", "bucket", *signing}


def test_a_form_goes_to_the_bucket_and_expires_when_it_says(aws: FakeAws) -> None:
    before = datetime.now(UTC)
    form = create(aws)
    assert urlsplit(form.url).hostname == f"{aws.settings.photo_bucket}.s3.amazonaws.com"
    expires = datetime.fromisoformat(policy(form)["expiration"])
    assert abs(expires - form.expires_at) < timedelta(seconds=5)
    assert timedelta(minutes=15) <= form.expires_at - before < timedelta(minutes=15, seconds=5)


def test_size_and_validity_are_settings() -> None:
    form = create(FakeAws(MAX_BYTES="1000", UPLOAD_SECONDS="60"))
    assert ["content-length-range", 1, 1000] in policy(form)["conditions"]
    assert form.max_bytes == 1000
    assert form.expires_at < datetime.now(UTC) + timedelta(seconds=61)


def test_the_answer_has_the_fields_that_clients_rely_on(aws: FakeAws) -> None:
    answer = create(aws).as_json()
    assert json.loads(json.dumps(answer)) == answer
    assert set(answer) == {"uploadId", "upload", "expiresAt", "maxBytes"}
    assert set(answer["upload"]) == {"url", "fields"}
    assert is_upload_id(answer["uploadId"])
    assert datetime.fromisoformat(answer["expiresAt"]).tzinfo is not None


def test_a_new_upload_waits(aws: FakeAws) -> None:
    form = create(aws)
    assert view(aws, form.upload_id) == {
        "status": "waiting",
        "reason": None,
        "message": None,
        "thumbnailUrl": None,
        "avatarUrl": None,
        "appealed": False,
    }


def test_every_form_has_an_upload_of_its_own(aws: FakeAws) -> None:
    forms = [create(aws) for _ in range(20)]
    assert len({form.upload_id for form in forms}) == 20
    assert len(aws.uploads()) == 20


@pytest.mark.parametrize(
    "content_type",
    [None, "", "image/gif", "image/JPEG", "image/jpeg; x", "text/html", 7, ["image/jpeg"], {"a": 1}],
)
def test_another_content_type_is_refused_and_leaves_no_row(aws: FakeAws, content_type: object) -> None:
    with pytest.raises(InvalidInputError, match="must be 'image/jpeg' or 'image/png'"):
        create(aws, content_type)
    assert aws.uploads() == []


def test_an_accepted_upload_shows_its_thumbnail_for_a_while(aws: FakeAws) -> None:
    uploaded = accept(aws, aws.upload(photo("anna")))
    shown = view(aws, uploaded.known_upload_id)
    assert shown is not None
    assert shown["status"] == "accepted"
    url = urlsplit(shown["thumbnailUrl"])
    assert url.hostname == f"{aws.settings.thumbnail_bucket}.s3.amazonaws.com"
    assert url.path == f"/thumbnails/{RIDER}/{uploaded.upload_id}.jpg"
    assert parse_qs(url.query)["X-Amz-Expires"] == ["300"]


def test_a_rejected_upload_says_why(aws: FakeAws) -> None:
    uploaded = aws.upload(photo())
    message = "Detected 0 faces in the photo."
    aws.table.end(uploaded, UploadStatus.REJECTED, reason=Reason.NO_FACE, message=message)
    assert view(aws, uploaded.known_upload_id) == {
        "status": "rejected",
        "reason": "NO_FACE",
        "message": message,
        "thumbnailUrl": None,
        "avatarUrl": None,
        "appealed": False,
    }


def test_a_replaced_upload_shows_no_thumbnail(aws: FakeAws) -> None:
    older = accept(aws, aws.upload(photo("anna")))
    accept(aws, aws.upload(photo("anna", nonce=1)))
    shown = view(aws, older.known_upload_id)
    assert shown is not None
    assert (shown["status"], shown["thumbnailUrl"]) == ("accepted", None)


def test_another_riders_upload_is_invisible(aws: FakeAws) -> None:
    form = create(aws, user_id="bobs-id")
    assert view(aws, form.upload_id, "bobs-id") is not None
    assert view(aws, form.upload_id, RIDER) is None


@pytest.mark.parametrize("upload_id", ["", "x", "../bobs-id", "é", "a" * 5000, "\ud800"])
def test_what_is_no_upload_id_is_not_even_looked_up(aws: FakeAws, upload_id: str) -> None:
    assert view(aws, upload_id) is None
    assert not aws.dynamodb.calls


def test_an_unknown_upload_is_none(aws: FakeAws) -> None:
    assert view(aws, "01977421-c660-7000-8000-00000000ffff") is None


def test_a_photo_put_by_hand_has_a_status_too(aws: FakeAws) -> None:
    by_hand = aws.put("1_happy_face.jpg", photo("anna"))
    aws.table.open_claim(by_hand)
    shown = view(aws, by_hand.known_upload_id)
    assert shown is not None
    assert shown["status"] == "processing"
