from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from chalicelib.errors import PhotoDoesNotMeetRequirementError, SettingsError
from chalicelib.image_header import ImageHeader
from chalicelib.models import Reason
from chalicelib.outcome import reason_of
from chalicelib.rules import ATTRIBUTES, PhotoRules, rejected
from tests.fakes import face

HEADER = ImageHeader("JPEG", 640, 480)
RULES = PhotoRules()


def rejection(*faces: dict[str, Any], header: ImageHeader = HEADER, rules: PhotoRules = RULES) -> Any:
    with pytest.raises(PhotoDoesNotMeetRequirementError) as rejected:
        rules.the_one_clear_face(faces, header)
    assert reason_of(type(rejected.value).__name__, str(rejected.value)) is rejected.value.reason
    return rejected.value


def test_one_clear_face_is_returned_as_it_is() -> None:
    clear = face()
    assert RULES.the_one_clear_face([clear], HEADER) == clear


def test_a_photo_without_a_face_is_rejected() -> None:
    assert str(rejection()) == "Detected 0 faces in the photo."
    assert rejection().reason is Reason.NO_FACE


def test_two_faces_are_rejected_and_the_message_counts_them() -> None:
    error = rejection(face(), face())
    assert error.reason is Reason.MULTIPLE_FACES
    assert str(error) == "Detected 2 faces in the photo."


def test_sunglasses_are_rejected() -> None:
    error = rejection(face(sunglasses=(True, 99.0)))
    assert error.reason is Reason.SUNGLASSES
    assert str(error) == "Face is wearing sunglasses"


def test_a_detection_below_the_threshold_is_no_face() -> None:
    assert RULES.the_one_clear_face([face(confidence=89.9), face()], HEADER)["Confidence"] == 99.9
    assert rejection(face(confidence=89.9)).reason is Reason.NO_FACE
    assert RULES.the_one_clear_face([face(confidence=90.0)], HEADER)
    assert rejection(face(confidence=90.0), face()).reason is Reason.MULTIPLE_FACES


# What breaks a rule by a hair, what just keeps it, and how the message says so.
LEAST = RULES.min_face_pixels
EDGES = [
    *(
        ({name: (value, threshold)}, {name: (value, threshold - 0.1)}, message)
        for name, value, threshold, message in (
            ("sunglasses", True, RULES.min_sunglasses_confidence, "sunglasses"),
            ("eyes_open", False, RULES.min_closed_eyes_confidence, "eyes are closed"),
            ("occluded", True, RULES.min_occlusion_confidence, "partly covered"),
        )
    ),
    *(
        ({name: sign * (limit + 0.1)}, {name: sign * limit}, message)
        for name, limit, message in (
            ("yaw", RULES.max_yaw, "the head is turned too far"),
            ("pitch", RULES.max_pitch, "looks up or down"),
            ("roll", RULES.max_roll, "is tilted"),
        )
        for sign in (1, -1)
    ),
    ({"brightness": RULES.min_brightness - 0.1}, {"brightness": RULES.min_brightness}, "too dark"),
    ({"sharpness": RULES.min_sharpness - 0.1}, {"sharpness": RULES.min_sharpness}, "blurred"),
    (
        {"box": (0.3, 0.3, (LEAST - 1) / 640, (LEAST - 1) / 480)},
        {"box": (0.3, 0.3, (LEAST + 0.001) / 640, LEAST / 480)},
        f"the face is too small: {LEAST - 1:.0f} pixels",
    ),
]


@pytest.mark.parametrize(("broken", "kept", "message"), EDGES, ids=[str(edge[0]) for edge in EDGES])
def test_each_rule_breaks_at_its_threshold(broken: Any, kept: Any, message: str) -> None:
    assert RULES.the_one_clear_face([face(**kept)], HEADER)
    assert message in str(rejection(face(**broken)))


@pytest.mark.parametrize(
    "certain", [{"sunglasses": (False, 100.0)}, {"eyes_open": (True, 100.0)}, {"occluded": (False, 100.0)}]
)
def test_an_attribute_that_is_surely_harmless_breaks_no_rule(certain: Any) -> None:
    assert RULES.the_one_clear_face([face(**certain)], HEADER)


def test_sunglasses_are_named_before_what_makes_a_face_unclear() -> None:
    assert rejection(face(sunglasses=(True, 99.0), yaw=80.0, sharpness=0.0)).reason is Reason.SUNGLASSES


def test_a_doubtful_face_counts_where_it_would_be_the_one_that_is_indexed() -> None:
    sure, doubtful = face(box=(0.1, 0.1, 0.3, 0.3)), RULES.min_face_confidence - 5
    assert (
        RULES.the_one_clear_face([sure, face(confidence=doubtful, box=(0.6, 0.1, 0.2, 0.2))], HEADER) is sure
    )
    larger = rejection(sure, face(confidence=doubtful, box=(0.5, 0.1, 0.4, 0.4)))
    assert larger.reason is Reason.MULTIPLE_FACES
    assert "Detected 2 faces" in str(larger)


