"""The story that `make demo` tells, and that nothing is left over from it."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from local import demo
from local.demo_photos import own_photos, story
from local.places import CACHE, PROJECT
from local.riders import Rider
from local.stack import SENDER, Stack
from tests.e2e.support import faces_of, item_of, mails_to, object_exists, send
from tests.e2e.world import assert_invariants, empty

WORKSHOP = Path(os.environ.get("RIDER_PHOTOS_SAMPLES", PROJECT.parent / "shared/photos/workshop"))


@pytest.fixture(scope="module")
def told(stack: Stack) -> demo.Result:
    """The demo's own story, told once."""
    empty(stack)
    photos = story(CACHE, lambda line: None)
    outcomes = [outcome for _, outcome in demo.run(stack, photos, lambda photo: None)]
    return demo.collect(stack, photos, outcomes)


def test_the_story_ends_as_expected(told: demo.Result) -> None:
    assert told.differences() == []
    assert len(told.outcomes) == 10


def test_each_face_belongs_to_one_item_and_each_item_to_one_face(stack: Stack, told: demo.Result) -> None:
    stored = {item["faceId"]["S"]: item["Username"]["S"] for item in told.items}
    held = {face["FaceId"]: face["ExternalImageId"].partition(":")[0] for face in faces_of(stack)}
    assert held == stored
    assert len(set(stored.values())) == len(stored) == 2
    assert_invariants(stack)


def test_a_riders_newest_photo_is_kept_and_what_it_replaced_is_gone(stack: Stack, told: demo.Result) -> None:
    mine = [outcome for outcome in told.outcomes if outcome.userId == told.outcomes[0].userId]
    assert [outcome.outcome for outcome in mine] == ["accepted", "accepted", "rejected", "accepted"]
    assert item_of(stack, mine[-1].userId)["uploadId"]["S"] == mine[-1].uploadId
    thumbnails = [outcome.thumbnail for outcome in mine if outcome.thumbnail]
    assert [object_exists(stack, place["s3bucket"], place["s3key"]) for place in thumbnails] == [
        False,
        False,
        True,
    ]


def test_thumbnails_are_upright_small_and_carry_no_metadata(stack: Stack, told: demo.Result) -> None:
    turned = told.outcomes[-1].thumbnail
    assert turned is not None
    stored = stack.client("s3").get_object(Bucket=turned["s3bucket"], Key=turned["s3key"])
    content = io.BytesIO(stored["Body"].read())
    with (
        Image.open(content) as thumbnail,
        Image.open(told.photos[0].path) as original,
    ):
        assert max(thumbnail.size) == 300
        # The turned copy's pixels lie on their side; upright it has the original's aspect.
        assert thumbnail.width / thumbnail.height == pytest.approx(original.width / original.height, abs=0.01)
        assert not thumbnail.getexif()
    assert stored["ContentType"] == "image/jpeg"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("FACE_ALREADY_EXISTS", "already used by another rider"),
        ("FACE_CHANGED", "does not show the same person"),
        ("MULTIPLE_FACES", "more than one face"),
        ("SUNGLASSES", "sunglasses"),
        ("NO_FACE", "could not find a face"),
        ("UNSUPPORTED_FORMAT", "neither a JPEG nor a PNG"),
    ],
)
def test_each_rejection_is_mailed_once_in_plain_words(told: demo.Result, reason: str, words: str) -> None:
    (rejected,) = [outcome for outcome in told.outcomes if outcome.reason == reason]
    mails = [mail for mail in told.mails if mail.to == (told.riders[rejected.userId],)]
    (mail,) = [mail for mail in mails if words in mail.text]
    assert mail.sender == SENDER
    assert words in mail.html
    assert "another" in mail.subject


def test_each_outcome_is_told_by_one_mail(told: demo.Result) -> None:
    decided = {"accepted": "is accepted", "rejected": "take another one"}
    expected = [(told.riders[outcome.userId], decided[outcome.outcome]) for outcome in told.outcomes]
    mailed = [
        (address, next(words for words in decided.values() if words in mail.subject))
        for mail in told.mails
        for address in mail.to
        if address in told.riders.values()
    ]
    assert sorted(mailed) == sorted(expected)


def test_the_avatar_shows_the_face_upright(stack: Stack, told: demo.Result) -> None:
    place = item_of(stack, told.outcomes[-1].userId)["avatar"]["M"]
    stored = stack.client("s3").get_object(Bucket=place["s3bucket"]["S"], Key=place["s3key"]["S"])
    answer = stack.client("rekognition").detect_faces(Image={"Bytes": stored["Body"].read()})
    (found,) = answer["FaceDetails"]
    box = found["BoundingBox"]
    assert 0.35 < max(box["Width"], box["Height"]) < 0.75
    assert box["Left"] + box["Width"] / 2 == pytest.approx(0.5, abs=0.12)
    assert box["Top"] + box["Height"] / 2 == pytest.approx(0.5, abs=0.12)
    assert abs(found["Pose"]["Roll"]) < 30


@pytest.mark.skipif(not WORKSHOP.is_dir(), reason="the workshop's photos are not on this machine")
@pytest.mark.usefixtures("empty_world")
def test_the_workshops_photos_end_as_in_the_workshop(stack: Stack, new_rider: Callable[[], Rider]) -> None:
    outcomes = [send(stack, new_rider(), photo.path) for photo in own_photos([WORKSHOP])]
    assert [(outcome.outcome, outcome.reason) for outcome in outcomes] == [
        ("accepted", None),
        ("rejected", "SUNGLASSES"),
        ("rejected", "MULTIPLE_FACES"),
        ("rejected", "NO_FACE"),
    ]


def test_a_rider_without_a_confirmed_address_is_rejected_without_a_mail(
    stack: Stack, new_rider: Callable[[], Rider], samples: dict[str, Path]
) -> None:
    rider = new_rider()
    stack.client("cognito-idp").admin_update_user_attributes(
        UserPoolId=stack.endpoints.user_pool_id,
        Username=rider.user_id,
        UserAttributes=[{"Name": "email_verified", "Value": "false"}],
    )
    outcome = send(stack, rider, samples["no_face"])
    assert outcome.reason == "NO_FACE"
    assert mails_to(stack, rider.email) == []
