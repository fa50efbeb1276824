"""What riders may and may not do with the API and with the forms it hands out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from local import web
from local.riders import FormRefusedError, Rider, post_photo
from local.stack import Stack
from tests.e2e.support import executions, object_exists, send

MEGABYTE = 1024 * 1024


@pytest.mark.parametrize(
    ("field", "value"),
    [("Content-Type", "text/html"), ("key", "uploads/somebody-else/photo.jpg")],
)
def test_a_form_refuses_another_key_and_another_type(
    new_rider: Callable[[], Rider], samples: dict[str, Path], field: str, value: str
) -> None:
    form = new_rider().create_upload("image/jpeg")
    assert form.fields[field] != value
    with pytest.raises(FormRefusedError, match="AccessDenied"):
        post_photo(replace(form, fields=form.fields | {field: value}), samples["obama"].read_bytes())


@pytest.mark.parametrize(("size", "code"), [(0, "EntityTooSmall"), (15 * MEGABYTE + 1, "EntityTooLarge")])
def test_a_form_refuses_an_empty_and_a_huge_file(
    stack: Stack, new_rider: Callable[[], Rider], size: int, code: str
) -> None:
    rider = new_rider()
    form = rider.create_upload("image/jpeg")
    with pytest.raises(FormRefusedError) as refused:
        post_photo(form, b"\xff" * size)
    assert refused.value.code == code
    assert not object_exists(stack, stack.endpoints.photo_bucket, form.fields["key"])
    assert rider.view(form.upload_id)["status"] == "waiting"


def test_a_huge_and_an_empty_photo_are_told_as_rejected(
    stack: Stack, new_rider: Callable[[], Rider], tmp_path: Path
) -> None:
    empty, huge = tmp_path / "empty.jpg", tmp_path / "huge.jpg"
    empty.touch()
    huge.write_bytes(b"\xff" * (15 * MEGABYTE + 1))
    for photo, reason in ((empty, "IMAGE_UNREADABLE"), (huge, "IMAGE_TOO_LARGE")):
        outcome = send(stack, new_rider(), photo)
        assert (outcome.outcome, outcome.reason) == ("rejected", reason)
        assert "S3 refused" in (outcome.message or "")


def test_a_rider_cannot_read_anothers_upload(new_rider: Callable[[], Rider]) -> None:
    owner, other = new_rider(), new_rider()
    form = owner.create_upload("image/png")
    assert owner.call("GET", f"/uploads/{form.upload_id}").status == 200
    assert other.call("GET", f"/uploads/{form.upload_id}").status == 404


@pytest.mark.parametrize("token", [None, "", "not-a-token", "Bearer x.y.z"])
def test_without_a_valid_token_nobody_uploads_or_reads(stack: Stack, token: str | None) -> None:
    headers = {} if token is None else {"Authorization": token}
    for method, path in (("POST", "/uploads"), ("GET", "/uploads/01a203fb-6cec-7171-a294-a1e86038e23b")):
        answer = web.request(method, stack.endpoints.api_url + path, body=b"{}", headers=headers)
        assert answer.status == 401
        assert "message" in answer.json()


def test_a_token_of_another_signature_is_refused(new_rider: Callable[[], Rider]) -> None:
    rider = new_rider()
    head, claims, signature = rider.id_token.split(".")
    # Not the last character alone: some of its bits are padding.
    forged = replace(rider, id_token=f"{head}.{claims}.{signature[:-8] + signature[-8:].swapcase()}")
    assert forged.id_token != rider.id_token
    assert forged.call("POST", "/uploads", b'{"contentType": "image/png"}').status == 401


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"contentType": "image/gif"}', b'{"contentType": 1}'])
def test_a_request_without_a_known_type_is_refused_in_words(
    new_rider: Callable[[], Rider], body: bytes
) -> None:
    answer = new_rider().call("POST", "/uploads", body)
    assert answer.status == 400
    assert answer.json()["Code"] == "BadRequestError"


def test_a_second_file_under_the_same_form_changes_nothing(
    stack: Stack, new_rider: Callable[[], Rider], samples: dict[str, Path]
) -> None:
    rider = new_rider()
    form = rider.create_upload("image/jpeg")
    post_photo(form, samples["no_face"].read_bytes())
    first = rider.wait_for_outcome(form.upload_id, 60)
    post_photo(form, samples["group"].read_bytes())
    later = send(stack, rider, samples["no_face"])
    assert later.reason == "NO_FACE"
    assert rider.view(form.upload_id) == first
    assert len(executions(stack, form.upload_id)) == 1


def test_who_may_read_all_buckets_of_the_account_reads_no_photo(
    stack: Stack, new_rider: Callable[[], Rider], samples: dict[str, Path]
) -> None:
    rider = new_rider()
    send(stack, rider, samples["obama"])
    iam, name = stack.client("iam"), f"reader-{rider.user_id}"
    statement = {"Effect": "Allow", "Action": ["s3:GetObject*", "s3:List*"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="read", PolicyDocument=policy)
    keys = iam.create_access_key(UserName=name)["AccessKey"]
    reader = boto3.client(
        "s3",
        endpoint_url=stack.endpoints.aws_endpoint,
        region_name=stack.endpoints.region,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
    )
    for bucket in (stack.endpoints.photo_bucket, stack.endpoints.thumbnail_bucket):
        found = reader.list_objects_v2(Bucket=bucket)["Contents"]
        key = next(entry["Key"] for entry in found if rider.user_id in entry["Key"])
        with pytest.raises(ClientError, match="AccessDenied"):
            reader.get_object(Bucket=bucket, Key=key)
