"""A Cognito authorizer without scopes takes ID tokens only.

Upstream accepts a rider's access token too. API Gateway answers it with 401 unless the
method names scopes.
"""

import functools
from typing import Any

from local.emulator import upstream

_NAME = "id_tokens"


def install() -> None:
    """Wrap the check of a rider's token."""
    api = upstream.module(_NAME, "services.apigateway_v1")
    upstream.attribute(_NAME, api, "_gw_error")
    validate = upstream.function(
        _NAME,
        api,
        "_validate_cognito_authorizer",
        "authorizer",
        "method_obj",
        "headers",
        "query_params",
        "stage",
    )

    @functools.wraps(validate)
    async def id_token_only(
        authorizer: dict[str, Any], method_obj: dict[str, Any], headers: Any, query_params: Any, stage: Any
    ) -> tuple[Any, Any]:
        claims, error = await validate(authorizer, method_obj, headers, query_params, stage)
        if error is None and not method_obj.get("authorizationScopes") and claims.get("token_use") != "id":
            return None, api._gw_error("UNAUTHORIZED", "Unauthorized")
        return claims, error

    api._validate_cognito_authorizer = id_token_only
