"""The workshop's own definitions run on this project's functions with nothing but names filled in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.asl import Execution, Status
from tests.fakes import face, photo
from tests.statemachine.definitions import RIDER_PHOTO_TABLE, function_arn
from tests.statemachine.pipeline import Pipeline
from tests.workshop_definitions import Names, workshop_machine, workshop_machine_by_invoke

NAMES = Names(
    face_detection=function_arn("detect_faces"),
    face_search=function_arn("search_face"),
    index_face=function_arn("index_face"),
    thumbnail=function_arn("make_thumbnail"),
    persist_metadata=function_arn("persist_metadata"),
    notification_placeholder=function_arn("notify_rider"),
    rider_photo_table=RIDER_PHOTO_TABLE,
)
BY_ARN = {f"RiderPhotoProcessing-{number}": workshop_machine(number, NAMES) for number in range(1, 5)}
ALL = {**BY_ARN, "by-invoke": workshop_machine_by_invoke(NAMES)}
INDEXING = ["RiderPhotoProcessing-3", "RiderPhotoProcessing-4", "by-invoke"]


@pytest.fixture
def bucket(pipeline: Pipeline) -> str:
    """The bucket with the workshop's four photos at its root."""
    photos = {
        "1_happy_face.jpg": photo("alice"),
        "2_sunglass_face.jpg": photo("bob"),
        "3_multiple_faces.jpg": photo("carol", "dave"),
        "4_no_face.jpg": photo(),
    }
    for key, content in photos.items():
        pipeline.aws.put(key, content, user_id="user_a")
    return pipeline.aws.settings.photo_bucket


def run(
    pipeline: Pipeline, machine: str, bucket: str, user_id: str, key: str, name: str = "one"
) -> Execution:
    data = {"userId": user_id, "s3Bucket": bucket, "s3Key": key}
    return pipeline.run_input(data, ALL[machine], name=name)


def payload(value: Any, machine: str) -> Any:
    """A function's answer, out of the Payload that lambda:invoke puts around it."""
    return value["Payload"] if machine == "by-invoke" else value


@pytest.mark.parametrize("machine", ALL)
def test_the_happy_face_goes_all_the_way(pipeline: Pipeline, bucket: str, machine: str) -> None:
    execution = run(pipeline, machine, bucket, "user_a", "1_happy_face.jpg")
    steps = ["FaceDetection", "CheckFaceDuplicate", "ParallelProcessing", "PersistMetadata"]
    assert execution.status is Status.SUCCEEDED
    reached = len(steps) if machine == "by-invoke" else int(machine[-1])
    assert [state for branch, state in execution.entered if not branch] == steps[:reached]
    output = execution.output
    assert {name: output[name] for name in ("userId", "s3Bucket", "s3Key")} == {
        "userId": "user_a",
        "s3Bucket": bucket,
        "s3Key": "1_happy_face.jpg",
    }
    details = payload(output["detectedFaceDetails"], machine)
    assert details["Confidence"] > 90
    assert "Landmarks" not in details


@pytest.mark.parametrize("machine", INDEXING)
def test_the_parallel_result_is_the_face_and_then_the_thumbnail(
    pipeline: Pipeline, bucket: str, machine: str
) -> None:
    execution = run(pipeline, machine, bucket, "user_a", "1_happy_face.jpg")
    indexed, thumbnail = (payload(result, machine) for result in execution.output["parallelResult"])
    known = pipeline.aws.faces()[0]
    assert indexed["FaceId"] == known.face_id
    assert indexed["ExternalImageId"] == known.external_image_id
    assert known.external_image_id.startswith("user_a:")
    assert thumbnail == {
        "thumbnail": {
            "s3bucket": pipeline.aws.settings.thumbnail_bucket,
            "s3key": pipeline.aws.thumbnails()[0],
        },
        "avatar": {
            "s3bucket": pipeline.aws.settings.thumbnail_bucket,
            "s3key": pipeline.aws.avatars()[0],
        },
    }


@pytest.mark.parametrize("machine", ["RiderPhotoProcessing-4", "by-invoke"])
def test_the_item_of_the_rider_is_the_workshops(pipeline: Pipeline, bucket: str, machine: str) -> None:
    execution = run(pipeline, machine, bucket, "user_a", "1_happy_face.jpg")
    item = pipeline.aws.live_item("user_a") or {}
    thumbnail = payload(execution.output["parallelResult"][1], machine)["thumbnail"]
    assert {name: item[name] for name in ("Username", "faceId", "s3bucket", "s3key", "thumbnail")} == {
        "Username": {"S": "user_a"},
        "faceId": {"S": pipeline.aws.faces()[0].face_id},
        "s3bucket": {"S": bucket},
        "s3key": {"S": "1_happy_face.jpg"},
        "thumbnail": {"M": {name: {"S": value} for name, value in thumbnail.items()}},
    }


