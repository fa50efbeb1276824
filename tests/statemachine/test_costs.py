"""Exact counts of what photos cost: a change that adds a request, a transition or a byte fails here."""

from __future__ import annotations

from typing import Final

import pytest

from benchmarks.costs.counts import CASES, count
from local.places import PROJECT
from tests.statemachine.pipeline import Pipeline

# Case: status, requests, states entered.
EXPECTED: Final = {
    "accepted": ("accepted", 25, 9),
    "accepted, replacing": ("accepted", 29, 9),
    "FACE_ALREADY_EXISTS": ("rejected", 14, 3),
    "FACE_CHANGED": ("rejected", 27, 10),
    "NO_FACE": ("rejected", 12, 2),
    "MULTIPLE_FACES": ("rejected", 12, 2),
    "SUNGLASSES": ("rejected", 12, 2),
    "FACE_NOT_CLEAR": ("rejected", 12, 2),
    "UNSUPPORTED_FORMAT": ("rejected", 10, 2),
    "IMAGE_TOO_LARGE": ("rejected", 10, 2),
    "IMAGE_UNREADABLE": ("rejected", 10, 2),
}
# FaceDetection reads as much for the header; only Thumbnail reads a photo whole.
HEADER: Final = 65_536
RENDERED: Final = {"accepted", "accepted, replacing", "FACE_CHANGED"}


def test_every_case_has_its_counts() -> None:
    assert EXPECTED.keys() == CASES.keys()


@pytest.mark.parametrize("case", CASES)
def test_requests_and_transitions_are_as_many_as_they_were(pipeline: Pipeline, case: str) -> None:
    found = count(pipeline, CASES[case])
    assert (found.status, found.total, found.transitions) == EXPECTED[case], dict(found.requests)


@pytest.mark.parametrize("case", CASES)
def test_a_photo_is_read_whole_once_and_only_if_it_is_rendered(pipeline: Pipeline, case: str) -> None:
    found = count(pipeline, CASES[case])
    whole = found.size if case in RENDERED else 0
    assert found.bytes_read == min(found.size, HEADER) + whole


def test_each_photo_is_looked_at_once(pipeline: Pipeline) -> None:
    requests = count(pipeline, CASES["accepted"]).requests
    looks = {name: number for name, number in requests.items() if name.startswith("rekognition")}
    assert looks == {
        "rekognition detect_faces": 1,
        "rekognition search_faces_by_image": 1,
        "rekognition index_faces": 1,
        "rekognition search_faces": 1,
    }


def test_the_page_on_performance_says_these_counts() -> None:
    page = (PROJECT / "docs/performance.md").read_text(encoding="utf-8")
    _, calls, transitions = EXPECTED["accepted"]
    assert f"| `calls_accepted` | {calls} |" in page
    assert f"| `transitions_accepted` | {transitions} |" in page
