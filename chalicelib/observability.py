"""Logs and metrics: structured, with the execution's name as correlation id.

Ids and decisions are logged; never image bytes, addresses or presigned fields.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from chalicelib.clients import is_transient
from chalicelib.errors import RiderPhotoError, ServiceUnavailableError
from chalicelib.models import state_of

logger = Logger()


def count(name: str, **dimensions: str) -> None:
    """Count one occurrence, written at once as CloudWatch's embedded metric format.

    Parameters
    ----------
    name
        Of the metric, as UploadAccepted.
    dimensions
        Few values each: a reason, never an id.
    """
    with single_metric(name=name, unit=MetricUnit.Count, value=1) as metric:
        for dimension, value in dimensions.items():
            metric.add_dimension(dimension, value)


def correlate(execution_arn: str | None) -> None:
    """Give all further log lines of this invocation the execution's name; None takes the last one's away."""
    logger.set_correlation_id(execution_arn.rpartition(":")[2] if execution_arn else None)


def around_step(event: Any, get_response: Callable[[Any], Any]) -> Any:
    """Chalice middleware around each step: what it decided is logged, and what may pass is raised as such.

    Raises
    ------
    ServiceUnavailableError
        For a call of AWS that failed in a way that the same call may not fail a moment later.
    """
    given = event.event if isinstance(event.event, dict) else {}
    correlate(given.get("executionArn"))
    about = {"userId": state_of(given).get("userId")}
    try:
        answer = get_response(event)
    except RiderPhotoError as error:
        logger.info("step refused", extra={**about, "error": type(error).__name__, "why": str(error)})
        raise
    except Exception as error:
        # Broad, since each AWS client raises errors of its own; what is not transient goes on as it is.
        if is_transient(error):
            logger.warning("service unavailable", extra={**about, "error": type(error).__name__})
            raise ServiceUnavailableError(f"{type(error).__name__}: {error}") from error
        logger.exception("step failed", extra=about)
        raise
    logger.info("step done", extra=about)
    return answer
