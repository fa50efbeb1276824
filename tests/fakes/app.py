"""The app with fake services in place of its clients."""

from __future__ import annotations

import importlib

import pytest
from chalice import Chalice

from chalicelib import clients, wiring
from tests.fakes.aws import FakeAws


def app_on(aws: FakeAws, patch: pytest.MonkeyPatch) -> Chalice:
    """The app, whose functions call these services as long as the patch holds; needs their environment."""
    for name in ("s3", "dynamodb", "rekognition", "ses", "sqs", "step_functions", "cognito"):
        fake = getattr(aws, name)
        patch.setattr(clients, name, lambda fake=fake: fake)
        patch.setitem(wiring._PROVIDERS, name, lambda fake=fake: fake)  # type: ignore[index]
    app: Chalice = importlib.import_module("app").app
    return app
