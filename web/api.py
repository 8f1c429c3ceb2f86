"""The OpenAPI document, and a page to read it."""

from typing import Any

from flask import Blueprint, current_app, render_template
from flask_smorest import Api

bp = Blueprint("api-page", __name__)


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
