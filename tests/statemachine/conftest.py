"""The real step functions, on fake services, behind an interpreted state machine."""

from __future__ import annotations

import pytest
from chalice.app import Chalice

from tests.fakes import FakeAws
from tests.statemachine.pipeline import Pipeline
from tests.unit.conftest import app, aws, environment, no_network

__all__ = ["app", "aws", "environment", "no_network", "pipeline"]


@pytest.fixture
def pipeline(aws: FakeAws, app: Chalice) -> Pipeline:
    """The pipeline as a fresh stack leaves it, with one rider signed up."""
    return Pipeline(aws, app)
