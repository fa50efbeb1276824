"""What `python -m local` says of its parts' failures, and whether it kept what was uploaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from deploy import NoProgress
from local import cli_demo, cli_up
from local import stack as stacks
from local.cli import main
from local.emulator import Emulator
from local.processes import ProcessError
from local.rekognition.weights import WeightsError
from local.samples import SamplesError
from local.stack import Directories, NotKeptError, Stack


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory that `up` keeps its state in."""
    for name in ("STATE", "APP", "ENDPOINTS", "LOCK"):
        monkeypatch.setattr(cli_up, name, tmp_path / name.lower())
    monkeypatch.setattr(cli_up, "_NOT_KEPT", tmp_path / "state" / "not-kept")
    (tmp_path / "state").mkdir()
    return tmp_path


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack that persists, of which nothing is started."""
    monkeypatch.setattr(Stack, "start", lambda _: None)
    return Stack(Directories(tmp_path / "data", tmp_path / "app"), NoProgress(), persist=True)


def a_child(log: Path, *codes: int | None) -> Any:
    """A child that ends with the last of the codes, after as many looks as there are others."""
    left = list(codes)
    log.write_text("its last words\n")
    return SimpleNamespace(
        poll=lambda: left.pop(0) if len(left) > 1 else left[0], log_file=log, was_killed=False
    )


@pytest.mark.parametrize("error", [WeightsError("recognizer.onnx was changed"), SamplesError("no face seen")])
def test_models_that_are_not_the_pinned_ones_are_an_error_in_a_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def demo(*_: Any, **__: Any) -> int:
        raise error

    monkeypatch.setattr(cli_demo, "demo", demo)
    assert main(["demo"]) == 1
    assert capsys.readouterr().err == f"error: {error}\n"


@pytest.mark.parametrize(
    "raised", [ConnectionRefusedError("refused"), EndpointConnectionError(endpoint_url="http://127.0.0.1:1")]
)
def test_a_request_that_nobody_answers_is_told_by_the_part_that_ended(
    stack: Stack, tmp_path: Path, raised: Exception
) -> None:
    stack.face_service = a_child(tmp_path / "faces.log", None)
    # Its connections are cut a moment before it has ended.
    stack._emulator = a_child(tmp_path / "aws.log", None, None, -9)
    ended = r"embedded AWS ended by itself with exit code -9(?s:.)*its last words"
    with pytest.raises(ProcessError, match=ended), stack:
        raise raised


def test_another_error_stays_what_it_is_and_one_of_a_part_that_lives_too(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacks, "_ENDING_SECONDS", 0.01)
    stack.face_service, stack._emulator = (a_child(tmp_path / name, None) for name in ("faces", "aws"))
    for error in (KeyError("other"), OSError("no space left")):
        with pytest.raises(type(error)), stack:
            raise error


def test_a_stack_that_had_to_be_killed_before_it_saved_says_so(stack: Stack) -> None:
    stack.stop()
    stack._emulator.was_killed = True
    with pytest.raises(NotKeptError, match="uploaded since the start is not kept"):
        stack.stop()


def test_only_who_asks_for_it_gets_the_decisions_of_iam(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables: list[dict[str, str]] = []

    def emulator(*_: Any, extra_env: dict[str, str], **__: Any) -> Emulator:
        variables.append(extra_env)
        return Emulator(None, "http://127.0.0.1:1")

    monkeypatch.setattr(stacks, "Emulator", emulator)
    directories = Directories(tmp_path / "data", tmp_path / "app")
    Stack(directories, NoProgress())
    Stack(directories, NoProgress(), authorization_log=tmp_path / "log")
    assert ["AUTHORIZATION_LOG" in given for given in variables] == [False, True]


def test_down_says_whether_what_was_uploaded_is_kept(
    places: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli_up, "end", lambda *_: True)
    assert main(["down"]) == 0
    assert "is kept for the next" in capsys.readouterr().err
    (places / "state" / "not-kept").write_text("What was uploaded is not kept.\n")
    assert main(["down"]) == 1
    assert capsys.readouterr().err == "error: What was uploaded is not kept.\n"


def test_an_up_that_could_not_keep_what_was_uploaded_leaves_word_for_down(
    places: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    note = places / "state" / "not-kept"
    note.write_text("of the one before")

    @contextmanager
    def killed(*_: Any, **__: Any) -> Iterator[Any]:
        assert not note.exists()
        yield SimpleNamespace(endpoints=SimpleNamespace(write=lambda *_, **__: None))
        raise NotKeptError("It was killed.")

    @contextmanager
    def console(_: Any) -> Iterator[Any]:
        yield SimpleNamespace(url="http://127.0.0.1:1/")

    for name, fake in {"Stack": killed, "_console": console}.items():
        monkeypatch.setattr(cli_up, name, fake)
    for name in ("_tell", "_keep_running"):
        monkeypatch.setattr(cli_up, name, lambda *_, **__: None)
    assert main(["up"]) == 1
    assert "error: It was killed." in capsys.readouterr().err
    assert note.read_text() == "It was killed.\n"
