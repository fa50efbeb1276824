"""Every answer against botocore's model of the operation, errors included."""

import json
import urllib.error
import urllib.request
from typing import Any

import botocore.model
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mypy_boto3_rekognition import RekognitionClient

from local.rekognition.process import FaceService
from local.rekognition.validation import service_model
from tests.local.rekognition.answers import departures

# Answered by AWS's front end for any operation, and therefore in no operation's model.
_OPERATIONS = {
    "CompareFaces",
    "CreateCollection",
    "DeleteCollection",
    "DeleteFaces",
    "DescribeCollection",
    "DetectFaces",
    "IndexFaces",
    "ListCollections",
    "ListFaces",
    "SearchFaces",
    "SearchFacesByImage",
}
_FRONT_END_ERRORS = {"ValidationException", "SerializationException", "UnknownOperationException"}


def _post(service: FaceService, target: str, body: bytes, **headers: str) -> tuple[int, dict[str, str], Any]:
    request = urllib.request.Request(
        service.url, data=body, headers={"X-Amz-Target": f"RekognitionService.{target}", **headers}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, dict(answer.headers), json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), json.loads(error.read())


def test_every_answer_is_what_the_model_of_its_operation_says(
    service: FaceService, client: RekognitionClient, photos: dict[str, bytes]
) -> None:
    answers: list[tuple[str, Any]] = []

    def keep(operation_model: botocore.model.OperationModel, response_dict: dict[str, Any], **_: Any) -> None:
        # As it came over the wire: botocore's parser drops what its model does not know.
        answers.append((operation_model.name, json.loads(response_dict["body"])))

    client.meta.events.register("before-parse.rekognition", keep)
    try:
        image: Any = {"Bytes": photos["group"]}
        client.create_collection(CollectionId="contract")
        indexed = client.index_faces(
            CollectionId="contract",
            Image=image,
            ExternalImageId="u:1",
            DetectionAttributes=["ALL"],
            QualityFilter="HIGH",
        )
        face_id = indexed["FaceRecords"][0]["Face"]["FaceId"]
        client.index_faces(CollectionId="contract", Image={"Bytes": photos["obama"]})
        client.index_faces(CollectionId="contract", Image={"Bytes": photos["no_face"]})
        client.detect_faces(Image=image, Attributes=["ALL"])
        client.detect_faces(Image={"Bytes": photos["no_face"]})
        client.compare_faces(SourceImage=image, TargetImage=image)
        client.compare_faces(SourceImage=image, TargetImage={"Bytes": photos["obama"]})
        client.search_faces_by_image(CollectionId="contract", Image=image, FaceMatchThreshold=0)
        client.search_faces(CollectionId="contract", FaceId=face_id, FaceMatchThreshold=0)
        client.list_faces(CollectionId="contract", MaxResults=1)
        client.list_collections(MaxResults=1)
        client.describe_collection(CollectionId="contract")
        client.delete_faces(CollectionId="contract", FaceIds=[face_id])
        client.delete_faces(CollectionId="contract", FaceIds=[face_id])
        client.delete_collection(CollectionId="contract")
    finally:
        client.meta.events.unregister("before-parse.rekognition", keep)

    assert {name for name, _ in answers} == _OPERATIONS
    for name, answer in answers:
        assert departures(service_model().operation_model(name).output_shape, answer) == [], name


def test_departures_from_the_model_are_noticed() -> None:
    shape = service_model().operation_model("DetectFaces").output_shape

    found = departures(
        shape, {"FaceDetails": [{"Nope": 1, "Confidence": 101, "Pose": [], "Landmarks": [{"Type": "ear"}]}]}
    )

    assert len(found) == 4
    assert departures(shape, {"FaceDetails": [{"Confidence": 99.5}]}) == []


def test_the_wire_has_the_protocols_headers(service: FaceService) -> None:
    status, headers, _ = _post(service, "ListCollections", b"{}")

    assert status == 200
    assert headers["Content-Type"] == "application/x-amz-json-1.1"
    assert headers["x-amzn-RequestId"]


