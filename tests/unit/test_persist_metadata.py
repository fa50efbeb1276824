from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.errors import InvalidInputError
from chalicelib.models import RiderPhoto
from chalicelib.steps.persist_metadata import persist_metadata
from tests.fakes import FakeAws

FACE = {"FaceId": "face-1", "ExternalImageId": "user_a"}
PLACE = {"s3bucket": "thumbnails", "s3key": "thumbnails/1.jpg"}
PHOTO = RiderPhoto("user_a", "photos", "1_happy_face.jpg")
ITEM = {
    "Username": {"S": "user_a"},
    "faceId": {"S": "face-1"},
    "s3bucket": {"S": "photos"},
    "s3key": {"S": "1_happy_face.jpg"},
    "thumbnail": {"M": {"s3bucket": {"S": "thumbnails"}, "s3key": {"S": "thumbnails/1.jpg"}}},
}


def persist(aws: FakeAws, photo: RiderPhoto, event: dict[str, Any]) -> dict[str, Any]:
    return persist_metadata(photo, event, aws.dynamodb, aws.settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "results",
    [[FACE, {"thumbnail": PLACE}], [{"Payload": FACE}, {"Payload": {"thumbnail": PLACE}}]],
    ids=["json task", "lambda:invoke"],
)
@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"executionArn": "arn", "state": s}])
def test_the_workshops_item_is_written(aws: FakeAws, results: Any, wrap: Any) -> None:
    assert persist(aws, PHOTO, wrap({"parallelResult": results})) == {}
    assert aws.live_item("user_a") == ITEM


def test_the_avatar_is_written_where_there_is_one(aws: FakeAws) -> None:
    persist(aws, PHOTO, {"parallelResult": [FACE, {"thumbnail": PLACE, "avatar": PLACE}]})
    assert aws.live_item("user_a") == ITEM | {"avatar": ITEM["thumbnail"]}


def test_the_upload_is_named_where_it_is_known(aws: FakeAws) -> None:
    known = replace(PHOTO, version_id="v1", upload_id="upload-1")
    persist(aws, known, {"parallelResult": [FACE, {"thumbnail": PLACE}]})
    assert aws.live_item("user_a") == ITEM | {"uploadId": {"S": "upload-1"}, "s3versionid": {"S": "v1"}}


@pytest.mark.parametrize(
    "results",
    [
        None,
        {},
        [],
        [FACE],
        [FACE, {"thumbnail": PLACE}, {}],
        [{}, {"thumbnail": PLACE}],
        [FACE, {}],
        [FACE, {"thumbnail": "1.jpg"}],
        [None, None],
    ],
)
def test_a_state_without_face_or_thumbnail_is_refused(aws: FakeAws, results: Any) -> None:
    with pytest.raises(InvalidInputError, match="parallelResult"):
        persist(aws, PHOTO, {"parallelResult": results})
    assert aws.live_item("user_a") is None
