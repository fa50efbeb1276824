"""What a demo prints."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from local.demo import Outcome, Result
from local.demo_photos import DemoPhoto, Expected
from local.demo_report import print_report
from local.display import Display, make_console
from local.stack import Mail

USER = "cf11a92e-6dd0-4d4f-8b25-789f17702106"
UPLOAD = "01a203ff-f238-7020-88bd-9f7d83ee3a0d"
KEY = f"thumbnails/{USER}/{UPLOAD}.jpg"
REJECTED = Outcome(
    photo="[bold]a.jpg",
    userId=USER,
    uploadId=UPLOAD,
    outcome="rejected",
    reason="SUNGLASSES",
    message="Face is wearing sunglasses",
    executionArn=None,
    faceId=None,
    thumbnail=None,
    seconds=1.25,
)


def result(expected: Expected | None, outcome: Outcome = REJECTED) -> Result:
    item = {"Username": {"S": USER}, "faceId": {"S": "face-1"}, "s3key": {"S": "uploads/x.jpg"}}
    return Result(
        photos=[DemoPhoto(Path("/photos/[bold]a.jpg"), "[bold]a.jpg", 1, expected)],
        outcomes=[outcome],
        items=[{**item, "thumbnail": {"M": {"s3bucket": {"S": "b"}, "s3key": {"S": KEY}}}}],
        mails=[Mail(("rider1@wildrydes.example",), "photos@x", "Your photo [1]", "Hello,\n\nno glasses", "")],
        riders={USER: "rider1@wildrydes.example"},
    )


def test_the_report_reads_well_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    output = io.StringIO()
    print_report(result(None), make_console(output))
    text = output.getvalue()
    for part in ("[bold]a.jpg", "rider1", "SUNGLASSES", "wearing sunglasses", "1.2", "face-1", KEY):
        assert part in text
    for part in ("rider1@wildrydes.example", "Your photo [1]", "    no glasses"):
        assert part in text
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 100
    assert "\x1b" not in text


def test_what_differs_from_the_expected_is_said() -> None:
    assert result(Expected("rejected", "SUNGLASSES")).differences() == []
    (difference,) = result(Expected("accepted")).differences()
    assert difference == (
        "[bold]a.jpg should be accepted, but is rejected (SUNGLASSES): Face is wearing sunglasses"
    )
    (difference,) = result(Expected("rejected", "NO_FACE")).differences()
    assert "should be rejected (NO_FACE)" in difference


def test_ones_own_photo_should_only_not_fail() -> None:
    assert result(None).differences() == []
    assert result(None, replace(REJECTED, outcome="superseded", reason=None)).differences() == []
    failed = replace(REJECTED, outcome="failed", reason=None, message="No outcome after 180 s.")
    assert result(None, failed).differences() == ["[bold]a.jpg failed: No outcome after 180 s."]


def test_progress_without_a_terminal_is_a_line_a_step() -> None:
    output = io.StringIO()
    with Display(make_console(output)) as display:
        display.step("One [of] two")
        display.detail("a detail")
        display.warn("careful")
        display.step("Two")
    assert output.getvalue() == "▸ One [of] two\n  ! careful\n▸ Two\n"
