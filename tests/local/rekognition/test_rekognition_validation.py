"""Requests against Rekognition's API model."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.rekognition.errors import RekognitionError
from local.rekognition.tokens import make_token, read_token
from local.rekognition.validation import parse_request

_IMAGE = {"Bytes": base64.b64encode(b"image").decode()}
_FACE_ID = "11111111-2222-3333-4444-555555555555"


def _parse(operation: str, request: Any) -> dict[str, Any]:
    return parse_request(operation, json.dumps(request).encode())


def test_a_valid_request_comes_back_with_its_bytes_decoded_and_unknown_members_left_out() -> None:
    request = {"Image": _IMAGE, "Attributes": ["ALL"], "Unknown": 1, "QualityFilter": None}

    assert _parse("DetectFaces", request) == {"Image": {"Bytes": b"image"}, "Attributes": ["ALL"]}


@pytest.mark.parametrize(
    ("operation", "request_", "message"),
    [
        (
            "CreateCollection",
            {},
            "Value null at 'collectionId' failed to satisfy constraint: Member must not be null",
        ),
        ("CreateCollection", {"CollectionId": ""}, "length greater than or equal to 1"),
        ("CreateCollection", {"CollectionId": "x" * 256}, "length less than or equal to 255"),
        (
            "CreateCollection",
            {"CollectionId": "a b"},
            r"Value 'a b' at 'collectionId'.*regular expression pattern",
        ),
        ("CreateCollection", {"CollectionId": "abc\n"}, "regular expression pattern"),
        ("DetectFaces", {"Image": {"Bytes": ""}}, "'image.bytes'.*greater than or equal to 1"),
        ("DetectFaces", {"Image": {"S3Object": {"Bucket": "b", "Name": "n"}}}, "'image.s3Object.bucket'"),
        (
            "DetectFaces",
            {"Image": _IMAGE, "Attributes": ["ALL", "AGE"]},
            r"'attributes\.2\.member'.*enum value set",
        ),
        (
            "SearchFaces",
            {"CollectionId": "c", "FaceId": _FACE_ID, "MaxFaces": 0},
            "value greater than or equal to 1",
        ),
        (
            "SearchFaces",
            {"CollectionId": "c", "FaceId": _FACE_ID, "MaxFaces": 4097},
            "less than or equal to 4096",
        ),
        ("SearchFaces", {"CollectionId": "c", "FaceId": "no-uuid"}, "'faceId'.*regular expression"),
        (
            "SearchFacesByImage",
            {"CollectionId": "c", "Image": _IMAGE, "FaceMatchThreshold": 100.5},
            "'faceMatchThreshold'.*less than or equal to 100",
        ),
        ("IndexFaces", {"CollectionId": "c", "Image": _IMAGE, "ExternalImageId": "a/b"}, "'externalImageId'"),
        ("IndexFaces", {"CollectionId": "c", "Image": _IMAGE, "QualityFilter": "auto"}, "'qualityFilter'"),
        ("DeleteFaces", {"CollectionId": "c", "FaceIds": []}, "'faceIds'.*greater than or equal to 1"),
        ("DeleteFaces", {"CollectionId": "c", "FaceIds": [_FACE_ID] * 4097}, "less than or equal to 4096"),
        ("ListFaces", {"CollectionId": "c", "NextToken": "x" * 256}, "'nextToken'"),
    ],
)
def test_a_broken_constraint_is_named_as_aws_does(operation: str, request_: Any, message: str) -> None:
    with pytest.raises(
        RekognitionError, match=rf"(?s)ValidationException: \d validation errors? detected: .*{message}"
    ):
        _parse(operation, request_)


def test_all_broken_constraints_are_named_at_once() -> None:
    with pytest.raises(
        RekognitionError, match=r"3 validation errors detected: .*'collectionId'.*'image'.*'maxFaces'"
    ):
        _parse("IndexFaces", {"MaxFaces": 0})


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"CollectionId": 1}',
        b'{"CollectionId": ["c"]}',
        b'{"CollectionId": "c", "FaceMatchThreshold": NaN}',
        b'{"CollectionId": "c", "FaceMatchThreshold": 1e999}',
        b'{"CollectionId": "c", "FaceMatchThreshold": "80"}',
        b'{"CollectionId": "c", "MaxFaces": 1.5}',
        b'{"CollectionId": "c", "MaxFaces": true}',
        b'{"CollectionId": "c", "MaxFaces": 99999999999}',
        b'{"CollectionId": "c", "MaxFaces": ' + b"9" * 5000 + b"}",
        b'{"CollectionId": "c", "Image": {"Bytes": "!!"}}',
        b'{"CollectionId": "c", "Image": {"Bytes": "\xc3\xa4"}}',
    ],
)
def test_what_is_not_json_of_the_right_types_is_a_serialization_error(body: bytes) -> None:
    with pytest.raises(RekognitionError, match="SerializationException: The request cannot be read"):
        parse_request("SearchFacesByImage", body)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["CollectionId", "Image", "Bytes", "S3Object", "Bucket", "FaceIds", "MaxFaces"]),
            inner,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(st.sampled_from(["IndexFaces", "DetectFaces", "DeleteFaces", "ListFaces", "CreateCollection"]), _JSON)
def test_any_json_is_parsed_or_refused_under_aws_names(operation: str, document: Any) -> None:
    outcome: str | dict[str, Any]
    try:
        outcome = _parse(operation, document)
    except RekognitionError as error:
        outcome = error.code

    assert isinstance(outcome, dict) or outcome in ("SerializationException", "ValidationException")


def test_a_token_goes_on_where_it_was_given_out() -> None:
    assert read_token(make_token("ListFaces", 3, 2**62), "ListFaces", 3) == 2**62
    assert read_token(None, "ListFaces", 3) == 0
    assert len(make_token("ListCollections", 2**62, 2**62)) <= 255


@pytest.mark.parametrize(
    "token",
    [
        "",
        "nonsense",
        "ä",
        base64.b64encode(b"[1, 2").decode(),
        base64.b64encode(b"7").decode(),
        base64.b64encode(b"[" * 150).decode(),
        make_token("ListFaces", 4, 1),
        make_token("ListCollections", 3, 1),
        make_token("ListFaces", 3, -1),
        base64.b64encode(b'["ListFaces", 3, true]').decode(),
        base64.b64encode(b'["ListFaces", 3, 99999999999999999999]').decode(),
    ],
)
def test_another_token_is_refused(token: str) -> None:
    with pytest.raises(RekognitionError, match="InvalidPaginationTokenException"):
        read_token(token, "ListFaces", 3)
