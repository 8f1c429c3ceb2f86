"""The OpenAPI document, and a page to read it."""

from typing import Any

from flask import Blueprint, Flask, current_app, render_template
from flask_smorest import Api

from web.errors import ErrorBody

bp = Blueprint("api-page", __name__)


class Documented(Api):  # type: ignore[misc]
    """Our own error body in place of the library's."""

    ERROR_SCHEMA = ErrorBody


def describe_plain(app: Flask, api: Api, *, blueprints: set[str]) -> None:
    """Name the routes of blueprints that do not describe themselves, in the words of their docstrings."""
    for rule in app.url_map.iter_rules():
        blueprint = rule.endpoint.partition(".")[0]
        if blueprint in blueprints:
            summary = str(app.view_functions[rule.endpoint].__doc__)
            responses = {"200": {"description": summary}, "default": "DEFAULT_ERROR"}
            operation = {"summary": summary, "tags": [blueprint], "responses": responses}
            api.spec.path(rule=rule, operations={"get": operation})


@bp.get("/api/")
def show() -> str:
    """Every address a program can call, from the document at `/api/openapi.json`."""
    api: Api = current_app.extensions["daybook-api"]
    return render_template("api.html", document=api.spec.to_dict())


def resolve(node: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """The part of the document that a `$ref` points to; any other node is itself."""
    if "$ref" not in node:
        return node
    found: Any = document
    for name in str(node["$ref"]).removeprefix("#/").split("/"):
        found = found[name]
    return resolve(found, document)
