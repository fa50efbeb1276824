"""The API as `chalice deploy` makes it, behind a Cognito authorizer."""

import json
import urllib.error
import urllib.request
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from local.emulator import Emulator
from tests.local.emulator.support import make_function, unique

HANDLER = """
import json

def handle(event, context):
    claims = event["requestContext"].get("authorizer", {}).get("claims", {})
    told = {
        "resource": event["resource"],
        "path": event["pathParameters"],
        "asked_for": event["requestContext"]["path"],
        "body": event["body"],
        "base64": event["isBase64Encoded"],
        "sub": claims.get("sub"),
        "use": claims.get("token_use"),
    }
    return {"statusCode": 201, "headers": {"X-Answer": "yes"}, "body": json.dumps(told)}
"""


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def call(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
    request = urllib.request.Request(
        url, body, {name.replace("_", "-"): value for name, value in headers.items()}, method=method
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read())


def operation(function: str, *, authorized: bool) -> dict[str, Any]:
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations"
    made: dict[str, Any] = {
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "responses": {"200": {"description": "200 response"}},
        "x-amazon-apigateway-integration": {
            "responses": {"default": {"statusCode": "200"}},
            "uri": uri,
            "passthroughBehavior": "when_no_match",
            "httpMethod": "POST",
            "contentHandling": "CONVERT_TO_TEXT",
            "type": "aws_proxy",
        },
    }
    return made | ({"security": [{"riders": []}]} if authorized else {})


def preflight(origin: str) -> dict[str, Any]:
    header = "method.response.header.Access-Control-Allow-"
    names = ("Origin", "Methods", "Headers")
    return {
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "responses": {
            "200": {
                "description": "200 response",
                "headers": {f"Access-Control-Allow-{name}": {"type": "string"} for name in names},
            }
        },
        "x-amazon-apigateway-integration": {
            "responses": {
                "default": {
                    "statusCode": "200",
                    "responseParameters": {
                        header + "Methods": "'POST,OPTIONS'",
                        header + "Headers": "'Authorization,Content-Type'",
                        header + "Origin": f"'{origin}'",
                    },
                }
            },
            "requestTemplates": {"application/json": '{"statusCode": 200}'},
            "passthroughBehavior": "when_no_match",
            "type": "mock",
            "contentHandling": "CONVERT_TO_TEXT",
        },
    }


def document(function: str, pool_arn: str, routes: dict[str, list[str]]) -> dict[str, Any]:
    """Return an OpenAPI document of the form that chalice writes."""
    paths: dict[str, Any] = {}
    for path, methods in routes.items():
        paths[path] = {method: operation(function, authorized=path != "/open") for method in methods}
        paths[path]["options"] = preflight("https://rides.example.com")
    return {
        "swagger": "2.0",
        "info": {"version": "1.0", "title": "rider-photos"},
        "schemes": ["https"],
        "paths": paths,
        "definitions": {"Empty": {"type": "object", "title": "Empty Schema"}},
        "x-amazon-apigateway-binary-media-types": ["image/jpeg", "application/octet-stream"],
        "securityDefinitions": {
            "riders": {
                "type": "apiKey",
                "name": "Authorization",
                "in": "header",
                "x-amazon-apigateway-authtype": "cognito_user_pools",
                "x-amazon-apigateway-authorizer": {
                    "type": "cognito_user_pools",
                    "providerARNs": [pool_arn],
                },
            }
        },
    }


class Riders(NamedTuple):
    pool_id: str
    pool_arn: str
    client_id: str


@pytest.fixture(scope="module")
def riders(client) -> Riders:
    cognito = client("cognito-idp")
    pool = cognito.create_user_pool(PoolName=unique("riders"), UsernameAttributes=["email"])["UserPool"]
    made = cognito.create_user_pool_client(
        UserPoolId=pool["Id"],
        ClientName="page",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    )
    return Riders(pool["Id"], pool["Arn"], made["UserPoolClient"]["ClientId"])


def sign_up(client: Any, riders: Riders) -> tuple[str, dict[str, str]]:
    """Sign a rider up and in; return their sub and tokens."""
    cognito, email = client("cognito-idp"), f"{unique('rider')}@example.com"
    sub = cognito.sign_up(ClientId=riders.client_id, Username=email, Password="Correct-horse-1")["UserSub"]
    cognito.admin_confirm_sign_up(UserPoolId=riders.pool_id, Username=email)
    signed_in = cognito.initiate_auth(
        ClientId=riders.client_id,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": email, "PASSWORD": "Correct-horse-1"},
    )
    attributes = cognito.admin_get_user(UserPoolId=riders.pool_id, Username=sub)["UserAttributes"]
    assert {"Name": "email", "Value": email} in attributes
    return sub, signed_in["AuthenticationResult"]


@pytest.fixture(scope="module")
def function(client) -> str:
    return make_function(client("lambda"), HANDLER)


@pytest.fixture
def api(client, emulator: Emulator, function, riders) -> tuple[str, str]:
    """Import an API, deploy it and return its id and URL."""
    routes = {"/uploads": ["post"], "/uploads/{uploadId}": ["get"], "/open": ["get"]}
    made = client("apigateway").import_rest_api(
        body=json.dumps(document(function, riders.pool_arn, routes)).encode(),
        parameters={"endpointConfigurationTypes": "EDGE"},
    )
    client("apigateway").create_deployment(restApiId=made["id"], stageName="api")
    return made["id"], f"{emulator.endpoint}/_aws/execute-api/{made['id']}/api"


def test_an_imported_api_serves_its_routes_to_riders_with_an_id_token_only(client, api, riders):
    _, url = api
    sub, tokens = sign_up(client, riders)
    refused = [
        call(url + "/uploads", "POST", b"{}"),
        call(url + "/uploads", "POST", b"{}", Authorization="nonsense"),
        call(url + "/uploads", "POST", b"{}", Authorization=tokens["IdToken"][:-3] + "AAA"),
        call(url + "/uploads", "POST", b"{}", Authorization=tokens["AccessToken"]),
    ]
    assert [answer.status for answer in refused] == [401] * 4
    assert refused[0].json == {"message": "Unauthorized"}
    answer = call(url + "/uploads/42", Authorization=tokens["IdToken"])
    assert (answer.status, answer.headers["x-answer"]) == (201, "yes")
    assert answer.json == {
        "resource": "/uploads/{uploadId}",
        "path": {"uploadId": "42"},
        "asked_for": "/" + url.split("/", 3)[3] + "/uploads/42",
        "body": None,
        "base64": False,
        "sub": sub,
        "use": "id",
    }
    sent = call(
        url + "/uploads",
        "POST",
        b'{"a": 1}',
        Authorization=tokens["IdToken"],
        Content_Type="application/json",
    )
    assert sent.json["body"] == '{"a": 1}'


def test_a_token_of_another_pool_is_refused(client, api):
    _, url = api
    cognito = client("cognito-idp")
    pool = cognito.create_user_pool(PoolName=unique("other"), UsernameAttributes=["email"])["UserPool"]
    made = cognito.create_user_pool_client(
        UserPoolId=pool["Id"], ClientName="x", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )
    _, tokens = sign_up(client, Riders(pool["Id"], pool["Arn"], made["UserPoolClient"]["ClientId"]))
    assert call(url + "/uploads", "POST", b"{}", Authorization=tokens["IdToken"]).status == 401


def test_what_the_api_does_not_have_is_missing_authentication_as_in_aws(api):
    _, url = api
    assert call(url + "/nothing").status == 403
    assert call(url + "/open").status == 201


def test_a_function_learns_the_path_that_was_asked_for_as_it_was(api):
    _, url = api
    path = "/" + url.split("/", 3)[3]
    for asked_for in (f"{path}/open", f"{path}/open/"):
        assert call(url.replace(path, asked_for)).json["asked_for"] == asked_for


def test_a_cors_preflight_is_answered_by_the_mock_integration(api):
    _, url = api
    answer = call(url + "/uploads", "OPTIONS", Origin="https://rides.example.com")
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "https://rides.example.com"
    assert answer.headers["access-control-allow-headers"] == "Authorization,Content-Type"


def test_putting_the_api_replaces_its_routes_and_keeps_its_id(client, api, function, riders):
    api_id, url = api
    routes = {"/open": ["get"], "/photo": ["delete"]}
    body = json.dumps(document(function, riders.pool_arn, routes)).encode()
    put = client("apigateway").put_rest_api(restApiId=api_id, mode="overwrite", body=body)
    client("apigateway").create_deployment(restApiId=api_id, stageName="api")
    assert put["id"] == api_id
    assert put["binaryMediaTypes"] == ["image/jpeg", "application/octet-stream"]
    assert call(url + "/open").status == 201
    assert call(url + "/uploads", "POST", b"{}").status == 403
    assert call(url + "/photo", "DELETE").status == 401
    authorizers = client("apigateway").get_authorizers(restApiId=api_id)["items"]
    assert [authorizer["name"] for authorizer in authorizers] == ["riders"]


def test_switching_compression_off_is_accepted_and_other_patches_still_work(client, api):
    api_id, _ = api
    operations = [
        {"op": "replace", "path": "/minimumCompressionSize", "value": ""},
        {"op": "replace", "path": "/description", "value": "photos"},
    ]
    patched = client("apigateway").update_rest_api(restApiId=api_id, patchOperations=operations)
    assert patched["description"] == "photos"
    assert client("apigateway").get_rest_api(restApiId=api_id).get("minimumCompressionSize") is None


@pytest.mark.parametrize("body", [b"", b"[]", b'{"swagger": "2.0"}', b"not json"])
def test_a_document_that_is_none_is_a_bad_request(client, api, body):
    api_id, _ = api
    before = client("apigateway").get_resources(restApiId=api_id)["items"]
    for importing in (
        lambda: client("apigateway").import_rest_api(body=body),
        lambda: client("apigateway").put_rest_api(restApiId=api_id, body=body),
    ):
        with pytest.raises(ClientError) as refused:
            importing()
        assert refused.value.response["Error"]["Code"] == "BadRequestException"
    assert client("apigateway").get_resources(restApiId=api_id)["items"] == before


def test_putting_an_api_that_does_not_exist_is_not_found(client):
    with pytest.raises(client("apigateway").exceptions.NotFoundException):
        client("apigateway").put_rest_api(restApiId="nothing", body=b'{"paths": {}}')
