"""What every unit test stands on: a function's environment, fake services, and no network."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from chalice import Chalice

from chalicelib.settings import settings
from tests.fakes import ENVIRONMENT, FakeAws
from tests.fakes.app import app_on


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A function's environment, and settings that are read anew."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    # As Lambda has them: without, boto3 asks the network for credentials.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit test that connects to anything fails."""

    connect = socket.socket.connect

    def refuse(self: socket.socket, address: Any) -> None:
        # A server of end-to-end tests may live on in this process, and ask the face service in its threads.
        if threading.current_thread() is not threading.main_thread() and address[0] == "127.0.0.1":
            connect(self, address)
            return
        raise AssertionError(f"a unit test connects to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def aws() -> FakeAws:
    """An account as a fresh stack leaves it."""
    return FakeAws()


@pytest.fixture
def app(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> Chalice:
    """The app, whose functions call the fakes."""
    return app_on(aws, monkeypatch)
