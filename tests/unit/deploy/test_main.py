from __future__ import annotations

import argparse
import io
import json
import re
import shlex
import sys
from pathlib import Path

import pytest
from botocore.exceptions import EndpointConnectionError

from deploy import __main__ as command_line
from deploy.bring_up import Deployment, UpOptions
from deploy.errors import DeployError, aws_errors_explained
from deploy.progress import ConsoleProgress
from deploy.redrive import Redriven, RedriveOptions
from deploy.riders import RiderErased, RiderOptions
from deploy.teardown import DownOptions, Removal
from tests.unit.deploy.fakes import client_error

PROJECT = Path(__file__).parents[3]
DEPLOYMENT = Deployment("dev", "us-east-1", "1", {"A": "b"}, "abc", "https://abc/api", "https://abc")


def test_up_prints_the_deployment_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[UpOptions] = []

    def up(options: UpOptions, progress: ConsoleProgress) -> Deployment:
        given.append(options)
        return DEPLOYMENT

    monkeypatch.setattr(command_line, "up", up)
    arguments = "up --stage dev --sender a@example.com --region eu-west-1 --architecture arm64 --json"
    assert command_line.main(arguments.split()) == 0
    assert (given[0].stage, given[0].sender, given[0].region) == ("dev", "a@example.com", "eu-west-1")
    assert given[0].architecture == "arm64"
    output = capsys.readouterr()
    assert json.loads(output.out)["rest_api_id"] == "abc"
    assert "dev is up" in output.err


def test_an_error_is_one_sentence_and_not_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def up(options: UpOptions, progress: ConsoleProgress) -> Deployment:
        with aws_errors_explained():
            raise client_error("AccessDenied", "not allowed", "CreateStack")

    monkeypatch.setattr(command_line, "up", up)
    assert command_line.main(["up", "--stage", "dev"]) == 1
    assert capsys.readouterr().err == "error: AWS refused CreateStack: AccessDenied: not allowed\n"


def test_an_interruption_says_that_the_command_can_be_repeated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def up(options: UpOptions, progress: ConsoleProgress) -> Deployment:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "up", up)
    assert command_line.main(["up", "--stage", "dev"]) == 130
    assert "goes on from here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "tty", "arguments", "code"),
    [
        ("y\n", True, [], 0),
        ("\n", True, [], 1),
        ("", True, [], 1),
        ("y\n", False, [], 1),
        ("", False, ["--yes"], 0),
    ],
)
def test_down_asks_a_person_before_it_removes(
    monkeypatch: pytest.MonkeyPatch, answer: str, tty: bool, arguments: list[str], code: int
) -> None:
    def down(options: DownOptions, progress: ConsoleProgress, confirm: object) -> Removal:
        assert callable(confirm)
        return Removal("dev", "us-east-1", "1", removed=confirm("Remove?"), kept=("the SES identity of a@b",))

    stdin = io.StringIO(answer)
    monkeypatch.setattr(stdin, "isatty", lambda: tty)
    monkeypatch.setattr(sys, "stdin", stdin)
    monkeypatch.setattr(command_line, "down", down)
    assert command_line.main(["down", "--stage", "dev", *arguments]) == code


@pytest.mark.parametrize(
    ("done", "code", "said"),
    [
        (
            Redriven("dev", started=["1"], settled=["2", "3"], unusable={"4": "no"}),
            0,
            "1 started again, 2 with",
        ),
        (Redriven("dev", failed={"1": "busy"}), 1, "1 failed again"),
    ],
)
def test_redrive_says_what_became_of_the_letters_and_fails_if_one_did(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    done: Redriven,
    code: int,
    said: str,
) -> None:
    given: list[RedriveOptions] = []

    def redrive(options: RedriveOptions, progress: ConsoleProgress) -> Redriven:
        given.append(options)
        return done

    monkeypatch.setattr(command_line, "redrive", redrive)
    assert command_line.main(["redrive", "--stage", "dev", "--region", "eu-west-1", "--json"]) == code
    assert given == [RedriveOptions("dev", "eu-west-1", dry_run=False)]
    output = capsys.readouterr()
    assert said in output.err
    assert json.loads(output.out)["unusable"] == done.unusable
    assert command_line.main(["redrive", "--stage", "dev", "--dry-run"]) == code
    assert given[1].dry_run
    assert "can never be processed" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "code"), [(["--yes"], 0), ([], 1)])
def test_erase_asks_before_it_erases(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    def erase(options: RiderOptions, progress: ConsoleProgress, confirm: object) -> RiderErased:
        assert callable(confirm)
        return RiderErased(options.stage, options.user, erased=confirm("Erase?"), faces=1)

    stdin = io.StringIO("n\n")
    monkeypatch.setattr(stdin, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", stdin)
    monkeypatch.setattr(command_line, "erase", erase)
    assert command_line.main(["erase", "--stage", "dev", "--user", "anna", "--json", *arguments]) == code
    output = capsys.readouterr()
    assert json.loads(output.out)["erased"] is (code == 0)
    assert ("anna is erased" in output.err) is (code == 0)


def test_allow_change_names_stage_and_rider(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[RiderOptions] = []
    monkeypatch.setattr(command_line, "allow_change", lambda options, progress: given.append(options))
    assert command_line.main(["allow-change", "--stage", "dev", "--user", "anna", "--json"]) == 0
    assert given == [RiderOptions("dev", "anna")]
    assert json.loads(capsys.readouterr().out) == {"stage": "dev", "user": "anna", "allowed": True}


@pytest.mark.parametrize("command", ["erase", "allow-change"])
def test_a_rider_has_to_be_named(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command_line.main([command, "--stage", "dev"])
    assert "--user" in capsys.readouterr().err


def commands_in_docs() -> list[str]:
    """Every `python -m deploy …` of the docs, without what stands before it."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((PROJECT / "docs").glob("*.md"))]
    return sorted({command for text in texts for command in re.findall(r"python -m deploy (.+)", text)})


@pytest.mark.parametrize("command", commands_in_docs())
def test_a_command_of_the_docs_can_be_given(command: str) -> None:
    given = command_line.parser().parse_args(shlex.split(command))
    assert given.stage


def test_every_command_is_in_the_docs() -> None:
    documented = {command.split()[0] for command in commands_in_docs()}
    [commands] = [
        action.choices
        for action in command_line.parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    ]
    assert documented == set(commands)


def test_a_stage_has_to_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command_line.main(["up"])
    assert "--stage" in capsys.readouterr().err


def test_markup_in_what_aws_says_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    progress = ConsoleProgress()
    progress.step("[bold]step[/bold]")
    progress.detail("[detail")
    progress.warn("[/]")
    assert capsys.readouterr().err == "▸ [bold]step[/bold]\n  [detail\n  ! [/]\n"


def test_an_endpoint_that_does_not_answer_is_told() -> None:
    with pytest.raises(DeployError, match=r"couldn't be asked: .*127\.0\.0\.1:1"), aws_errors_explained():
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