@pytest.mark.parametrize("machine", ALL)
@pytest.mark.parametrize(
    ("user_id", "key", "message"),
    [
        ("user_b", "2_sunglass_face.jpg", "Face is wearing sunglasses"),
        ("user_c", "3_multiple_faces.jpg", "Detected 2 faces in the photo."),
        ("user_d", "4_no_face.jpg", "Detected 0 faces in the photo."),
    ],
)
def test_the_other_photos_end_with_a_message_to_send(
    pipeline: Pipeline, bucket: str, machine: str, user_id: str, key: str, message: str
) -> None:
    if "sunglass" in key:
        pipeline.aws.rekognition.sees(face(sunglasses=(True, 99.0)))
    execution = run(pipeline, machine, bucket, user_id, key)
    assert execution.status is Status.SUCCEEDED
    assert execution.states == ["FaceDetection", "PhotoDoesNotMeetRequirement"]
    assert payload(execution.output, machine)["messageToSend"] == {
        "title": "PhotoDoesNotMeetRequirementError",
        "message": message,
    }
    assert pipeline.aws.faces() == []


@pytest.mark.parametrize("machine", INDEXING)
def test_the_same_photo_under_another_user_id_is_a_duplicate(
    pipeline: Pipeline, bucket: str, machine: str
) -> None:
    run(pipeline, machine, bucket, "user_a", "1_happy_face.jpg")
    execution = run(pipeline, machine, bucket, "user_b", "1_happy_face.jpg", name="two")
    assert execution.states == ["FaceDetection", "CheckFaceDuplicate", "PhotoDoesNotMeetRequirement"]
    assert payload(execution.output, machine)["messageToSend"]["title"] == "FaceAlreadyExistsError"
    assert len(pipeline.aws.faces()) == 1


def test_as_long_as_nothing_is_indexed_nobody_is_a_duplicate(pipeline: Pipeline, bucket: str) -> None:
    for user_id in ("user_a", "user_b"):
        execution = run(pipeline, "RiderPhotoProcessing-2", bucket, user_id, "1_happy_face.jpg", user_id)
        assert execution.status is Status.SUCCEEDED
        assert execution.states == ["FaceDetection", "CheckFaceDuplicate"]


@pytest.mark.parametrize("machine", INDEXING)
def test_the_same_input_indexes_again_after_the_collection_was_made_anew(
    pipeline: Pipeline, bucket: str, machine: str
) -> None:
    collection = pipeline.aws.settings.collection_id
    run(pipeline, machine, bucket, "user_a", "1_happy_face.jpg")
    pipeline.aws.rekognition.delete_collection(CollectionId=collection)
    pipeline.aws.rekognition.create_collection(CollectionId=collection)
    execution = run(pipeline, machine, bucket, "user_b", "1_happy_face.jpg", name="two")
    assert execution.states[-1] in {"Thumbnail", "PersistMetadata"}
    assert [known.external_image_id[:7] for known in pipeline.aws.faces()] == ["user_b:"]


@pytest.mark.parametrize("number", range(1, 5))
def test_each_definition_has_the_states_of_the_one_before_and_one_more(number: int) -> None:
    names = list(BY_ARN[f"RiderPhotoProcessing-{number}"]["States"])
    assert len(names) == number + 1
    if number > 1:
        before = set(BY_ARN[f"RiderPhotoProcessing-{number - 1}"]["States"])
        assert len(set(names) - before) == 1


def test_the_definitions_name_the_stacks_outputs() -> None:
    outputs = {
        "FaceDetectionFunctionArn": NAMES.face_detection,
        "FaceSearchFunctionArn": NAMES.face_search,
        "IndexFaceFunctionArn": NAMES.index_face,
        "ThumbnailFunctionArn": NAMES.thumbnail,
        "PersistMetadataFunctionArn": NAMES.persist_metadata,
        "NotificationPlaceholderFunctionArn": NAMES.notification_placeholder,
        "RiderPhotoDDBTable": NAMES.rider_photo_table,
    }
    assert Names.from_outputs(outputs) == NAMES
