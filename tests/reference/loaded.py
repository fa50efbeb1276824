"""The app itself, which reads where it is deployed when it is imported."""

from __future__ import annotations

import importlib
import os
from unittest import mock

from chalice.app import Chalice

from tests.fakes import ENVIRONMENT


def loaded_app() -> Chalice:
    """The app of a stage called test."""
    with mock.patch.dict(os.environ, ENVIRONMENT):
        app: Chalice = importlib.import_module("app").app
    return app
