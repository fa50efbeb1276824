from __future__ import annotations

import io
import json
from typing import Any

import pytest
from PIL import Image

from chalicelib.models import RiderPhoto
from chalicelib.steps.make_thumbnail import make_thumbnail
from tests.fakes import RIDER, FakeAws, encoded, photo
from tests.unit.pipeline import run, state

RED, BLUE = (220, 20, 20), (20, 20, 220)


def make(aws: FakeAws, uploaded: RiderPhoto, **fields: Any) -> dict[str, dict[str, str]]:
    made: dict[str, dict[str, str]] = run(
        aws, make_thumbnail, photo=uploaded, event=state(uploaded, **fields)
    )
    return made


def test_the_thumbnail_is_stored_with_its_content_type_under_rider_and_upload(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    result = make(aws, uploaded)
    key = f"thumbnails/{RIDER}/{uploaded.upload_id}.jpg"
    assert result["thumbnail"] == {"s3bucket": aws.settings.thumbnail_bucket, "s3key": key}
    assert json.loads(json.dumps(result)) == result
    [version] = aws.s3.versions(aws.settings.thumbnail_bucket, key)
    assert version.content_type == "image/jpeg"
    assert version.content is not None
    with Image.open(io.BytesIO(version.content)) as image:
        assert image.size == (300, 225)


def test_a_transparent_photo_gives_a_png_with_its_content_type(aws: FakeAws) -> None:
    uploaded = aws.upload(encoded(Image.new("RGBA", (400, 400), (1, 2, 3, 4)), "PNG"), extension="png")
    result = make(aws, uploaded)
    key = result["thumbnail"]["s3key"]
    assert key.endswith(f"{uploaded.upload_id}.png")
    assert aws.s3.versions(aws.settings.thumbnail_bucket, key)[0].content_type == "image/png"
    assert aws.avatars() == [f"thumbnails/{RIDER}/{uploaded.upload_id}.avatar.png"]


def test_two_uploads_never_share_a_thumbnail_and_a_repetition_writes_the_same(aws: FakeAws) -> None:
    for uploaded in (aws.upload(photo("anna")), aws.upload(photo("anna")), aws.put("a.jpg", photo("anna"))):
        once = make(aws, uploaded)
        assert make(aws, uploaded) == once
    assert len(aws.thumbnails()) == len(aws.avatars()) == 3


def test_the_box_is_a_setting() -> None:
    aws = FakeAws(THUMBNAIL_WIDTH="64", THUMBNAIL_HEIGHT="32")
    result = make(aws, aws.upload(photo("anna")))
    content = aws.s3.content(aws.settings.thumbnail_bucket, result["thumbnail"]["s3key"])
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (43, 32)


def test_the_version_that_was_looked_at_is_shown(aws: FakeAws) -> None:
    uploaded = aws.upload(encoded(Image.new("RGB", (400, 400), RED)))
    aws.s3.put_object(
        Bucket=uploaded.bucket, Key=uploaded.key, Body=encoded(Image.new("RGB", (400, 400), BLUE))
    )
    result = make(aws, uploaded)
    content = aws.s3.content(aws.settings.thumbnail_bucket, result["thumbnail"]["s3key"])
    with Image.open(io.BytesIO(content)) as image:
        red, _, blue = image.getpixel((5, 5))
        assert red > blue


@pytest.mark.parametrize("wrapped", [True, False], ids=["lambda:invoke", "json task"])
def test_the_avatar_shows_the_face_that_was_found(aws: FakeAws, wrapped: bool) -> None:
    picture = Image.new("RGB", (400, 400), RED)
    picture.paste(BLUE, (300, 300, 400, 400))
    uploaded = aws.upload(encoded(picture))
    found = {"BoundingBox": {"Left": 0.75, "Top": 0.75, "Width": 0.2, "Height": 0.2}}
    details = {"Payload": found} if wrapped else found
    place = make(aws, uploaded, detectedFaceDetails=details)["avatar"]
    assert place == {
        "s3bucket": aws.settings.thumbnail_bucket,
        "s3key": f"thumbnails/{RIDER}/{uploaded.upload_id}.avatar.jpg",
    }
    [version] = aws.s3.versions(place["s3bucket"], place["s3key"])
    assert version.content_type == "image/jpeg"
    with Image.open(io.BytesIO(version.content or b"")) as image:
        assert image.size == (144, 144)
        red, _, blue = image.getpixel((100, 100))
        assert blue > red


def test_without_a_face_box_the_avatar_is_the_middle(aws: FakeAws) -> None:
    uploaded = aws.upload(encoded(Image.new("RGB", (500, 400), RED)))
    place = make(aws, uploaded, detectedFaceDetails={})["avatar"]
    with Image.open(io.BytesIO(aws.s3.content(place["s3bucket"], place["s3key"]))) as image:
        assert image.size == (256, 256)
