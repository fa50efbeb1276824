"""What ministack does differently from AWS, or not at all, and this project needs.

Each module has an ``install()`` that first checks that the upstream names it replaces are
what it was written for, and raises :class:`~local.emulator.upstream.UnsupportedMinistackError`
if not. docs/emulator.md lists them.
"""

from local.emulator.shims import (
    api_request_path,
    authorization,
    event_delivery,
    id_tokens,
    lambda_active,
    lambda_concurrency,
    lambda_errors,
    lambda_lifetime,
    lambda_logs,
    lambda_packages,
    lambda_start,
    query_definitions,
    rekognition,
    rekognition_collection,
    rest_api_import,
    s3_versions,
    sfn_executions,
    sfn_history,
    sfn_retry,
)

SHIMS = (
    authorization,
    lambda_active,
    lambda_errors,
    lambda_concurrency,
    lambda_logs,
    lambda_lifetime,
    lambda_packages,
    lambda_start,
    rest_api_import,
    api_request_path,
    id_tokens,
    rekognition,
    rekognition_collection,
    query_definitions,
    s3_versions,
    event_delivery,
    sfn_executions,
    sfn_history,
    sfn_retry,
)


def install_all() -> None:
    """Install every shim.

    Raises
    ------
    UnsupportedMinistackError
        At the first one that upstream doesn't fit.
    """
    for shim in SHIMS:
        shim.install()