def test_a_photo_of_unknown_size_is_not_called_too_small() -> None:
    assert RULES.the_one_clear_face([face(box=(0.5, 0.5, 0.001, 0.001))], ImageHeader("JPEG"))


def test_a_box_beyond_the_edge_of_the_photo_is_measured_without_an_error() -> None:
    assert "0 pixels" in str(rejection(face(box=(0.9, 0.9, -0.1, 0.1))))


def test_attributes_that_rekognition_left_out_break_no_rule() -> None:
    bare = {name: face()[name] for name in ("BoundingBox", "Confidence")}
    assert RULES.the_one_clear_face([bare], HEADER) == bare


def test_every_attribute_the_rules_look_at_is_asked_for() -> None:
    assert set(ATTRIBUTES) == {"DEFAULT", "SUNGLASSES", "EYES_OPEN", "FACE_OCCLUDED"}


FILES = [
    (0, None, Reason.IMAGE_UNREADABLE, "the file is empty"),
    (RULES.max_bytes + 1, HEADER, Reason.IMAGE_TOO_LARGE, "15,728,641 bytes, at most 15,728,640"),
    (RULES.max_bytes + 1, None, Reason.IMAGE_TOO_LARGE, "bytes"),
    (100, None, Reason.UNSUPPORTED_FORMAT, "Only JPEG or PNG is supported"),
    (100, ImageHeader("PNG", 50_000, 1_001), Reason.IMAGE_TOO_LARGE, "50000 x 1001 pixels"),
    (100, ImageHeader("JPEG", 79, 480), Reason.FACE_NOT_CLEAR, "each side needs 80 or more"),
    (100, ImageHeader("JPEG", 480, 79), Reason.FACE_NOT_CLEAR, "480 x 79"),
    (100, ImageHeader("PNG", 0, 0), Reason.FACE_NOT_CLEAR, "0 x 0"),
    (100, ImageHeader("PNG", 2**32 - 1, 2**32 - 1), Reason.IMAGE_TOO_LARGE, "pixels"),
]


@pytest.mark.parametrize(("size", "header", "reason", "message"), FILES)
def test_a_file_that_breaks_a_rule_is_rejected(
    size: int, header: ImageHeader | None, reason: Reason, message: str
) -> None:
    with pytest.raises(PhotoDoesNotMeetRequirementError, match=message) as rejected:
        RULES.check_file(size, header)
    assert rejected.value.reason is reason
    assert reason_of("PhotoDoesNotMeetRequirementError", str(rejected.value)) is reason


@pytest.mark.parametrize(
    "header",
    [HEADER, ImageHeader("JPEG"), ImageHeader("PNG", 50_000, 1_000), ImageHeader("PNG", 80, 80)],
)
def test_a_file_at_the_limits_passes(header: ImageHeader) -> None:
    RULES.check_file(RULES.max_bytes, header)
    RULES.check_file(1, header)
    with pytest.raises(PhotoDoesNotMeetRequirementError):
        RULES.check_file(0, header)


@pytest.mark.parametrize(
    ("rules", "changed"),
    [
        (PhotoRules(min_face_confidence=100.0), {}),
        (PhotoRules(min_sunglasses_confidence=10.0), {"sunglasses": (True, 10.0)}),
        (PhotoRules(max_yaw=1.0), {}),
        (PhotoRules(min_face_pixels=1000.0), {}),
        (PhotoRules(min_brightness=90.0), {}),
        (PhotoRules(min_sharpness=90.0), {}),
    ],
)
def test_a_threshold_can_be_set(rules: PhotoRules, changed: Any) -> None:
    detail = face(**changed)
    assert RULES.the_one_clear_face([detail], HEADER)
    assert rejection(detail, rules=rules)


@pytest.mark.parametrize("threshold", [79.9, 0.0, 100.1, float("nan")])
def test_a_similarity_that_makes_strangers_one_person_is_refused(threshold: float) -> None:
    with pytest.raises(SettingsError, match="SIMILARITY_THRESHOLD must be 80 to 100"):
        PhotoRules(similarity_threshold=threshold)


@pytest.mark.parametrize("threshold", [80.0, 100.0])
def test_the_similarity_may_be_80_to_100(threshold: float) -> None:
    assert PhotoRules(similarity_threshold=threshold).similarity_threshold == threshold


def test_every_default_has_the_type_of_its_field() -> None:
    assert {field.name: type(field.default).__name__ for field in fields(PhotoRules)} == {
        field.name: field.type for field in fields(PhotoRules)
    }


def test_a_rejection_carries_its_reason_and_its_words() -> None:
    error = rejected(Reason.SUNGLASSES)
    assert (error.reason, str(error)) == (Reason.SUNGLASSES, "Face is wearing sunglasses")
