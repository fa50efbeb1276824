"""The reference says what is: the settings, the parts, and each route with what it takes and answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Any, Final

import jsonschema_rs
import pytest
import yaml
from chalice import Chalice

from chalicelib.consent import CONSENT_VERSION
from chalicelib.models import CONTENT_TYPES, Reason, UploadStatus
from chalicelib.settings import Settings
from deploy.functions import ENVIRONMENT, FUNCTIONS
from deploy.template import load_resources
from tests.fakes import FakeAws, photo
from tests.reference import pictures, settings_table
from tests.reference.__main__ import BEGIN, END, FOLDER, ROOT, generated, refreshed
from tests.statemachine.definitions import rider_photo_processing
from tests.unit.pipeline import accept
from tests.unit.test_api import answer_of

OPENAPI: Final[dict[str, Any]] = yaml.safe_load((FOLDER / "openapi.yaml").read_text())
METHODS: Final = {"get", "post", "put", "patch", "delete"}
_SNAKE: Final = re.compile(r"_([a-z])")


@pytest.mark.parametrize("page", sorted(generated()), ids=lambda page: page.name)
def test_what_is_generated_is_fresh(page: Any) -> None:
    text = page.read_text()
    assert text == refreshed(text, generated()[page]), "run: python -m tests.reference"


def test_a_stale_part_is_replaced_and_the_rest_kept() -> None:
    assert (
        refreshed(f"before\n{BEGIN}stale\n{END}after\n", "new\n") == f"before\n{BEGIN}\nnew\n\n{END}after\n"
    )
    with pytest.raises(ValueError, match="substring not found"):
        refreshed("# Title\n", "new\n")


def test_each_part_of_the_template_is_drawn_or_left_out_on_purpose() -> None:
    template, definition = load_resources(ROOT), rider_photo_processing()
    types = {part["Type"] for part in template["Resources"].values()}
    assert types - pictures.NOT_DRAWN == pictures.SHAPES.keys()
    drawn = pictures.parts(template, definition)
    parts = {name for name, part in template["Resources"].items() if part["Type"] in pictures.SHAPES}
    assert [name for name in parts | set(FUNCTIONS) - {"persist_metadata"} if name not in drawn] == []


def test_the_pictures_change_with_what_they_show() -> None:
    template, definition = load_resources(ROOT), rider_photo_processing()
    way = pictures.way_of_a_photo(definition)
    definition["States"]["CheckFaceDuplicate"]["Next"] = "ConfirmFaceUnique"
    assert "CheckFaceDuplicate --> ConfirmFaceUnique" in pictures.way_of_a_photo(definition)
    assert "CheckFaceDuplicate --> ConfirmFaceUnique" not in way
    before = pictures.parts(template, definition)
    for policy in template["Resources"]["StartProcessingRole"]["Properties"]["Policies"]:
        policy["PolicyDocument"]["Statement"] = []
    assert "start_processing --> AdmissionQueue" in before
    assert "start_processing --> AdmissionQueue" not in pictures.parts(template, definition)


def test_each_end_of_the_definition_has_a_name() -> None:
    states = rider_photo_processing()["States"]
    ends = {
        name for name, state in states.items() if state.get("End") or state["Type"] in {"Succeed", "Fail"}
    }
    # A rider who couldn't be told of an accepted photo has it all the same.
    assert ends - {"RiderNotTold"} == pictures.ENDS.keys()


def test_every_setting_is_in_the_table() -> None:
    required = {field.name.upper() for field in fields(Settings) if field.default is MISSING}
    assert required - {"PHOTO_RULES"} <= ENVIRONMENT.keys() | {"SENDER"}
    tables = settings_table.tables()
    missing = [
        field.name
        for field in fields(Settings)
        if field.name not in settings_table.NOT_BY_NAME and f"`{field.name.upper()}`" not in tables
    ]
    assert missing == []


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(method, path, operation) of the document."""
    for path, item in OPENAPI["paths"].items():
        yield from ((method.upper(), path, item[method]) for method in METHODS & item.keys())