@pytest.mark.parametrize(
    ("operation", "body", "code"),
    [
        ("CreateCollection", b'{"CollectionId": "a b"}', "ValidationException"),
        ("CreateCollection", b'{"CollectionId": "a", "Tags": {"k": "v"}}', "InvalidParameterException"),
        ("DescribeCollection", b'{"CollectionId": "absent"}', "ResourceNotFoundException"),
        ("ListCollections", b'{"NextToken": "x"}', "InvalidPaginationTokenException"),
        ("DeleteCollection", b'{"CollectionId": "absent"}', "ResourceNotFoundException"),
        ("DetectFaces", b'{"Image": {}}', "InvalidParameterException"),
        ("DetectFaces", b'{"Image": {"Bytes": "eA=="}}', "InvalidImageFormatException"),
        (
            "DetectFaces",
            b'{"Image": {"S3Object": {"Bucket": "absent", "Name": "absent"}}}',
            "InvalidS3ObjectException",
        ),
        (
            "SearchFacesByImage",
            b'{"CollectionId": "absent", "Image": {"Bytes": "eA=="}}',
            "ResourceNotFoundException",
        ),
        (
            "IndexFaces",
            b'{"CollectionId": "absent", "Image": {"Bytes": "eA=="}}',
            "ResourceNotFoundException",
        ),
        ("ListFaces", b'{"CollectionId": "absent"}', "ResourceNotFoundException"),
        ("ListFaces", b"{", "SerializationException"),
        ("CreateUser", b"{}", "UnknownOperationException"),
        ("", b"{}", "UnknownOperationException"),
    ],
)
def test_every_error_has_the_shape_and_a_name_of_its_operation(
    service: FaceService, operation: str, body: bytes, code: str
) -> None:
    status, headers, answer = _post(service, operation, body)

    assert status == 400
    assert answer["__type"] == answer["Code"] == code
    assert answer["Message"]
    assert answer["Logref"] == headers["x-amzn-RequestId"]
    if code not in _FRONT_END_ERRORS:
        modelled = {error.name for error in service_model().operation_model(operation).error_shapes}
        assert code in modelled


def test_every_pattern_of_the_models_requests_can_be_checked(service: FaceService) -> None:
    status, _, answer = _post(
        service,
        "CreateCollection",
        b'{"CollectionId": "tagged", "Tags": {"owner": "caf\\u00e9 1", "bad": "\\u0001"}}',
    )

    assert status == 400
    assert answer["__type"] == "ValidationException"
    assert "1 validation error detected" in answer["Message"]
    assert "'tags.bad.member'" in answer["Message"]


_IDS = st.sampled_from(["properties", "absent", "", "a b", "x" * 300, "ä"])
_FACE = "11111111-2222-3333-4444-555555555555"
_IMAGES = st.sampled_from(
    [
        None,
        {},
        {"Bytes": ""},
        {"Bytes": "eA=="},
        {"Bytes": "not base64"},
        {"S3Object": {"Bucket": "no-such-bucket", "Name": "absent"}},
        {"S3Object": {"Bucket": "no-such-bucket"}},
        {"S3Object": {"Bucket": "b", "Name": ""}},
        {"Bytes": "eA==", "S3Object": {"Bucket": "no-such-bucket", "Name": "absent"}},
    ]
)
_NUMBERS = st.integers(-3, 5000) | st.floats(-10, 200) | st.sampled_from([2**31, 2**63, 1e308])
_ANYTHING = st.none() | st.booleans() | _NUMBERS | st.text(max_size=5) | st.just([]) | st.just({"a": [{}]})
_LIKELY: dict[str, st.SearchStrategy[Any]] = {
    "CollectionId": _IDS,
    "ExternalImageId": _IDS,
    "UserId": _IDS,
    "Image": _IMAGES,
    "SourceImage": _IMAGES,
    "TargetImage": _IMAGES,
    "FaceId": st.sampled_from([_FACE, "absent", ""]),
    "FaceIds": st.lists(st.sampled_from([_FACE, "absent"]), max_size=3) | st.just([_FACE] * 4097),
    "Attributes": st.lists(st.sampled_from(["ALL", "DEFAULT", "EYES_OPEN", "AGE"]), max_size=3),
    "DetectionAttributes": st.lists(st.sampled_from(["ALL", "BEARD", "all"]), max_size=3),
    "QualityFilter": st.sampled_from(["NONE", "AUTO", "LOW", "MEDIUM", "HIGH", "auto"]),
    "NextToken": st.text(max_size=20) | st.just("x" * 300),
    "Tags": st.just({}) | st.just({"a": "b"}) | st.dictionaries(st.text(max_size=3), st.text(max_size=3)),
}


@pytest.mark.parametrize("operation", sorted(_OPERATIONS))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_request_has_an_answer_or_an_error_of_its_operation(
    service: FaceService, operation: str, data: st.DataObject
) -> None:
    model = service_model().operation_model(operation)
    members = data.draw(st.sets(st.sampled_from(sorted(model.input_shape.members))), label="members")
    request = {
        name: data.draw(st.one_of(_LIKELY.get(name, _NUMBERS), _LIKELY.get(name, _NUMBERS), _ANYTHING))
        for name in sorted(members | set(model.input_shape.required_members))
    }
    body = json.dumps(request).encode()

    status, _, answer = _post(service, operation, body)

    if status == 200:
        assert departures(model.output_shape, answer) == []
    else:
        assert status == 400
        assert answer["__type"] in {error.name for error in model.error_shapes} | _FRONT_END_ERRORS
        assert answer["Message"]
