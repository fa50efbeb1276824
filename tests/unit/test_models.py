from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import FaceAlreadyExistsError, InvalidInputError, PhotoDoesNotMeetRequirementError
from chalicelib.models import (
    UNVERSIONED,
    USER_ID,
    Reason,
    external_image_id,
    is_upload_id,
    minted_upload_id,
    object_digest,
    owner_of_face,
    upload_id_of_object,
    upload_key,
    user_id_of_key,
    uuid7,
    valid_user_id,
)
from chalicelib.outcome import MESSAGE_STARTS, reason_of

UPLOAD_ID = "01977421-c660-7000-8000-000000000001"
REJECTION = PhotoDoesNotMeetRequirementError.__name__

milliseconds = st.integers(0, 2**48 - 1)
entropies = st.binary(min_size=10, max_size=40)
user_ids = st.text("abcXYZ019_.-:", min_size=1, max_size=218).filter(lambda text: text not in {".", ".."})
upload_ids = st.builds(uuid7, milliseconds, entropies)
# Anything that JSON can carry, lone surrogates too.
any_text = st.text(st.characters(), max_size=300)


@given(milliseconds, entropies)
def test_an_upload_id_is_a_uuid_of_version_7_that_holds_its_time(moment: int, entropy: bytes) -> None:
    upload_id = uuid7(moment, entropy)
    parsed = UUID(upload_id)
    assert (parsed.version, parsed.variant) == (7, "specified in RFC 4122")
    assert parsed.int >> 80 == moment
    assert is_upload_id(upload_id)


@given(milliseconds, entropies, milliseconds, entropies)
def test_upload_ids_sort_by_time(one: int, its_entropy: bytes, other: int, others_entropy: bytes) -> None:
    if one < other:
        assert uuid7(one, its_entropy) < uuid7(other, others_entropy)


def test_upload_ids_of_one_millisecond_differ_by_their_entropy() -> None:
    assert uuid7(1, bytes(10)) != uuid7(1, bytes(9) + b"\x01")


@pytest.mark.parametrize(
    "text",
    [
        "",
        UPLOAD_ID.upper(),
        UPLOAD_ID + "\n",
        UPLOAD_ID.replace("-7", "-4", 1),
        UPLOAD_ID.replace("-8", "-c", 1),
        UPLOAD_ID[:-1],
        "../" + UPLOAD_ID,
    ],
)
def test_what_is_no_upload_id_is_not_taken_for_one(text: str) -> None:
    assert not is_upload_id(text)


@given(user_ids, upload_ids, st.sampled_from(["jpg", "png"]))
def test_a_minted_key_leads_back_to_rider_and_upload(user_id: str, upload_id: str, extension: str) -> None:
    key = upload_key(user_id, upload_id, extension)
    assert user_id_of_key(key) == user_id
    assert minted_upload_id(user_id, key) == upload_id


@given(user_ids, upload_ids)
def test_a_key_under_another_rider_names_no_upload_of_this_one(user_id: str, upload_id: str) -> None:
    assert minted_upload_id(user_id, upload_key(f"{user_id[:217]}x", upload_id, "jpg")) is None


@pytest.mark.parametrize("file_name", ["selfie.jpg", f"{UPLOAD_ID}.gif", f"{UPLOAD_ID}", f"x{UPLOAD_ID}.jpg"])
def test_a_file_name_that_no_form_minted_has_no_upload_id(file_name: str) -> None:
    assert minted_upload_id("anna", f"uploads/anna/{file_name}") is None


@given(any_text)
def test_any_user_id_is_either_taken_as_it_is_or_refused_with_a_sentence(text: str) -> None:
    if not USER_ID.match(text):
        with pytest.raises(InvalidInputError, match=r"use 1 to 218 of a-z A-Z 0-9 _ \. - :"):
            valid_user_id(text)
    else:
        assert valid_user_id(text) == text
        assert set(text) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-:")
        assert len(external_image_id(text, UPLOAD_ID)) <= 255


@pytest.mark.parametrize(
    "user_id",
    [
        "",
        ".",
        "..",
        "a/b",
        "a b",
        "a+b",
        "a%2Fb",
        "a\n",
        "ä",
        "１",
        "a" * 219,
        "a@example.com",
        None,
        7,
        ["a"],
    ],
)
def test_a_user_id_that_a_key_or_the_collection_cannot_carry_is_refused(user_id: object) -> None:
    with pytest.raises(InvalidInputError, match="is not a valid userId"):
        valid_user_id(user_id)


