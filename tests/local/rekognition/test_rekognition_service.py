"""The service over the wire, as boto3 sees it. No answer here is prepared: the models run."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from mypy_boto3_rekognition import RekognitionClient

from tests.local.rekognition.fake_s3 import FakeS3

_ABSENT = "11111111-2222-3333-4444-555555555555"


def _refused(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**request)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_default_attributes_come_always_and_others_only_when_asked(
    client: RekognitionClient, photos: dict[str, bytes]
) -> None:
    always = {"BoundingBox", "Landmarks", "Pose", "Quality", "Confidence"}

    def attributes(*asked: Any) -> set[str]:
        (face,) = client.detect_faces(Image={"Bytes": photos["obama"]}, Attributes=list(asked))["FaceDetails"]
        return set(face)

    assert attributes() == always
    assert attributes("DEFAULT") == always
    assert attributes("SUNGLASSES") == always | {"Sunglasses"}
    assert attributes("DEFAULT", "EYES_OPEN") == always | {"EyesOpen"}
    assert attributes("ALL") == always | {"Sunglasses", "EyesOpen"}
    assert attributes("BEARD", "AGE_RANGE") == always


@pytest.mark.parametrize(
    ("name", "faces"), [("obama", 1), ("biden", 1), ("sunglasses", 1), ("group", 6), ("no_face", 0)]
)
def test_detect_faces_counts(
    client: RekognitionClient, photos: dict[str, bytes], name: str, faces: int
) -> None:
    assert len(client.detect_faces(Image={"Bytes": photos[name]})["FaceDetails"]) == faces


def test_sunglasses_and_open_eyes_have_a_value_and_a_confidence(
    client: RekognitionClient, photos: dict[str, bytes]
) -> None:
    (worn,) = client.detect_faces(Image={"Bytes": photos["sunglasses"]}, Attributes=["ALL"])["FaceDetails"]
    (bare,) = client.detect_faces(Image={"Bytes": photos["biden"]}, Attributes=["ALL"])["FaceDetails"]

    assert worn["Sunglasses"]["Value"] is True
    assert worn["Sunglasses"]["Confidence"] > 90
    assert bare["Sunglasses"]["Value"] is False
    assert bare["Sunglasses"]["Confidence"] > 90
    assert bare["EyesOpen"]["Value"] is True
    assert bare["EyesOpen"]["Confidence"] > 90


def test_boxes_are_fractions_of_the_upright_image(
    client: RekognitionClient, photos: dict[str, bytes]
) -> None:
    (upright,) = client.detect_faces(Image={"Bytes": photos["obama"]})["FaceDetails"]
    (turned,) = client.detect_faces(Image={"Bytes": photos["turned_by_exif"]})["FaceDetails"]

    assert turned["BoundingBox"] == pytest.approx(upright["BoundingBox"], abs=0.02)
    box = upright["BoundingBox"]
    for landmark in upright["Landmarks"]:
        assert box["Left"] < landmark["X"] < box["Left"] + box["Width"]
        assert box["Top"] < landmark["Y"] < box["Top"] + box["Height"]
    places = {landmark["Type"]: landmark for landmark in upright["Landmarks"]}
    assert places["eyeLeft"]["X"] < places["nose"]["X"] < places["eyeRight"]["X"]
    assert places["nose"]["Y"] < places["mouthLeft"]["Y"]


def test_a_photo_is_read_from_s3_in_the_version_asked_for(
    client: RekognitionClient, s3: FakeS3, photos: dict[str, bytes]
) -> None:
    key = "uploads/rider 1/ä+photo.jpg"
    s3.put("photo-bucket", key, photos["no_face"])
    s3.put("photo-bucket", key, photos["group"], version="v1")

    latest = client.detect_faces(Image={"S3Object": {"Bucket": "photo-bucket", "Name": key}})
    first = client.detect_faces(Image={"S3Object": {"Bucket": "photo-bucket", "Name": key, "Version": "v1"}})

    assert len(latest["FaceDetails"]) == 0
    assert len(first["FaceDetails"]) == 6


def test_objects_that_are_missing_or_too_large_have_their_errors(
    client: RekognitionClient, s3: FakeS3
) -> None:
    s3.put("photo-bucket", "large.jpg", b"\xff\xd8\xff" + bytes(15 * 1024 * 1024))

    missing = _refused(client.detect_faces, Image={"S3Object": {"Bucket": "photo-bucket", "Name": "missing"}})
    large = _refused(client.detect_faces, Image={"S3Object": {"Bucket": "photo-bucket", "Name": "large.jpg"}})

    assert missing[0] == "InvalidS3ObjectException"
    assert missing[1].startswith("Unable to get object metadata from S3. Check object key, region")
    assert large[0] == "ImageTooLargeException"


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ({}, "InvalidParameterException"),
        ({"S3Object": {}}, "InvalidParameterException"),
        ({"Bytes": b"x", "S3Object": {"Bucket": "photo-bucket", "Name": "n"}}, "InvalidParameterException"),
        ({"Bytes": b"not an image"}, "InvalidImageFormatException"),
        ({"Bytes": bytes(5 * 1024 * 1024 + 1)}, "ValidationException"),
        ({"Bytes": bytes(9 * 1024 * 1024)}, "ValidationException"),
    ],
)
def test_an_image_that_cannot_be_used_has_rekognitions_error(
    client: RekognitionClient, image: dict[str, Any], code: str
) -> None:
    assert _refused(client.detect_faces, Image=image)[0] == code


def test_boto3_raises_errors_under_their_own_classes(client: RekognitionClient) -> None:
    with pytest.raises(client.exceptions.InvalidImageFormatException):
        client.detect_faces(Image={"Bytes": b"not an image"})
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_collection(CollectionId="absent")


def test_a_collection_is_made_described_listed_and_deleted(client: RekognitionClient) -> None:
    name = f"life-{uuid.uuid4()}"

    made = client.create_collection(CollectionId=name)
    again = _refused(client.create_collection, CollectionId=name)
    described = client.describe_collection(CollectionId=name)
    listed = client.list_collections()["CollectionIds"]
    deleted = client.delete_collection(CollectionId=name)
    gone = _refused(client.delete_collection, CollectionId=name)

    assert made["StatusCode"] == deleted["StatusCode"] == 200
    assert made["CollectionArn"] == f"aws:rekognition:us-east-1:000000000000:collection/{name}"
    assert again == ("ResourceAlreadyExistsException", f"The collection id: {name} already exists")
    assert described["FaceCount"] == 0
    assert described["CollectionARN"] == f"arn:{made['CollectionArn']}"
    assert name in listed
    assert gone == ("ResourceNotFoundException", f"The collection id: {name} does not exist")


def test_a_person_is_found_again_in_another_photo_and_another_person_is_not(
    client: RekognitionClient, collection: str, photos: dict[str, bytes]
) -> None:
    for rider, name in (("u1:a", "obama"), ("u2:b", "obama_speaking"), ("u3:c", "biden")):
        client.index_faces(CollectionId=collection, Image={"Bytes": photos[name]}, ExternalImageId=rider)

    def matches(**more: Any) -> list[str]:
        answer = client.search_faces_by_image(
            CollectionId=collection, Image={"Bytes": photos["obama_standing"]}, **more
        )
        similarities = [match["Similarity"] for match in answer["FaceMatches"]]
        assert similarities == sorted(similarities, reverse=True)
        return [match["Face"]["ExternalImageId"] for match in answer["FaceMatches"]]

    assert sorted(matches()) == ["u1:a", "u2:b"]
    assert len(matches(MaxFaces=1)) == 1
    assert len(matches(FaceMatchThreshold=0)) == 3
    assert matches(FaceMatchThreshold=100) == []


def test_searching_an_image_without_a_face_is_an_invalid_parameter(
    client: RekognitionClient, collection: str, photos: dict[str, bytes]
) -> None:
    refused = _refused(
        client.search_faces_by_image, CollectionId=collection, Image={"Bytes": photos["no_face"]}
    )

    assert refused == ("InvalidParameterException", "There are no faces in the image. Should be at least 1.")


def test_searching_a_group_searches_its_largest_face(
    client: RekognitionClient, collection: str, photos: dict[str, bytes]
) -> None:
    indexed = client.index_faces(CollectionId=collection, Image={"Bytes": photos["group"]}, MaxFaces=1)

    found = client.search_faces_by_image(CollectionId=collection, Image={"Bytes": photos["group"]})

    (record,) = indexed["FaceRecords"]
    assert found["SearchedFaceBoundingBox"] == pytest.approx(record["Face"]["BoundingBox"], abs=1e-6)
    assert [match["Face"]["FaceId"] for match in found["FaceMatches"]] == [record["Face"]["FaceId"]]
    assert len(indexed["UnindexedFaces"]) == 5
    assert all("EXCEEDS_MAX_FACES" in face["Reasons"] for face in indexed["UnindexedFaces"])


def test_search_faces_leaves_out_the_searched_face_and_refuses_an_unknown_one(
    client: RekognitionClient, collection: str, photos: dict[str, bytes]
) -> None:
    ids = []
    for name in ("obama", "obama_speaking", "biden"):
        answer = client.index_faces(CollectionId=collection, Image={"Bytes": photos[name]})
        ids.append(answer["FaceRecords"][0]["Face"]["FaceId"])

    found = client.search_faces(CollectionId=collection, FaceId=ids[0])
    unknown = _refused(client.search_faces, CollectionId=collection, FaceId=_ABSENT)

    assert found["SearchedFaceId"] == ids[0]
    assert [match["Face"]["FaceId"] for match in found["FaceMatches"]] == [ids[1]]
    assert unknown == ("InvalidParameterException", "faceId was not found in the collection.")


def test_indexing_the_same_photo_for_the_same_rider_twice_keeps_one_face(
    client: RekognitionClient, collection: str, photos: dict[str, bytes]
) -> None:
    def index(external_id: str) -> dict[str, Any]:
        answer = client.index_faces(
            CollectionId=collection, Image={"Bytes": photos["obama"]}, ExternalImageId=external_id
        )
        face: dict[str, Any] = dict(answer["FaceRecords"][0]["Face"])
        return face

    with ThreadPoolExecutor(6) as pool:
        same = list(pool.map(index, ["u:1"] * 6))
    other = index("u:2")

    assert len({face["FaceId"] for face in same}) == 1
    assert other["FaceId"] != same[0]["FaceId"]
    assert client.describe_collection(CollectionId=collection)["FaceCount"] == 2


def test_the_quality_filter_refuses_with_reasons_and_none_indexes_all(
    client: RekognitionClient, collection: str, photos: dict[str, bytes]
) -> None:
    image: Any = {"Bytes": photos["group"]}

    strict = client.index_faces(CollectionId=collection, Image=image, QualityFilter="HIGH")
    every = client.index_faces(CollectionId=collection, Image=image, QualityFilter="NONE")

    assert len(strict["FaceRecords"]) + len(strict["UnindexedFaces"]) == 6
    assert any("EXTREME_POSE" in face["Reasons"] for face in strict["UnindexedFaces"])
    assert len(every["FaceRecords"]) == 6
    assert every["UnindexedFaces"] == []


def test_a_photo_without_a_face_indexes_nothing_and_is_no_error(
    client: RekognitionClient, collection: str, photos: dict[str, bytes]
) -> None:
    answer = client.index_faces(CollectionId=collection, Image={"Bytes": photos["no_face"]})

    assert answer["FaceRecords"] == []
    assert answer["UnindexedFaces"] == []


def test_faces_are_listed_in_pages_and_deleted(
    client: RekognitionClient, collection: str, photos: dict[str, bytes]
) -> None:
    indexed = client.index_faces(
        CollectionId=collection, Image={"Bytes": photos["group"]}, ExternalImageId="g", QualityFilter="NONE"
    )
    ids = [record["Face"]["FaceId"] for record in indexed["FaceRecords"]]

    pages = list(
        client.get_paginator("list_faces").paginate(CollectionId=collection, PaginationConfig={"PageSize": 4})
    )
    some = client.list_faces(CollectionId=collection, FaceIds=[ids[2], _ABSENT])
    deleted = client.delete_faces(CollectionId=collection, FaceIds=[ids[0], _ABSENT])
    nothing = client.delete_faces(CollectionId=collection, FaceIds=[ids[0]])

    assert [len(page["Faces"]) for page in pages] == [4, 2]
    assert [face["FaceId"] for page in pages for face in page["Faces"]] == ids
    assert [face["FaceId"] for face in some["Faces"]] == [ids[2]]
    assert deleted["DeletedFaces"] == [ids[0]]
    assert deleted["UnsuccessfulFaceDeletions"] == [{"FaceId": _ABSENT, "Reasons": ["FACE_NOT_FOUND"]}]
    assert "DeletedFaces" not in nothing
    assert client.describe_collection(CollectionId=collection)["FaceCount"] == 5


def test_a_page_token_of_another_collection_is_refused(client: RekognitionClient, collection: str) -> None:
    refused = _refused(client.list_faces, CollectionId=collection, NextToken="nonsense")

    assert refused[0] == "InvalidPaginationTokenException"


def test_collections_are_listed_in_pages(client: RekognitionClient, collection: str) -> None:
    second = f"second-{uuid.uuid4()}"
    client.create_collection(CollectionId=second)

    pages = list(client.get_paginator("list_collections").paginate(PaginationConfig={"PageSize": 1}))
    client.delete_collection(CollectionId=second)

    assert all(len(page["CollectionIds"]) == 1 for page in pages)
    assert {collection, second} <= {name for page in pages for name in page["CollectionIds"]}
