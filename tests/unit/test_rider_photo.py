from __future__ import annotations

from typing import Any

import pytest

from chalicelib.errors import InvalidInputError
from chalicelib.models import UNVERSIONED, RiderPhoto, payload_of, upload_key, uuid7

UPLOAD_ID = "01977421-c660-7000-8000-000000000001"


def state(**fields: Any) -> dict[str, Any]:
    return {"userId": "user_a", "s3Bucket": "photos", "s3Key": "1_happy_face.jpg", **fields}


def test_the_workshops_three_fields_are_enough() -> None:
    assert RiderPhoto.from_state(state()) == RiderPhoto("user_a", "photos", "1_happy_face.jpg")


def test_a_wrapped_state_brings_the_execution() -> None:
    wrapped = {"executionArn": "arn:execution", "state": state(s3VersionId="v1")}
    assert RiderPhoto.from_state(wrapped) == RiderPhoto(
        "user_a", "photos", "1_happy_face.jpg", version_id="v1", execution_arn="arn:execution"
    )


@pytest.mark.parametrize("field", ["detectedFaceDetails", "undone"])
@pytest.mark.parametrize("wrap", [lambda found: found, lambda found: {"Payload": found}])
def test_what_an_earlier_state_found_out_is_taken_from_it(field: str, wrap: Any) -> None:
    found = {"s3VersionId": "v9", "uploadId": UPLOAD_ID}
    photo = RiderPhoto.from_state(state(**{field: wrap(found)}))
    assert (photo.version_id, photo.upload_id) == ("v9", UPLOAD_ID)


def test_the_version_of_the_input_and_the_upload_id_of_the_key_come_first() -> None:
    key = upload_key("user_a", UPLOAD_ID, "jpg")
    found = {"s3VersionId": "v9", "uploadId": uuid7(5, bytes(10))}
    photo = RiderPhoto.from_state(state(s3Key=key, s3VersionId="v1", detectedFaceDetails=found))
    assert (photo.version_id, photo.upload_id) == ("v1", UPLOAD_ID)


@pytest.mark.parametrize("field", ["s3Bucket", "s3Key", "s3VersionId"])
@pytest.mark.parametrize("value", ["", 7, ["a"], {}, "ä" * 513, "\ud800"])
def test_a_field_that_makes_no_sense_is_named(field: str, value: object) -> None:
    with pytest.raises(InvalidInputError, match=field):
        RiderPhoto.from_state(state(**{field: value}))


@pytest.mark.parametrize("field", ["userId", "s3Bucket", "s3Key"])
def test_a_missing_field_is_named(field: str) -> None:
    incomplete = state()
    del incomplete[field]
    with pytest.raises(InvalidInputError, match=field):
        RiderPhoto.from_state(incomplete)


def test_a_photo_names_its_version_to_s3_and_rekognition() -> None:
    photo = RiderPhoto("anna", "photos", "selfie.jpg", version_id="v1")
    assert photo.as_s3_object() == {"Bucket": "photos", "Key": "selfie.jpg", "VersionId": "v1"}
    assert photo.as_rekognition_image() == {
        "S3Object": {"Bucket": "photos", "Name": "selfie.jpg", "Version": "v1"}
    }


@pytest.mark.parametrize("version_id", [None, UNVERSIONED])
def test_without_versions_none_is_named(version_id: str | None) -> None:
    photo = RiderPhoto("anna", "photos", "selfie.jpg", version_id=version_id)
    assert photo.as_s3_object() == {"Bucket": "photos", "Key": "selfie.jpg"}
    assert photo.as_rekognition_image() == {"S3Object": {"Bucket": "photos", "Name": "selfie.jpg"}}


def test_an_upload_id_that_nobody_found_yet_is_not_invented() -> None:
    with pytest.raises(InvalidInputError, match="uploadId is not known yet"):
        _ = RiderPhoto("anna", "photos", "selfie.jpg").external_image_id


@pytest.mark.parametrize(
    ("result", "payload"),
    [
        (None, {}),
        ("text", {}),
        ([1], {}),
        ({"FaceId": "1"}, {"FaceId": "1"}),
        ({"Payload": {"FaceId": "1"}}, {"FaceId": "1"}),
        ({"Payload": None}, {}),
        ({"Payload": "text"}, {}),
    ],
)
def test_a_payload_is_unwrapped_and_nonsense_is_empty(result: object, payload: object) -> None:
    assert payload_of(result) == payload
