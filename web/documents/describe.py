"""The forms' part of the OpenAPI document."""

from typing import Any

from domain.documents.catalogue import Kind
from domain.documents.files import MAX_FILES
from web.documents.form_page import FILES_HELP
from web.documents.forms import BLANK
from web.documents.reading import JSON, MULTIPART, URLENCODED

KEY_HEADER = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "description": "Repeat a request with the same key and you get the first answer, not a second order.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
ERRORS = {
    "400": {"description": "The body cannot be read."},
    "409": {"description": "The price has changed; the answer has the new total."},
    "413": {"description": "The body is too large."},
    "415": {"description": "Another content type than JSON, multipart or urlencoded."},
    "422": {"description": "Fields are wrong (`fields` has a list of messages per field), or the key was reused."},
    "429": {"description": "Too many requests; see `Retry-After`."},
    "503": {"description": "Nothing was recorded; try again after `Retry-After` seconds."},
}
FILES = {
    "type": "object",
    "properties": {
        "files": {
            "type": "array",
            "maxItems": MAX_FILES,
            "items": {"type": "string", "format": "binary"},
            "description": FILES_HELP,
        }
    },
}
ANSWERS = {
    "free": ("order_id", "tracking_id", "file_urls", "tracking_url"),
    "paid": ("order_id", "file_urls", "total_price", "currency"),
    "quote": ("order_id",),
}


def describe_form(kind: Kind, method: str) -> dict[str, Any]:
    """The operation of one method of a form's address."""
    if method == "GET":
        return {"summary": f"The {kind.long_label} form as a page.", "responses": {"200": {"description": "HTML."}}}
    schema = BLANK[kind.code]
    content: dict[str, Any] = {media_type: {"schema": schema} for media_type in (JSON, URLENCODED)}
    if kind.takes_files:
        content[MULTIPART] = {"schema": {"allOf": [schema, FILES]}}
    return {
        "summary": f"Place an order: {kind.long_label}.",
        "parameters": [KEY_HEADER],
        "requestBody": {"required": True, "content": content},
        "responses": {"201": _placed(kind), **ERRORS},
    }


def _placed(kind: Kind) -> dict[str, Any]:
    answer = ANSWERS["quote" if kind.code == "quote" else "paid" if kind.paid else "free"]
    properties: dict[str, Any] = {name: {"type": "string"} for name in answer}
    if "file_urls" in properties:
        properties["file_urls"] = {"type": "array", "items": {"type": "string", "format": "uri"}}
    schema = {"type": "object", "required": list(answer), "properties": properties}
    return {"description": "The order is recorded.", "content": {"application/json": {"schema": schema}}}
