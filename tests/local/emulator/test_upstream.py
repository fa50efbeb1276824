"""A ministack that is not the expected one stops the start, by name."""

import importlib
from types import ModuleType
from typing import Any

import pytest

from local.emulator import Emulator, upstream
from local.emulator.shims import SHIMS
from local.emulator.upstream import SUPPORTED_VERSION, UnsupportedMinistackError
from local.processes import ProcessError

BACKEND = "http://127.0.0.1:1"


@pytest.fixture
def changed() -> ModuleType:
    def invoke(func: Any, event: Any) -> None:
        """Stand for a function that took another parameter before."""

    module = ModuleType("ministack.changed")
    module.__dict__.update(invoke=invoke, SCRIPT="one two two", LIMIT=2)
    return module


@pytest.mark.parametrize("shim", SHIMS, ids=lambda shim: shim.__name__.rpartition(".")[2])
def test_each_shim_refuses_an_upstream_without_what_it_replaces(shim, monkeypatch):
    monkeypatch.setattr(upstream, "module", lambda name, path: ModuleType(f"ministack.{path}"))
    monkeypatch.setenv("REKOGNITION_BACKEND", BACKEND)
    with pytest.raises(UnsupportedMinistackError) as refused:
        shim.install()
    message = str(refused.value)
    assert f"'{shim.__name__.rpartition('.')[2]}'" in message
    assert "ministack." in message
    assert SUPPORTED_VERSION in message


def test_a_function_with_other_parameters_is_refused(changed):
    assert upstream.function("shim", changed, "invoke", "func", "event") is changed.invoke
    with pytest.raises(
        UnsupportedMinistackError, match=r"ministack\.changed\.invoke: it takes \('func', 'event'\)"
    ):
        upstream.function("shim", changed, "invoke", "func", "event", "request_id")
    with pytest.raises(UnsupportedMinistackError, match=r"ministack\.changed\.LIMIT: it is not a function"):
        upstream.function("shim", changed, "LIMIT")


def test_a_text_is_replaced_only_where_it_stands_once(changed):
    upstream.replace_text("shim", changed, "SCRIPT", "one", "three")
    assert changed.SCRIPT == "three two two"
    for text, times in (("two", 2), ("four", 0)):
        with pytest.raises(UnsupportedMinistackError, match=f"'{text}' occurs {times} times"):
            upstream.replace_text("shim", changed, "SCRIPT", text, "x")
    with pytest.raises(UnsupportedMinistackError, match="occurs 0 times"):
        upstream.replace_text("shim", changed, "LIMIT", "2", "3")


def test_a_module_that_is_gone_is_refused():
    with pytest.raises(UnsupportedMinistackError, match=r"'shim' cannot replace ministack\.services\.gone"):
        upstream.module("shim", "services.gone")


@pytest.mark.parametrize(
    ("found", "said"), [("1.6.0", "ministack 1.6.0 is installed"), (None, "not installed")]
)
def test_another_version_is_refused_with_the_command_that_helps(found, said, monkeypatch):
    monkeypatch.setattr(upstream, "installed_version", lambda: found)
    with pytest.raises(UnsupportedMinistackError, match=said) as refused:
        upstream.check_version()
    assert f"pip install ministack=={SUPPORTED_VERSION}" in str(refused.value)


def test_the_start_on_another_version_fails_with_the_reason(tmp_path):
    other = tmp_path / "other" / "ministack-9.9.9.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: ministack\nVersion: 9.9.9\n")
    emulator = Emulator(tmp_path / "data", BACKEND, extra_env={"PYTHONPATH": str(other.parent)})
    with pytest.raises(ProcessError, match=r"exit code 2(?s:.)*ministack 9\.9\.9 is installed"):
        emulator.start()
    assert emulator.poll() == 2


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("LAMBDA_WORKERS_PER_FUNCTION", "0", "at least 1"),
        ("LAMBDA_WORKERS_PER_FUNCTION", "two", "whole number"),
        ("LAMBDA_WORKERS_PER_FUNCTION", "1 detect=0", "at least 1, not 'detect=0'"),
        ("REKOGNITION_BACKEND", "https://rekognition.us-east-1.amazonaws.com", "on loopback"),
        ("REKOGNITION_BACKEND", "", "on loopback"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(variable, value, said, monkeypatch):
    module = {"LAMBDA_WORKERS_PER_FUNCTION": "lambda_concurrency", "REKOGNITION_BACKEND": "rekognition"}[
        variable
    ]
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=said):
        importlib.import_module(f"local.emulator.shims.{module}").install()
