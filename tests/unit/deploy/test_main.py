from __future__ import annotations

import io
import json
import sys

import pytest
from botocore.exceptions import EndpointConnectionError

from deploy import __main__ as command_line
from deploy.bring_up import Deployment, UpOptions
from deploy.errors import DeployError, aws_errors_explained
from deploy.progress import ConsoleProgress
from deploy.teardown import DownOptions, Removal
from tests.unit.deploy.fakes import client_error

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
