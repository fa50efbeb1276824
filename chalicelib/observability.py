"""Logs and metrics: structured, with the execution's name as correlation id.

Ids and decisions are logged; never image bytes, addresses or presigned fields.
"""

from __future__ import annotations

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

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
