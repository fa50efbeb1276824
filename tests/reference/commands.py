"""The commands that the documents tell people to give, and what they would be refused for.

Nothing is run here: looked at are make's targets and variables, the options of `python -m …` and of Chalice,
and of the AWS CLI services, operations, parameters and values, by botocore's models, which it is made from.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from unittest import mock

import botocore.session
import click
import jmespath
from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.model import ListShape, OperationModel, Shape
from botocore.validate import ParamValidator
from chalice.cli import cli as chalice
from jmespath.exceptions import ParseError

from checks.judges import JUDGES
from deploy.__main__ import main as deploy
from local.cli import main as local
from tests.browser.states import STATES

ROOT: Final = Path(__file__).resolve().parents[2]
DOCUMENTS: Final = sorted(
    [ROOT / "README.md", ROOT / "statemachine" / "README.md", *(ROOT / "docs").rglob("*.md")]
)
_FENCED: Final = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_INLINE: Final = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_RUN: Final = re.compile(r"^ *- run: (.+)$", re.MULTILINE)
_SHELL: Final = {"", "sh", "bash", "console"}
# Run another command, or install a package; what a package is called on a system is for it to say.
_BEFORE: Final = {"nice", "sudo"}
_INSTALLERS: Final = {"apt", "brew"}
# Commands of the AWS CLI that are no operation of a service.
_CLI_ITSELF: Final = {"s3 ls", "sso login"}
# Services that the AWS CLI calls otherwise than their models.
_CLI_SERVICES: Final = {"s3api": "s3"}
_GLOBAL: Final = {"region", "profile", "output", "query", "endpoint-url"}


class CommandError(Exception):
    """A command that would be refused; the message says why."""


class _UnderstoodError(Exception):
    """A command line was understood; what it asks for isn't done."""


def commands(text: str) -> Iterator[str]:
    """The commands of a document, in its blocks for a shell and its words in code; each as one line."""
    for language, block in _FENCED.findall(text):
        yield from _RUN.findall(block) if language == "yaml" else ()
        if language in _SHELL:
            for line in block.replace("\\\n", " ").splitlines():
                line = line.strip()
                told = line.startswith("$ ")
                if told or line.split(" ")[0] in _CHECKS or line.startswith("eval "):
                    yield from _plain(line.removeprefix("$ "))
    for words in _INLINE.findall(_FENCED.sub("", text)):
        if len(words.split()) > 1 and words.split()[0] in {*_CHECKS, *_BEFORE}:
            yield from _plain(words)


def _plain(line: str) -> Iterator[str]:
    """The command without its comment, and without what only runs another."""
    line = " ".join(line.partition("  #")[0].partition(" # ")[0].split())
    inner = re.fullmatch(r'eval "\$\((.*)\)"', line)
    line = inner[1] if inner else line
    while line.split(" ")[0] in _BEFORE:
        line = line.partition(" ")[2]
    yield line