@given(st.one_of(any_text, any_text.map("uploads/{}".format), st.text(max_size=9).map("uploads/a/{}".format)))
def test_any_key_names_a_valid_rider_or_is_refused(key: str) -> None:
    try:
        user_id = user_id_of_key(key)
    except InvalidInputError:
        # Refused with a sentence; test_a_key_without_a_valid_rider_is_refused says which.
        assert not re.fullmatch(r"uploads/[a-z]{1,9}/[a-z.]{1,9}", key)
    else:
        assert key.startswith(f"uploads/{user_id}/")
        assert valid_user_id(user_id)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "uploads/",
        "uploads/anna",
        "uploads/anna/",
        "uploads//selfie.jpg",
        "uploads/../selfie.jpg",
        "uploads/anna/../bob/selfie.jpg",
        "uploads/anna+bob/selfie.jpg",
        "uploads/anna%2Fbob/selfie.jpg",
        "Uploads/anna/selfie.jpg",
        "selfie.jpg",
        "uploads/" + "ä" * 508,
    ],
)
def test_a_key_without_a_valid_rider_is_refused(key: str) -> None:
    with pytest.raises(InvalidInputError):
        user_id_of_key(key)


@given(user_ids, upload_ids)
def test_a_face_leads_back_to_its_rider_and_upload(user_id: str, upload_id: str) -> None:
    assert owner_of_face(external_image_id(user_id, upload_id)) == (user_id, upload_id)


def test_a_rider_whose_name_holds_an_upload_id_is_told_from_their_upload() -> None:
    user_id = f"anna:{UPLOAD_ID}"
    assert owner_of_face(external_image_id(user_id, UPLOAD_ID)) == (user_id, UPLOAD_ID)
    assert owner_of_face(f"anna:{UPLOAD_ID}x") == (f"anna:{UPLOAD_ID}x", None)


@given(st.text("abc019_.-:", min_size=1, max_size=255))
def test_a_face_that_another_program_indexed_belongs_to_its_whole_name(name: str) -> None:
    owner, upload_id = owner_of_face(name)
    assert name == (owner if upload_id is None else external_image_id(owner, upload_id))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ab", "c", "v"), ("a", "bc", "v")),
        (("a", "bc", "v"), ("a", "b", "cv")),
        (("a", "b", None), ("a", "b", UNVERSIONED)),
        (("a", "b", "1"), ("a", "b", "2")),
    ],
)
def test_different_objects_have_different_digests(one: Any, other: Any) -> None:
    assert object_digest(*one) != object_digest(*other)


def test_the_upload_id_of_a_foreign_object_is_always_the_same_and_sorts_by_its_age() -> None:
    older = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
    newer = datetime(2026, 5, 1, 12, 0, 1, tzinfo=UTC)
    first = upload_id_of_object("bucket", "selfie.jpg", "v1", older)
    assert first == upload_id_of_object("bucket", "selfie.jpg", "v1", older)
    assert is_upload_id(first)
    assert first < upload_id_of_object("bucket", "another.jpg", "v1", newer)


@pytest.mark.parametrize("reason", list(MESSAGE_STARTS))
def test_a_reason_is_read_back_from_the_message_it_begins(reason: Reason) -> None:
    number = "2 faces" if reason is Reason.MULTIPLE_FACES else ""
    assert reason_of(REJECTION, f"{MESSAGE_STARTS[reason]}{number} …") is reason


def test_ten_faces_are_several_and_not_none() -> None:
    assert reason_of(REJECTION, "Detected 10 faces in the photo.") is Reason.MULTIPLE_FACES


def test_a_rejection_with_unknown_words_still_blames_the_photo() -> None:
    assert reason_of(REJECTION, "something else") is Reason.FACE_NOT_CLEAR


def test_a_face_of_another_rider_is_a_reason_whatever_the_message_says() -> None:
    assert reason_of(FaceAlreadyExistsError.__name__, "") is Reason.FACE_ALREADY_EXISTS


@pytest.mark.parametrize("error", ["States.Timeout", "Lambda.Unknown", "ServiceUnavailableError", "Unknown"])
def test_no_other_error_blames_the_rider(error: str) -> None:
    assert reason_of(error, "Detected 0 faces") is None
