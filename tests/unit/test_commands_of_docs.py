"""Every command in the documents is run by a test, or would at least not be refused.

Which test runs what is listed; the rest needs an account, takes long, or is told with words that stand for
others, and is checked against what reads it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.reference.commands import DOCUMENTS, ROOT, CommandError, check, commands

# Cheap ones that write nothing but what is generated, each run here in a copy.
RUN_HERE: Final = (
    "python -m tests.reference",
    "python -m tests.statemachine.diagram",
)
# By how a command begins: the test that runs it, and the words in it that do.
RUN_BY: Final = {
    "python -m local demo": ("tests/e2e/test_commands.py", '"demo", "--json", "--keep"'),
    "python -m local up": ("tests/e2e/test_commands.py", 'running_up(lasting, "--json")'),
    "python -m local env": ("tests/e2e/test_commands.py", 'copy.run("env"'),
    "python -m local down": ("tests/e2e/test_commands.py", 'lasting.run("down")'),
    "python -m local reset": ("tests/e2e/test_commands.py", 'lasting.run("reset")'),
    "python -m deploy check": ("tests/e2e/test_deploy.py", 'aws.deploy("check"'),
    "python -m deploy up": ("tests/e2e/test_deploy.py", 'self.deploy("up"'),
    "python -m deploy down": ("tests/e2e/test_deploy.py", 'self.deploy("down"'),
    "python -m deploy redrive": ("tests/e2e/test_operate.py", '"redrive"'),
    "python -m deploy erase": ("tests/e2e/test_operate.py", '"erase"'),
    "python -m deploy appeals": ("tests/e2e/test_operate.py", '"appeals"'),
    "python -m deploy accept": ("tests/e2e/test_operate.py", '"accept"'),
    "python -m deploy allow-change": ("tests/e2e/test_operate.py", '"allow-change"'),
    "chalice deploy": ("deploy/bring_up.py", 'run_chalice("deploy"'),
}
# Those that nothing runs, by how they begin, and why.
CHECKED: Final = {
    "make": "their recipes run commands of Python that have tests of their own, or all tests",
    "aws": "needs an account, and the AWS CLI",
    "apt install": "changes the machine",
    "brew install": "changes the machine",
    "python -m checks": "installs the judges; `make check` runs it",
    "python -m local rekognition": "runs until it is ended; the local tests start it",
    "python -m benchmarks": "takes seconds to minutes, or a folder of photos",
    "python -m tests.browser": "takes minutes, and Chromium",
}
# A program that is named, and no command of it.
NAMED: Final = "python -m local"
COMMANDS: Final = sorted({command for path in DOCUMENTS for command in commands(path.read_text())})


def begins(command: str, beginning: str) -> bool:
    return re.match(rf"{re.escape(beginning)}(?![\w-])", command) is not None


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_would_not_be_refused(command: str) -> None:
    check(command)


def test_each_command_is_run_by_a_test_or_a_reason_says_why_not() -> None:
    left = [
        command
        for command in COMMANDS
        if command not in (*RUN_HERE, NAMED) and not any(begins(command, one) for one in (*RUN_BY, *CHECKED))
    ]
    assert left == []
    assert len(COMMANDS) > 40


@pytest.mark.parametrize("beginning", [*RUN_HERE, *RUN_BY, *CHECKED])
def test_nothing_is_listed_that_no_document_names(beginning: str) -> None:
    assert any(begins(command, beginning) for command in COMMANDS)


@pytest.mark.parametrize("beginning", RUN_BY)
def test_the_test_that_runs_a_command_does(beginning: str) -> None:
    file, words = RUN_BY[beginning]
    assert words in (ROOT / file).read_text()


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of all that git knows, less what only a browser or the end-to-end tests need."""
    folder = tmp_path_factory.mktemp("copy")
    left_out = shutil.ignore_patterns("__pycache__", "e2e", "local.*")
    for name in ("chalicelib", "deploy", "docs", "statemachine", "tests", "benchmarks", "local", "checks"):
        shutil.copytree(ROOT / name, folder / name, ignore=left_out)
    for name in ("app.py", "README.md"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.mark.parametrize("command", RUN_HERE)
def test_a_command_that_is_run_here_ends_well_and_changes_nothing(command: str, copy: Path) -> None:
    before = {path: path.read_bytes() for path in copy.rglob("*.md")}
    done = subprocess.run(
        [sys.executable, "-B", *command.split()[1:]],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {path: path.read_bytes() for path in copy.rglob("*.md")} == before


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("make dinner", "has no dinner"),
        ("make demo PHOTO=x", "doesn't use PHOTO"),
        ("python setup.py", "no `python -m"),
        ("python -m locale2", "no module"),
        ("python -m checks spelling", "doesn't know spelling"),
        ("python -m deploy up --sender a@example.com", "--stage"),
        ("python -m deploy up --stage dev --fast", "--fast"),
        ("python -m local rekognition --port many", "--port"),
        ("chalice deploy --fast", "--fast"),
        ("chalice fly", "has no fly"),
        ("aws rekognise list", "has no rekognise"),
        ("aws sqs drain-queue", "has no drain-queue"),
        ("aws sqs purge-queue --queue-uri x", "no --queue-uri"),
        ("aws sqs purge-queue --query QueueUrl", "Missing required parameter"),
        ("aws sqs list-queues --query 'QueueUrls[?'", "no JMESPath"),
        ("aws cloudwatch describe-alarms --state-value LOUD", "is none of"),
        ("aws dynamodb get-item --table-name a-table --key userId", "no JSON"),
        ('aws dynamodb get-item --table-name a-table --key \'{"a": {"S": 1}}\'', "Invalid type"),
        ("aws sqs list-queues 'half", "no shell reads it"),
        ("docker run x", "nothing is known of docker"),
    ],
)
def test_a_command_that_would_be_refused_is_told(command: str, why: str) -> None:
    with pytest.raises(CommandError, match=re.escape(why)):
        check(command)


def test_commands_are_read_from_blocks_and_from_words_in_code() -> None:
    document = "\n".join(
        [
            "Run `make demo`, or `sudo apt install chromium`; see `make`.",
            "```",
            "$ python -m deploy check \\",
            "    --stage dev",
            "▸ Checking what dev needs",
            'eval "$(python -m local env)"   # in another terminal',
            "```",
            "```yaml",
            "- run: make test",
            "- name: make dinner",
            "```",
        ]
    )
    assert list(commands(document)) == [
        "python -m deploy check --stage dev",
        "python -m local env",
        "make test",
        "make demo",
        "apt install chromium",
    ]
