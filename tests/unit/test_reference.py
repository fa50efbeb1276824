"""The reference says what is: the settings, the parts, and each route with what it takes and answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import pytest
import yaml
from chalice import Chalice

from chalicelib import appeals
from chalicelib.models import Reason, UploadStatus
from chalicelib.settings import Settings
from deploy.functions import ENVIRONMENT, FUNCTIONS
from deploy.template import load_resources
from tests.fakes import FakeAws, photo
from tests.reference import openapi_words, pictures, settings_table
from tests.reference.__main__ import BEGIN, END, FOLDER, ROOT, generated, refreshed
from tests.reference.answers import statuses
from tests.reference.openapi import UndescribedError, document
from tests.statemachine.definitions import rider_photo_processing
from tests.unit.pipeline import accept
from tests.unit.test_api import answer_of

OPENAPI: Final[dict[str, Any]] = yaml.safe_load((FOLDER / "openapi.yaml").read_text())
METHODS: Final = {"get", "post", "put", "patch", "delete"}
_SNAKE: Final = re.compile(r"_([a-z])")
_SECONDS: Final = re.compile(r"in \d+ seconds")


@pytest.mark.parametrize("page", sorted(generated()), ids=lambda page: page.name)
def test_what_is_generated_is_fresh(page: Path) -> None:
    assert page.read_text() == generated()[page], "run: python -m tests.reference"


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


def handler(app: Chalice, method: str, path: str) -> Any:
    """The function that a route calls."""
    return app.routes[path][method].view_function


def test_each_component_of_the_document_is_used() -> None:
    text = json.dumps(OPENAPI)
    components = {
        f"#/components/{kind}/{name}" for kind, of_kind in OPENAPI["components"].items() for name in of_kind
    }
    assert {place for place in components if f'"{place}"' not in text} == {
        "#/components/securitySchemes/rider"
    }


def test_a_new_route_is_described_or_named() -> None:
    app = Chalice("another", configure_logs=False)
    app.route("/new/{thing}")(test_each_component_of_the_document_is_used)
    with pytest.raises(
        UndescribedError, match=r"^GET /new/\{thing\} \(.*used\) has no words in OPERATIONS: see"
    ):
        document(app)


@pytest.mark.parametrize(
    ("words", "without", "what"),
    [
        (openapi_words.PARAMETERS, "uploadId", r"GET /uploads/\{upload_id\} .* takes uploadId"),
        (openapi_words.OPERATIONS["appeal"].body, "message", r"/appeal .* takes \['message'\]"),
        (openapi_words.OPERATIONS["appeal"].answers, 410, "/appeal .* answers 410, which has no words"),
        (
            openapi_words.OPERATIONS["view_photo"].answers,
            200,
            "GET /photo .* answers 200, which has no words",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_has_no_words_is_named(
    app: Chalice, monkeypatch: pytest.MonkeyPatch, words: Any, without: object, what: str
) -> None:
    monkeypatch.delitem(words, without)
    with pytest.raises(UndescribedError, match=what):
        document(app)


def test_words_for_what_is_not_there_are_named(app: Chalice, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: Any = openapi_words.OPERATIONS["view_photo"].answers
    with monkeypatch.context() as patches:
        patches.setitem(answers, 409, {"description": "Never."})
        with pytest.raises(UndescribedError, match=r"GET /photo .* doesn't answer 409"):
            document(app)
    operations: Any = openapi_words.OPERATIONS
    monkeypatch.setitem(operations, "gone", operations["view_photo"])
    with pytest.raises(UndescribedError, match="gone handles no route"):
        document(app)


def test_a_handler_without_a_docstring_is_named(app: Chalice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler(app, "GET", "/photo"), "__doc__", None)
    with pytest.raises(UndescribedError, match=r"GET /photo .* has no docstring"):
        document(app)


def test_a_handlers_source_says_what_it_answers(app: Chalice, monkeypatch: pytest.MonkeyPatch) -> None:
    assert statuses(handler(app, "GET", "/consent")) == {200: ""}
    # None: what the page's files are answered with is passed on.
    assert statuses(handler(app, "GET", "/web/{name}")) == {None: "", 404: "NotFoundError"}
    appeal = handler(app, "POST", "/uploads/{upload_id}/appeal")
    assert statuses(appeal) == {
        204: "",
        400: "BadRequestError",
        404: "NotFoundError",
        409: "ConflictError",
        410: "GoneError",
    }
    monkeypatch.setattr(appeals.appeal, "__doc__", "Raises\n------\nPhotoGoneError\n    If it is gone.")
    # A body that is no JSON is refused by the handler itself.
    assert statuses(appeal).keys() == {204, 400, 404, 410}


def test_each_example_of_a_refusal_is_one_that_the_app_gives(app: Chalice, aws: FakeAws) -> None:
    form, note = '{"contentType": "image/jpeg"}', json.dumps({"message": "That is me."})
    answers = [
        answer_of(app, "POST", "/uploads", form),
        answer_of(app, "POST", "/uploads", "{}"),
        answer_of(app, "POST", "/uploads", "x", content_type="text/plain"),
        answer_of(app, "GET", "/uploads/nothing"),
    ]
    aws.consent()
    refused = aws.upload(photo(nonce=1))
    aws.table.end(refused, UploadStatus.REJECTED, reason=Reason.NO_FACE, message="Detected 0 faces")
    appeal = f"/uploads/{refused.upload_id}/appeal"
    answers += [answer_of(app, "POST", appeal, note) for _ in range(2)]
    gone = aws.upload(photo(nonce=2))
    aws.table.end(gone, UploadStatus.REJECTED, reason=Reason.NO_FACE, message="Detected 0 faces")
    aws.s3.delete_object(**gone.as_s3_object())
    answers.append(answer_of(app, "POST", f"/uploads/{gone.upload_id}/appeal", note))
    answers += [answer_of(app, "POST", "/uploads", form) for _ in range(aws.settings.uploads_per_window + 1)]
    given = {_SECONDS.sub("in N seconds", answer["body"]) for answer in answers}
    examples = [
        example["value"]
        for media_type in media_types(OPENAPI)
        for example in media_type["examples"].values()
        if "Code" in example["value"]
    ]
    assert len(examples) == 7
    for example in examples:
        assert _SECONDS.sub("in N seconds", json.dumps(example, separators=(",", ":"))) in given


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
