"""The request context's path is the one that the client asked for, whatever leads to the API's stage.

Upstream makes it of stage and resource. API Gateway gives the whole path, a custom domain's base path
included, and `/api` without a slash as such: an app that serves a page reads there where it is served.
"""

import functools
from contextvars import ContextVar
from typing import Any

from local.emulator import upstream

_NAME = "api_request_path"

_asked_for: ContextVar[str] = ContextVar("asked_for")


def install() -> None:
    """Wrap the request's handler, which knows the path, and what builds the function's event."""
    app = upstream.module(_NAME, "app")
    api = upstream.module(_NAME, "services.apigateway_v1")
    handle = upstream.function(
        _NAME,
        app,
        "_handle_execute_api_request",
        *("host", "path", "method", "headers", "body", "query_params", "raw_path", "raw_query_string"),
    )
    build_event = upstream.function(
        _NAME,
        api,
        "_build_lambda_event_v1",
        *("api_id", "stage_name", "stage", "resource", "request_path", "method", "headers", "body"),
        *("query_params", "path_params", "binary_media_types", "authorizer_context", "caller_identity"),
    )

    @functools.wraps(handle)
    async def remembering(host: str, path: str, *arguments: Any, **options: Any) -> Any:
        token = _asked_for.set(path)
        try:
            return await handle(host, path, *arguments, **options)
        finally:
            _asked_for.reset(token)

    @functools.wraps(build_event)
    def with_path(*arguments: Any, **options: Any) -> dict[str, Any]:
        event: dict[str, Any] = build_event(*arguments, **options)
        event["requestContext"]["path"] = _asked_for.get(event["requestContext"]["path"])
        return event

    app._handle_execute_api_request = remembering
    api._build_lambda_event_v1 = with_path
