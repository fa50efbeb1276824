"""Any photo that a phone makes is uploaded; what is none is refused at once, in plain words."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Route

from tests.browser import drawn
from tests.browser.riding import RiderPage


def test_a_file_that_is_no_photo_is_refused_before_anything_is_sent(rider: RiderPage) -> None:
    sent: list[str] = []
    rider.page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    for content, words in (
        (b"", "This file is empty."),
        (b"just words", "This is not a photo that we can read."),
        (drawn.heic(), "This is a HEIC photo, which this browser cannot read."),
        (drawn.landscape()[:300], "This photo cannot be opened; it may be damaged."),
        (b"just words", "This is not a photo that we can read."),
        (b"\xff\xd8\xff" + bytes(500), "This photo cannot be opened; it may be damaged."),
    ):
        rider.choose(content)
        rider.reads(words)
    assert sent == []
    # The next one is taken.
    rider.choose()
    rider.sees("Is this you at your best?")


def uploaded(rider: RiderPage, photo: Path | bytes) -> tuple[str, bytes]:
    """Choose and send a photo; the content type of its form, and the file that reached the bucket."""
    minted: list[str] = []
    rider.page.on(
        "request",
        lambda request: (
            minted.append(request.post_data_json["contentType"]) if request.url.endswith("/uploads") else None
        ),
    )
    rider.send(photo)
    rider.sees("We could not find a face")
    s3 = rider.stack.client("s3")
    bucket = rider.stack.endpoints.photo_bucket
    newest = max(s3.list_objects_v2(Bucket=bucket)["Contents"], key=lambda found: found["LastModified"])
    return minted[-1], s3.get_object(Bucket=bucket, Key=newest["Key"])["Body"].read()


def limit(rider: RiderPage, max_bytes: int) -> None:
    """Let the page believe that the API takes so many bytes."""

    def fulfill(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"maxBytes": max_bytes})

    rider.page.route("**/web/config.json", fulfill)
    rider.open()


def test_a_photo_within_the_limits_is_sent_as_it_is(rider: RiderPage) -> None:
    photo = drawn.landscape(640, 480)
    assert uploaded(rider, photo) == ("image/jpeg", photo)


def test_a_photo_of_12_megapixels_over_the_limit_is_scaled_down_and_turned_upright(
    rider: RiderPage, tmp_path: Path
) -> None:
    # Lying on its side with an orientation, as a phone held upright writes it.
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(drawn.lying(4000, 3000))
    assert photo.stat().st_size > 15 * 1024 * 1024
    content_type, sent = uploaded(rider, photo)
    assert content_type == "image/jpeg"
    assert len(sent) <= 15 * 1024 * 1024
    with Image.open(io.BytesIO(sent)) as picture:
        assert picture.height > picture.width  # 3000 x 4000 at first, then smaller
        assert picture.getexif().get(0x0112, 1) == 1
        small = picture.convert("L").resize((4, 4))
    # The darker upper half of the pixels is to the right once the photo is turned clockwise.
    assert small.getpixel((3, 1)) < small.getpixel((0, 1))


def test_a_photo_is_made_as_small_as_the_limit_asks(rider: RiderPage) -> None:
    limit(rider, 200_000)
    _, sent = uploaded(rider, drawn.noise(1200, 900))
    assert len(sent) <= 200_000
    with Image.open(io.BytesIO(sent)) as picture:
        assert max(picture.size) >= 512


def test_a_format_that_the_browser_knows_and_the_api_does_not_is_converted(rider: RiderPage) -> None:
    content_type, sent = uploaded(rider, drawn.webp_landscape())
    assert content_type == "image/jpeg"
    assert sent.startswith(b"\xff\xd8\xff")


def test_a_dropped_photo_is_taken_and_several_are_not(rider: RiderPage) -> None:
    drop = """count => {
      const files = new DataTransfer();
      for (let index = 0; index < count; index += 1) {
        files.items.add(new File([new Uint8Array(PHOTO)], `photo${index}.jpg`, { type: "image/jpeg" }));
      }
      for (const type of ["dragover", "drop"]) {
        const event = new DragEvent(type, { dataTransfer: files, bubbles: true, cancelable: true });
        document.body.dispatchEvent(event);
      }
    }""".replace("PHOTO", str(list(drawn.landscape(80, 60))))
    rider.page.evaluate(drop, 2)
    rider.reads("Please choose one photo only.")
    rider.page.evaluate(drop, 1)
    rider.sees("Is this you at your best?")


def test_a_phone_offers_its_camera(rider: RiderPage) -> None:
    button = rider.page.get_by_role("button", name="Take a photo")
    assert button.is_visible()
    assert rider.page.locator("#camera").get_attribute("capture") == "user"
