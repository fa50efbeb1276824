"""ImportRestApi and PutRestApi over HTTP, which is how `chalice deploy` makes its API.

Upstream has an importer for OpenAPI documents, but only CloudFormation reaches it: over HTTP
ImportRestApi makes an empty API and PutRestApi is unknown. The importer itself drops what a
MOCK integration needs (CORS preflights) and the binary media types. A PATCH of
``minimumCompressionSize`` to the empty value, which chalice sends to switch compression off,
breaks upstream.
"""

import functools
import json
from typing import Any

from local.emulator import upstream

_NAME = "rest_api_import"

Response = tuple[int, dict[str, str], bytes]
_BINARY = "x-amazon-apigateway-binary-media-types"


def install() -> None:
    """Wrap the API's request handler and its importer."""
    api = upstream.module(_NAME, "services.apigateway_v1")
    _complete_import(api)
    handle = upstream.function(
        _NAME, api, "handle_request", "method", "path", "headers", "body", "query_params"
    )
    for store in ("_rest_apis", "_resources", "_authorizers_v1", "_models"):
        upstream.attribute(_NAME, api, store)
    for helper in ("_v1_response", "_v1_error", "_rest_api_view", "_qp", "_new_id"):
        upstream.attribute(_NAME, api, helper)

    @functools.wraps(handle)
    async def with_import(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
    ) -> Response:
        parts = path.strip("/").split("/")
        if method == "POST" and parts == ["restapis"] and api._qp(query_params, "mode") == "import":
            return _import(api, body, api._qp(query_params, "endpointConfigurationTypes") or "EDGE")
        if len(parts) == 2 and parts[0] == "restapis":
            if method == "PUT":
                return _replace(api, parts[1], body)
            if method == "PATCH":
                body = _without_empty_compression(body)
        response: Response = await handle(method, path, headers, body, query_params)
        return response

    api.handle_request = with_import


def _import(api: Any, body: bytes, endpoint_type: str) -> Response:
    """ImportRestApi: make an API of an OpenAPI document."""
    document = _document(body)
    if document is None:
        return _invalid_document(api)
    api_id = api._import_rest_api(document, {"endpointConfiguration": {"types": [endpoint_type]}})
    response: Response = api._v1_response(api._rest_api_view(api._rest_apis[api_id]), 201)
    return response


def _replace(api: Any, api_id: str, body: bytes) -> Response:
    """PutRestApi in its overwrite mode: the API keeps its id and stages, all else is made anew."""
    response: Response
    document = _document(body)
    if document is None:
        return _invalid_document(api)
    if api_id not in api._rest_apis:
        response = api._v1_error("NotFoundException", "Invalid API identifier specified", 404)
        return response
    # Without an await in between, so no request sees half an API.
    for store in (api._resources, api._authorizers_v1, api._models):
        store[api_id] = {}
    root = api._new_id()[:8]
    api._resources[api_id][root] = {
        "id": root,
        "parentId": None,
        "pathPart": "",
        "path": "/",
        "resourceMethods": {},
    }
    schemes = api._import_security_schemes(api_id, document)
    for path, item in document["paths"].items():
        api._import_path_item(api_id, path, item, schemes, document.get("security"))
    api._rest_apis[api_id]["binaryMediaTypes"] = document.get(_BINARY, [])
    response = api._v1_response(api._rest_api_view(api._rest_apis[api_id]))
    return response


def _complete_import(api: Any) -> None:
    """Let the importer keep what it drops, for whoever calls it."""
    import_operation = upstream.function(
        _NAME,
        api,
        "_import_operation",
        "api_id",
        "resource_id",
        "http_method",
        "operation",
        "scheme_map",
        "default_security",
    )
    import_api = upstream.function(_NAME, api, "_import_rest_api", "spec", "base_data")
    upstream.function(
        _NAME, api, "_import_path_item", "api_id", "path", "path_item", "scheme_map", "default_security"
    )
    upstream.function(_NAME, api, "_import_security_schemes", "api_id", "spec")
    integration_parameters = ("api_id", "resource_id", "http_method", "data")
    response_parameters = ("api_id", "resource_id", "http_method", "status_code", "data")
    upstream.function(_NAME, api, "_put_integration", *integration_parameters)
    upstream.function(_NAME, api, "_put_method_response", *response_parameters)
    upstream.function(_NAME, api, "_put_integration_response", *response_parameters)

    @functools.wraps(import_operation)
    def whole_operation(
        api_id: str,
        resource_id: str,
        http_method: str,
        operation: dict[str, Any],
        scheme_map: dict[str, Any] | None = None,
        default_security: list[Any] | None = None,
    ) -> None:
        import_operation(api_id, resource_id, http_method, operation, scheme_map, default_security)
        integration = operation.get("x-amazon-apigateway-integration")
        if integration:
            place = (api_id, resource_id, http_method)
            api._put_integration(*place, _integration(integration))
            _put_responses(api, place, operation.get("responses") or {}, integration.get("responses") or {})

    @functools.wraps(import_api)
    def whole_api(spec: dict[str, Any], base_data: dict[str, Any] | None = None) -> str:
        api_id: str = import_api(spec, base_data)
        if _BINARY in spec:
            api._rest_apis[api_id]["binaryMediaTypes"] = spec[_BINARY]
        return api_id

    api._import_operation = whole_operation
    api._import_rest_api = whole_api


def _integration(extension: dict[str, Any]) -> dict[str, Any]:
    """Return PutIntegration's parameters for an ``x-amazon-apigateway-integration``."""
    wanted = {
        "type": str(extension["type"]).upper(),
        "httpMethod": extension.get("httpMethod"),
        "uri": extension.get("uri"),
        "requestTemplates": extension.get("requestTemplates"),
        "requestParameters": extension.get("requestParameters"),
        "passthroughBehavior": extension.get("passthroughBehavior", "when_no_match").upper(),
        "contentHandling": extension.get("contentHandling"),
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _put_responses(
    api: Any, place: tuple[str, str, str], method: dict[str, Any], integration: dict[str, Any]
) -> None:
    """Put the method's and the integration's responses of one operation."""
    for status, response in method.items():
        headers = {f"method.response.header.{name}": False for name in response.get("headers") or {}}
        api._put_method_response(*place, status, {"responseParameters": headers})
    for pattern, response in integration.items():
        data = {
            "selectionPattern": "" if pattern == "default" else pattern,
            "responseParameters": response.get("responseParameters") or {},
            "responseTemplates": response.get("responseTemplates") or {},
        }
        api._put_integration_response(*place, str(response["statusCode"]), data)


def _without_empty_compression(body: bytes) -> bytes:
    """Leave out of a PATCH what switches compression off: it is off."""
    try:
        request = json.loads(body)
        operations = request["patchOperations"]
        request["patchOperations"] = [
            operation
            for operation in operations
            if operation.get("path") != "/minimumCompressionSize" or operation.get("value")
        ]
    except (ValueError, LookupError, TypeError, AttributeError):
        return body  # Not what was expected: upstream answers it with its own error.
    return json.dumps(request).encode()


def _document(body: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(body)
    except ValueError:
        return None
    valid = isinstance(document, dict) and isinstance(document.get("paths"), dict)
    return document if valid else None


def _invalid_document(api: Any) -> Response:
    response: Response = api._v1_error("BadRequestException", "Invalid OpenAPI input.", 400)
    return response
