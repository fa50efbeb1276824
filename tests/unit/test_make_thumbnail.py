from __future__ import annotations

import io
import json

from PIL import Image

from chalicelib.steps import make_thumbnail
from tests.fakes import RIDER, FakeAws, encoded, photo

RED, BLUE = (220, 20, 20), (20, 20, 220)


def test_the_thumbnail_is_stored_with_its_content_type_under_rider_and_upload(aws: FakeAws) -> None:
    uploaded = aws.upload(photo("anna"))
    result = make_thumbnail(uploaded, aws.s3, aws.settings)  # type: ignore[arg-type]
    key = f"thumbnails/{RIDER}/{uploaded.upload_id}.jpg"
    assert result == {"thumbnail": {"s3bucket": aws.settings.thumbnail_bucket, "s3key": key}}
    assert json.loads(json.dumps(result)) == result
    [version] = aws.s3.versions(aws.settings.thumbnail_bucket, key)
    assert version.content_type == "image/jpeg"
    assert version.content is not None
    with Image.open(io.BytesIO(version.content)) as image:
        assert image.size == (300, 225)


def test_a_transparent_photo_gives_a_png_with_its_content_type(aws: FakeAws) -> None:
    uploaded = aws.upload(encoded(Image.new("RGBA", (400, 400), (1, 2, 3, 4)), "PNG"), extension="png")
    result = make_thumbnail(uploaded, aws.s3, aws.settings)  # type: ignore[arg-type]
    key = result["thumbnail"]["s3key"]
    assert key.endswith(f"{uploaded.upload_id}.png")
    assert aws.s3.versions(aws.settings.thumbnail_bucket, key)[0].content_type == "image/png"


def test_two_uploads_never_share_a_thumbnail_and_a_repetition_writes_the_same(aws: FakeAws) -> None:
    for uploaded in (aws.upload(photo("anna")), aws.upload(photo("anna")), aws.put("a.jpg", photo("anna"))):
        once = make_thumbnail(uploaded, aws.s3, aws.settings)  # type: ignore[arg-type]
        assert make_thumbnail(uploaded, aws.s3, aws.settings) == once  # type: ignore[arg-type]
    assert len(aws.thumbnails()) == 3


def test_the_box_is_a_setting() -> None:
    aws = FakeAws(THUMBNAIL_WIDTH="64", THUMBNAIL_HEIGHT="32")
    result = make_thumbnail(aws.upload(photo("anna")), aws.s3, aws.settings)  # type: ignore[arg-type]
    content = aws.s3.content(aws.settings.thumbnail_bucket, result["thumbnail"]["s3key"])
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (43, 32)


def test_the_version_that_was_looked_at_is_shown(aws: FakeAws) -> None:
    uploaded = aws.upload(encoded(Image.new("RGB", (400, 400), RED)))
    aws.s3.put_object(
        Bucket=uploaded.bucket, Key=uploaded.key, Body=encoded(Image.new("RGB", (400, 400), BLUE))
    )
    result = make_thumbnail(uploaded, aws.s3, aws.settings)  # type: ignore[arg-type]
    content = aws.s3.content(aws.settings.thumbnail_bucket, result["thumbnail"]["s3key"])
    with Image.open(io.BytesIO(content)) as image:
        red, _, blue = image.getpixel((5, 5))
        assert red > blue
