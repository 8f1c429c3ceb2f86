"""The document of the API: true to the forms and the routes, and readable as a page."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from domain.documents.catalogue import KINDS
from tests.web.documents.bodies import LEAST
from tests.web.site import JSON, PDF, Page, get, path_of, post, post_files
from web.documents.fields import MESSAGES
from web.documents.forms import FORMS

METHODS = {"get", "post", "put", "patch", "delete"}
UNLISTED = ("/static/", "/bootstrap/", "/sandbox/", "/api/openapi.json")
TYPES = {"string", "integer", "number", "boolean", "array", "object", "null"}


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """The document does not depend on the database."""
    return f"sqlite:///{tmp_path}/daybook.sqlite"


@pytest.fixture
def document(client: FlaskClient) -> Any:
    """The document as it is served."""
    answer = get(client, "/api/openapi.json", JSON)
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    return answer.json


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Every object of a JSON document."""
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(inner)


def operations(document: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and operation, the parameters of the path among the operation's own."""
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            parameters = [*item.get("parameters", []), *item[method].get("parameters", [])]
            yield path, method, item[method] | {"parameters": parameters}


def fields_of(document: Any, kind: str, media_type: str) -> dict[str, Any]:
    """The properties a form may carry in this content type."""
    schema = document["paths"][path_of(kind)]["post"]["requestBody"]["content"][media_type]["schema"]
    found: dict[str, Any] = {}
    for part in schema.get("allOf", [schema]):
        name = part.get("$ref", "").rpartition("/")[2]
        found |= document["components"]["schemas"][name]["properties"] if name else part["properties"]
    return found


def test_it_is_an_openapi_document(document: Any) -> None:
    assert document["openapi"] == "3.1.0"
    assert {"title", "version"} <= document["info"].keys()
    for path, method, operation in operations(document):
        assert path.startswith("/")
        assert operation["summary"].endswith("."), (path, method)
        named = {(p["in"], p["name"]) for p in operation["parameters"]}
        assert {name for place, name in named if place == "path"} == {
            part[1:-1] for part in path.split("/") if part.startswith("{")
        }
        assert len(named) == len(operation["parameters"])
        assert all(p["required"] for p in operation["parameters"] if p["in"] == "path")
        assert any(status.startswith(("2", "3")) for status in operation["responses"]), (path, method)
        for status, response in operation["responses"].items():
            assert status == "default" or 200 <= int(status) < 600
            assert "$ref" in response or response["description"]


def test_every_reference_leads_somewhere_and_every_type_is_known(document: Any) -> None:
    for node in nodes(document):
        if "$ref" in node:
            found = document
            for name in node["$ref"].removeprefix("#/").split("/"):
                found = found[name]
        if isinstance(kind := node.get("type"), str) and "in" not in node:
            assert kind in TYPES
        assert node.get("type") != "array" or "items" in node
    for name, schema in document["components"]["schemas"].items():
        assert set(schema.get("required", [])) <= schema["properties"].keys(), name


def test_it_names_every_public_route(client: FlaskClient, document: Any) -> None:
    described = {(path, method) for path, method, _ in operations(document)}
    for rule in client.application.url_map.iter_rules():
        path = rule.rule.replace("<uuid:", "<").replace("<", "{").replace(">", "}")
        if not path.startswith(UNLISTED):
            for method in METHODS & {name.lower() for name in rule.methods or ()}:
                assert (path, method) in described, path


@pytest.mark.parametrize("kind", FORMS)
def test_it_names_every_field_of_a_form(document: Any, kind: str) -> None:
    declared = FORMS[kind]._declared_fields
    plain = fields_of(document, kind, "application/json")
    assert plain.keys() == declared.keys()
    assert fields_of(document, kind, "application/x-www-form-urlencoded") == plain
    for name, field in plain.items():
        assert field["title"], name
    content = document["paths"][path_of(kind)]["post"]["requestBody"]["content"]
    assert ("multipart/form-data" in content) == KINDS[kind].takes_files
    if KINDS[kind].takes_files:
        parts = fields_of(document, kind, "multipart/form-data")
        assert parts.keys() == declared.keys() | {"files"}
        assert (parts["files"]["type"], parts["files"]["maxItems"]) == ("array", 10)


@pytest.mark.parametrize("kind", FORMS)
def test_its_required_fields_are_the_ones_we_ask_for(client: FlaskClient, document: Any, kind: str) -> None:
    schema = document["paths"][path_of(kind)]["post"]["requestBody"]["content"]["application/json"]["schema"]
    required = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["required"]
    told = post(client, kind, {"company": "Acme"}).json["fields"]
    assert set(required) == {name for name, words in told.items() if words == [MESSAGES["required"]]}


def test_its_limits_are_the_ones_we_keep(document: Any) -> None:
    fields = fields_of(document, "fbi", "application/json")
    assert fields["name"]["maxLength"] == 120
    assert (fields["count"]["minimum"], fields["count"]["maximum"]) == (1, 100)
    assert fields_of(document, "i9", "application/json")["services"]["items"]["enum"] == ["remote", "in_person"]


@pytest.mark.parametrize("kind", FORMS)
def test_our_answers_are_as_described(client: FlaskClient, document: Any, kind: str) -> None:
    takes_files = KINDS[kind].takes_files
    answer = post_files(client, kind, ("scan.pdf", PDF)) if takes_files else post(client, kind, LEAST[kind])
    described = document["paths"][path_of(kind)]["post"]["responses"]["201"]["content"]["application/json"]["schema"]
    assert answer.status_code == 201
    assert set(described["required"]) == answer.json.keys()
    for name, value in answer.json.items():
        assert described["properties"][name]["type"] == ("array" if isinstance(value, list) else "string")


def test_the_error_body_is_ours(client: FlaskClient, document: Any) -> None:
    default = document["components"]["responses"]["DEFAULT_ERROR"]["content"]["application/json"]["schema"]
    body = document["components"]["schemas"][default["$ref"].rpartition("/")[2]]
    assert body["properties"].keys() == post(client, "embassy", {}).json.keys() == {"error", "message", "fields"}
    assert set(body["required"]) == get(client, "/nothing", JSON).json.keys()


def test_the_page_shows_every_operation_and_field(client: FlaskClient, document: Any) -> None:
    page = Page(get(client, "/api/"))
    listed = list(operations(document))
    assert len(page.all("section", class_="sheet operation")) == len(listed)
    for path, method, operation in listed:
        assert f"{method.upper()} {path}" in [heading.text for heading in page.all("h3")]
        assert operation["summary"] in page.text
    codes = {code.text for code in page.all("code")}
    assert {"files", "Idempotency-Key", "tid", "token"} <= codes
    assert {name for kind in FORMS for name in FORMS[kind]._declared_fields} <= codes
