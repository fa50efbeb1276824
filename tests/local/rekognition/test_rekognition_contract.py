"""Every answer against botocore's model of the operation, errors included."""

import base64
import json
import urllib.error
import urllib.request
from typing import Any

import botocore.model
import pytest
from botocore.validate import ParamValidator
from mypy_boto3_rekognition import RekognitionClient

from local.rekognition.process import FaceService
from local.rekognition.validation import service_model

# Answered by AWS's front end for any operation, and therefore in no operation's model.
_FRONT_END_ERRORS = {"ValidationException", "SerializationException", "UnknownOperationException"}


def _unknown_members(shape: botocore.model.Shape, value: Any, path: str) -> list[str]:
    if isinstance(shape, botocore.model.StructureShape):
        unknown = [f"{path}.{name}" for name in value if name not in shape.members]
        for name in value.keys() & shape.members.keys():
            unknown += _unknown_members(shape.members[name], value[name], f"{path}.{name}")
        return unknown
    if isinstance(shape, botocore.model.ListShape):
        return [found for item in value for found in _unknown_members(shape.member, item, f"{path}[]")]
    return []


def _post(service: FaceService, target: str, body: bytes, **headers: str) -> tuple[int, dict[str, str], Any]:
    request = urllib.request.Request(
        service.url, data=body, headers={"X-Amz-Target": f"RekognitionService.{target}", **headers}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, dict(answer.headers), json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), json.loads(error.read())


def test_every_answer_passes_the_model_of_its_operation(
    client: RekognitionClient, photos: dict[str, bytes]
) -> None:
    answers: list[tuple[str, dict[str, Any]]] = []

    def keep(model: botocore.model.OperationModel, parsed: dict[str, Any], **_: Any) -> None:
        answers.append(
            (model.name, {key: value for key, value in parsed.items() if key != "ResponseMetadata"})
        )

    client.meta.events.register("after-call.rekognition", keep)
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
        client.search_faces_by_image(CollectionId="contract", Image=image, FaceMatchThreshold=0)
        client.search_faces(CollectionId="contract", FaceId=face_id, FaceMatchThreshold=0)
        client.list_faces(CollectionId="contract", MaxResults=1)
        client.list_collections(MaxResults=1)
        client.describe_collection(CollectionId="contract")
        client.delete_faces(CollectionId="contract", FaceIds=[face_id])
        client.delete_faces(CollectionId="contract", FaceIds=[face_id])
        client.delete_collection(CollectionId="contract")
    finally:
        client.meta.events.unregister("after-call.rekognition", keep)

    assert {name for name, _ in answers} == {
        "CreateCollection",
        "DescribeCollection",
        "ListCollections",
        "DeleteCollection",
        "DetectFaces",
        "SearchFacesByImage",
        "SearchFaces",
        "IndexFaces",
        "ListFaces",
        "DeleteFaces",
    }
    for name, answer in answers:
        shape = service_model().operation_model(name).output_shape
        assert shape is not None
        assert ParamValidator().validate(answer, shape).generate_report() == "", name


def test_a_description_of_faces_holds_no_member_that_the_model_lacks(
    service: FaceService, photos: dict[str, bytes]
) -> None:
    image = base64.b64encode(photos["group"]).decode()
    request = {"Image": {"Bytes": image}, "Attributes": ["ALL"]}

    status, headers, answer = _post(service, "DetectFaces", json.dumps(request).encode())

    shape = service_model().operation_model("DetectFaces").output_shape
    assert shape is not None
    assert status == 200
    assert headers["Content-Type"] == "application/x-amz-json-1.1"
    assert headers["x-amzn-RequestId"]
    assert _unknown_members(shape, answer, "answer") == []


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
        ("CompareFaces", b"{}", "UnknownOperationException"),
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
