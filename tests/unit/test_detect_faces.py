from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from PIL import Image

from chalicelib.errors import PhotoDoesNotMeetRequirementError, PhotoNotFoundError
from chalicelib.models import UNVERSIONED, Reason, RiderPhoto, is_upload_id
from chalicelib.rules import PhotoRules
from chalicelib.steps.detect_faces import detect_faces
from tests.fakes import FakeAws, encoded, face, photo


def detect(aws: FakeAws, uploaded: RiderPhoto, rules: PhotoRules | None = None) -> dict[str, Any]:
    clients: Any = (aws.s3, aws.rekognition, rules or PhotoRules(), aws.table)
    result = detect_faces(uploaded, *clients)
    assert json.loads(json.dumps(result)) == result
    return result


def rejection(aws: FakeAws, content: bytes, rules: PhotoRules | None = None) -> Any:
    with pytest.raises(PhotoDoesNotMeetRequirementError) as rejected:
        detect(aws, aws.upload(content), rules)
    return rejected.value


def test_a_clear_face_is_returned_without_landmarks_and_with_version_and_upload(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    found = detect(aws, replace(uploaded, version_id=None))
    assert found["Confidence"] == 99.9
    assert found["BoundingBox"] == face()["BoundingBox"]
    assert "Landmarks" not in found
    assert found["s3VersionId"] == uploaded.version_id
    assert found["uploadId"] == uploaded.upload_id


def test_two_faces_are_rejected_and_the_message_counts_them(aws: FakeAws) -> None:
    error = rejection(aws, photo("anna", "bob"))
    assert error.reason is Reason.MULTIPLE_FACES
    assert str(error) == "Detected 2 faces in the photo."


def test_a_photo_of_nobody_is_rejected(aws: FakeAws) -> None:
    assert rejection(aws, photo()).reason is Reason.NO_FACE


@pytest.mark.parametrize(
    ("detail", "reason"),
    [
        (face(sunglasses=(True, 99.0)), Reason.SUNGLASSES),
        (face(eyes_open=(False, 99.0)), Reason.FACE_NOT_CLEAR),
        (face(occluded=(True, 99.0)), Reason.FACE_NOT_CLEAR),
        (face(yaw=70.0), Reason.FACE_NOT_CLEAR),
    ],
)
def test_every_attribute_that_a_rule_needs_is_asked_for(
    aws: FakeAws, detail: dict[str, Any], reason: Reason
) -> None:
    aws.rekognition.sees(detail)
    assert rejection(aws, photo("anna")).reason is reason


def test_a_face_is_measured_in_pixels_of_the_file(aws: FakeAws) -> None:
    aws.rekognition.sees(face(box=(0.4, 0.4, 0.2, 0.2)))
    assert "the face is too small: 48 pixels" in str(rejection(aws, photo("anna", size=(240, 240))))
    assert detect(aws, aws.upload(photo("anna", size=(250, 250))))


def with_metadata(content: bytes, length: int) -> bytes:
    """A JPEG with so many bytes of metadata before its size."""
    segment = b"\xff\xe1" + (2 + 60_000).to_bytes(2) + bytes(60_000)
    return content[:2] + segment * (length // 60_000) + content[2:]


def test_a_photo_whose_size_comes_after_long_metadata_is_measured_all_the_same(aws: FakeAws) -> None:
    long = with_metadata(photo("anna", size=(79, 90)), 300_000)
    assert "79 x 90 pixels" in str(rejection(aws, long))
    assert not aws.rekognition.calls
    assert detect(aws, aws.upload(with_metadata(photo("anna"), 300_000)))


def test_a_jpeg_without_a_size_is_damaged(aws: FakeAws) -> None:
    for content in (photo("anna")[:30], with_metadata(b"\xff\xd8\xff", 120_000)):
        error = rejection(aws, content)
        assert error.reason is Reason.IMAGE_UNREADABLE
        assert not aws.rekognition.calls


@pytest.mark.parametrize(
    ("content", "reason", "message"),
    [
        (b"", Reason.IMAGE_UNREADABLE, "the file is empty"),
        (b"hello", Reason.UNSUPPORTED_FORMAT, "Only JPEG or PNG is supported"),
        (encoded(Image.new("RGB", (90, 90)), "GIF"), Reason.UNSUPPORTED_FORMAT, "Unsupported"),
        (encoded(Image.new("RGB", (90, 90)), "WEBP"), Reason.UNSUPPORTED_FORMAT, "Unsupported"),
        (photo("anna", size=(79, 90)), Reason.FACE_NOT_CLEAR, "79 x 90 pixels"),
    ],
)
def test_a_file_is_judged_by_its_bytes_and_not_by_its_name(
    aws: FakeAws, content: bytes, reason: Reason, message: str
) -> None:
    error = rejection(aws, content)
    assert error.reason is reason
    assert message in str(error)
    assert not aws.rekognition.calls, "Rekognition is not asked about it"


def test_a_png_named_jpg_is_fine(aws: FakeAws) -> None:
    assert detect(aws, aws.upload(photo("anna", file_format="PNG")))


def test_a_file_over_the_limit_is_rejected_without_being_read_whole(aws: FakeAws) -> None:
    error = rejection(aws, photo("anna") + bytes(100_000), PhotoRules(max_bytes=50_000))
    assert error.reason is Reason.IMAGE_TOO_LARGE
    [request] = aws.s3.calls_of("get_object")
    assert request["Range"] == "bytes=0-65535"


def test_a_file_that_rekognition_cannot_decode_is_unreadable(aws: FakeAws) -> None:
    aws.rekognition.fail_next("detect_faces", aws.rekognition.error("InvalidImageFormatException"))
    error = rejection(aws, photo("anna"))
    assert error.reason is Reason.IMAGE_UNREADABLE
    assert str(error) == "Image cannot be read: the file is damaged."


def test_a_file_that_is_too_large_for_rekognition_is_too_large(aws: FakeAws) -> None:
    error = rejection(aws, photo("anna") + bytes(16 * 2**20), PhotoRules(max_bytes=20 * 2**20))
    assert error.reason is Reason.IMAGE_TOO_LARGE


def test_an_object_that_is_not_there_is_named(aws: FakeAws) -> None:
    gone = RiderPhoto("anna", aws.settings.photo_bucket, "selfie.jpg")
    with pytest.raises(PhotoNotFoundError, match=r"'selfie\.jpg' is not in the bucket"):
        detect(aws, gone)


@pytest.mark.parametrize("version_id", ["fake-version-00000099", "not a version"])
def test_a_version_that_is_not_there_is_named(aws: FakeAws, version_id: str) -> None:
    uploaded = replace(aws.upload(photo("anna")), version_id=version_id)
    with pytest.raises(PhotoNotFoundError, match=f"version '{version_id}'"):
        detect(aws, uploaded)


def test_a_deleted_object_is_not_found_unless_its_version_is_named(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    aws.s3.delete_object(Bucket=uploaded.bucket, Key=uploaded.key)
    assert detect(aws, uploaded)
    with pytest.raises(PhotoNotFoundError):
        detect(aws, replace(uploaded, version_id=None))
    marker = aws.s3.versions(uploaded.bucket, uploaded.key)[-1]
    with pytest.raises(PhotoNotFoundError):
        detect(aws, replace(uploaded, version_id=marker.version_id))


def test_an_object_that_may_not_be_read_is_not_found(aws: FakeAws) -> None:
    aws.s3.fail_next("get_object", aws.s3.error("AccessDenied", status=403))
    with pytest.raises(PhotoNotFoundError, match="or not readable"):
        detect(aws, aws.upload(photo("anna")))


@pytest.mark.parametrize("client", ["s3", "rekognition"])
def test_a_service_that_is_busy_is_no_fault_of_the_photo(aws: FakeAws, client: str) -> None:
    operation = {"s3": "get_object", "rekognition": "detect_faces"}[client]
    busy = getattr(aws, client).error("ThrottlingException")
    getattr(aws, client).fail_next(operation, busy)
    with pytest.raises(type(busy)) as raised:
        detect(aws, aws.upload(photo("anna")))
    assert raised.value is busy


def test_the_version_that_was_looked_at_is_the_one_that_rekognition_gets(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    aws.s3.put_object(Bucket=uploaded.bucket, Key=uploaded.key, Body=photo("bob", "carol"))
    assert detect(aws, uploaded)["s3VersionId"] == uploaded.version_id
    [request] = aws.rekognition.calls_of("detect_faces")
    assert request["Image"]["S3Object"]["Version"] == uploaded.version_id


def test_a_photo_at_the_root_of_the_bucket_gets_an_upload_id_of_its_own(aws: FakeAws) -> None:
    taken = datetime(2026, 5, 1, tzinfo=UTC)
    aws.s3.now = lambda: taken
    by_hand = RiderPhoto("user_a", aws.settings.photo_bucket, "1_happy_face.jpg")
    aws.put(by_hand.key, photo("anna"), by_hand.user_id)
    upload_id = detect(aws, by_hand)["uploadId"]
    assert is_upload_id(upload_id)
    assert detect(aws, by_hand)["uploadId"] == upload_id
    assert int(upload_id.replace("-", "")[:12], 16) == taken.timestamp() * 1000


def test_without_versions_the_only_one_is_called_null() -> None:
    aws = FakeAws(versioned=False)
    uploaded = replace(aws.upload(photo("anna")), version_id=None)
    assert detect(aws, uploaded)["s3VersionId"] == UNVERSIONED
    [request] = aws.rekognition.calls_of("detect_faces")
    assert "Version" not in request["Image"]["S3Object"]