def test_each_route_is_in_the_document_and_the_reverse(app: Chalice) -> None:
    routes = {
        (entry.method, _SNAKE.sub(lambda letter: letter[1].upper(), entry.uri_pattern)): entry
        for methods in app.routes.values()
        for entry in methods.values()
    }
    assert {(method, path) for method, path, _ in operations()} == routes.keys()
    for method, path, operation in operations():
        secured = operation.get("security", OPENAPI["security"]) != []
        assert secured is (routes[method, path].authorizer is not None), (method, path)


def validator(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """One of the document's schemas, with the document for its references."""
    whole = {**schema, "components": OPENAPI["components"]}
    jsonschema_rs.meta.validate(whole)
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def media_types(node: object) -> Iterator[dict[str, Any]]:
    """All media types and parameters that have both a schema and examples."""
    if isinstance(node, dict):
        if "schema" in node and "examples" in node:
            yield node
        for value in node.values():
            yield from media_types(value)


def test_each_example_is_what_its_schema_says() -> None:
    found = list(media_types(OPENAPI))
    assert len(found) > 10
    for media_type in found:
        for name, example in media_type["examples"].items():
            problems = [
                error.message for error in validator(media_type["schema"]).iter_errors(example["value"])
            ]
            assert problems == [], name


def test_each_refusal_and_each_json_answer_has_an_example() -> None:
    without = [
        (method, path, status)
        for method, path, operation in operations()
        for status, response in operation["responses"].items()
        for media in resolved(response).get("content", {}).values()
        if "examples" not in media and "page" not in operation["tags"]
    ]
    assert without == []


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """What a reference refers to."""
    if "$ref" not in node:
        return node
    found: Any = OPENAPI
    for name in node["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return dict(found)


def test_the_documents_values_are_the_apps() -> None:
    upload = OPENAPI["components"]["schemas"]["Upload"]["properties"]
    assert upload["status"]["enum"] == list(UploadStatus)
    assert upload["reason"]["enum"] == [*Reason, None]
    bodies = {
        path: operation.get("requestBody") for method, path, operation in operations() if method == "POST"
    }
    schemas = {path: body["content"]["application/json"]["schema"] for path, body in bodies.items()}
    assert schemas["/uploads"]["properties"]["contentType"]["enum"] == list(CONTENT_TYPES)
    assert schemas["/consent"]["properties"]["version"]["const"] == CONSENT_VERSION


def test_real_answers_are_as_the_document_says(app: Chalice, aws: FakeAws) -> None:
    aws.consent()
    live, refused = accept(aws, aws.upload(photo("anna"))), aws.upload(photo(nonce=1))
    aws.table.end(refused, UploadStatus.REJECTED, reason=Reason.NO_FACE, message="Detected 0 faces")
    note = json.dumps({"message": "That is me."})
    calls = [
        ("GET", "/consent", None, 200),
        ("POST", "/consent", '{"version": "0"}', 400),
        ("POST", "/uploads", '{"contentType": "image/png"}', 201),
        ("POST", "/uploads", "{", 400),
        ("GET", f"/uploads/{live.upload_id}", None, 200),
        ("GET", f"/uploads/{refused.upload_id}", None, 200),
        ("GET", "/uploads/nothing", None, 404),
        ("POST", f"/uploads/{live.upload_id}/appeal", note, 409),
        ("GET", "/photo", None, 200),
        ("GET", "/web/config.json", None, 200),
    ]
    for method, path, body, status in calls:
        answer = answer_of(app, method, path, body)
        assert answer["statusCode"] == status, (method, path)
        pattern = re.sub(r"^(/uploads)/[^/]+", r"\1/{uploadId}", re.sub(r"^(/web)/.+", r"\1/{name}", path))
        responses = OPENAPI["paths"][pattern][method.lower()]["responses"]
        schema = resolved(responses[str(status)])["content"]["application/json"]["schema"]
        validator(schema).validate(json.loads(answer["body"]))