def check(command: str) -> None:
    """Raise a CommandError if a command would be refused; words in capitals and `…` stand for any."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise CommandError(f"no shell reads it: {error}") from error
    program = _CHECKS.get(words[0])
    if program is None:
        raise CommandError(f"nothing is known of {words[0]}")
    program(words[1:])


def _make(words: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for word in words:
        variable = re.fullmatch(r"([A-Z]+)=.*", word)
        if variable and not re.search(rf"\$\$?[({{]?{variable[1]}\b", makefile):
            raise CommandError(f"the Makefile doesn't use {variable[1]}")
        if not variable and not re.search(rf"^{re.escape(word)}:", makefile, re.MULTILINE):
            raise CommandError(f"the Makefile has no {word}")


def _python(words: list[str]) -> None:
    if words[:1] != ["-m"] or len(words) < 2:
        raise CommandError("it is no `python -m MODULE`")
    module, arguments = words[1], words[2:]
    if importlib.util.find_spec(module) is None:
        raise CommandError(f"there is no module {module}")
    known = _NAMES.get(module)
    if known is not None and set(arguments) - known:
        raise CommandError(f"{module} doesn't know {', '.join(sorted(set(arguments) - known))}")
    if module in _MAINS and arguments:
        # `[--json]` may be left out, `N` is a number, and `PHOTO…` any.
        _understood(_MAINS[module], [re.sub(r"^N$", "1", word.strip("[]")) for word in arguments])


def _understood(main: Callable[[list[str]], int], arguments: list[str]) -> None:
    """Let a program read its arguments, and no more."""
    parse = argparse.ArgumentParser.parse_args

    def parse_only(parser: argparse.ArgumentParser, given: Any = None, namespace: Any = None) -> Any:
        parse(parser, given, namespace)
        raise _UnderstoodError

    def refuse(parser: argparse.ArgumentParser, message: str) -> Any:
        raise CommandError(message)

    with (
        mock.patch.object(argparse.ArgumentParser, "parse_args", parse_only),
        mock.patch.object(argparse.ArgumentParser, "error", refuse),
    ):
        try:
            main(arguments)
        except _UnderstoodError:
            return
    raise CommandError("it reads no arguments")


def _chalice(words: list[str]) -> None:
    found = chalice.commands.get(words[0])
    if found is None:
        raise CommandError(f"chalice has no {words[0]}")
    try:
        found.make_context(words[0], list(words[1:]))
    except click.ClickException as error:
        raise CommandError(error.format_message()) from error


def _install(words: list[str]) -> None:
    if words[:1] != ["install"] or len(words) < 2:
        raise CommandError("it installs nothing")


def _aws(words: list[str]) -> None:
    if " ".join(words[:2]) in _CLI_ITSELF:
        return
    try:
        service = botocore.session.get_session().get_service_model(_CLI_SERVICES.get(words[0], words[0]))
    except UnknownServiceError as error:
        raise CommandError(f"AWS has no {words[0]}") from error
    if len(words) == 1:
        return  # a service is named, no command given
    by_name = {xform_name(name, "-"): name for name in service.operation_names}
    if words[1] not in by_name:
        raise CommandError(f"{words[0]} has no {words[1]}")
    if len(words) > 2:
        _parameters(service.operation_model(by_name[words[1]]), words[2:])


def _parameters(operation: OperationModel, words: list[str]) -> None:
    members: Mapping[str, Shape] = operation.input_shape.members if operation.input_shape else {}
    by_option = {xform_name(name, "-"): name for name in members}
    given: dict[str, Any] = {}
    for option, values in _options(words):
        if option == "query":
            _query(" ".join(values))
        elif option in by_option and " ".join(values).startswith("file://"):
            continue  # a file that the reader writes
        elif option in by_option:
            given[by_option[option]] = _value(members[by_option[option]], values)
        elif option not in _GLOBAL:
            raise CommandError(f"{operation.name} has no --{option}")
    report = ParamValidator().validate(given, operation.input_shape)
    if report.has_errors():
        raise CommandError(report.generate_report())
    for name, value in given.items():
        allowed = getattr(members[name], "enum", [])
        if allowed and value not in allowed:
            raise CommandError(f"{value} is none of {', '.join(allowed)}")


def _options(words: list[str]) -> list[tuple[str, list[str]]]:
    """(name, values) of each option."""
    found: list[tuple[str, list[str]]] = []
    for word in words:
        if word.startswith("--"):
            found.append((word.removeprefix("--"), []))
        elif found:
            found[-1][1].append(word)
        else:
            raise CommandError(f"{word} belongs to no option")
    return found


def _query(text: str) -> None:
    try:
        jmespath.compile(text)
    except ParseError as error:
        raise CommandError(f"no JMESPath: {error}") from error


def _value(shape: Shape, words: list[str]) -> Any:
    text = " ".join(words)
    if shape.type_name == "boolean" and not text:
        return True  # a flag
    if shape.type_name in {"structure", "map", "list"}:
        try:
            return json.loads(text)
        except ValueError:
            if isinstance(shape, ListShape):
                shorthand = shape.member.type_name == "structure"
                return (
                    [dict(pair.split("=", 1) for pair in word.split(",")) for word in words]
                    if shorthand
                    else words
                )
            raise CommandError(f"no JSON: {text}") from None
    return int(text) if shape.type_name in {"integer", "long"} else text


# Modules whose arguments are one of these names.
_NAMES: Final[Mapping[str, set[str]]] = {
    "checks": set(JUDGES),
    "tests.browser.screenshots": set(STATES),
    "tests.reference": set(),
    "tests.statemachine.diagram": set(),
    "benchmarks.bursts": set(),
}
_MAINS: Final[Mapping[str, Callable[[list[str]], int]]] = {"deploy": deploy, "local": local}
_CHECKS: Final[Mapping[str, Callable[[list[str]], None]]] = {
    "make": _make,
    "python": _python,
    "aws": _aws,
    "chalice": _chalice,
    **dict.fromkeys(_INSTALLERS, _install),
}
