"""How the body of a form is read, whatever content type it comes in: values, files, attribution and key."""

import hashlib
import io
import os
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, ClassVar, cast

import msgspec
from flask import Request
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from domain.shared.errors import Invalid, Refused
from web.documents.fields import MESSAGES, is_blank

MAX_TEXT_BYTES = 256 * 1024
MAX_MULTIPART_BYTES = 100 * 1024 * 1024
MAX_KEY_CHARS = 255

JSON, MULTIPART, URLENCODED = "application/json", "multipart/form-data", "application/x-www-form-urlencoded"
FILE_PARTS = frozenset({"files", "files[]", "file", "attachments"})
CLICK_IDS = frozenset({"gclid", "fbclid", "msclkid", "gbraid", "wbraid"})
IGNORED = frozenset({"csrfmiddlewaretoken", "g-recaptcha-response"})


class UnreadableBody(Refused):
    """The body does not follow its own content type, or is not an object."""

    code: ClassVar[str] = "unreadable_body"
    status: ClassVar[int] = 400
    sentence: ClassVar[str] = "The body cannot be read as an object with named fields."


class UnsupportedMediaType(Refused):
    """The body is of a kind that no form takes."""

    code: ClassVar[str] = "unsupported_media_type"
    status: ClassVar[int] = 415
    sentence: ClassVar[str] = f"Send the form as {JSON}, {MULTIPART} or {URLENCODED}."


class TooLarge(Refused):
    """The whole body is over the limit of its content type."""

    code: ClassVar[str] = "too_large"
    status: ClassVar[int] = 413
    sentence: ClassVar[str] = "The body is too large: 256 KB of text, or 100 MB with files."


class Upload(msgspec.Struct, frozen=True):
    """A file part as it was sent; `size` in bytes, `sha256` in hex, `content` at its beginning."""

    name: str
    size: int
    sha256: str
    content: BinaryIO


class FormBody(msgspec.Struct, frozen=True):
    """A body taken apart; `extra` holds what may come with any form: `utm_*`, click ids, page tokens."""

    fields: dict[str, Any]
    files: list[Upload]
    extra: dict[str, Any]
    attribution: object
    idempotency_key: str | None


def read_form(request: Request) -> FormBody:
    """Read a form's body once.

    Raises `UnsupportedMediaType`, `TooLarge` or `UnreadableBody`, and `Invalid` for an unusable key.
    """
    values, files = _read_body(request)
    extra = {name: values.pop(name) for name in list(values) if _is_extra(name)}
    attribution = values.pop("attribution", None)
    key = _idempotency_key(request.headers.get("Idempotency-Key"), values.pop("idempotency_key", None))
    return FormBody(values, files, extra, attribution, key)


def fingerprint(fields: Mapping[str, Any], files: Sequence[Upload]) -> str:
    """Return SHA-256 in hex over parsed fields and files, equal however the same form was written.

    Attribution is left out: it may change between two tries and must never be the cause of a refusal.
    """
    parts = [dict(fields), [(file.sha256, file.name) for file in files]]
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()


def _read_body(request: Request) -> tuple[dict[str, Any], list[Upload]]:
    try:
        if request.mimetype == MULTIPART:
            request.max_content_length = MAX_MULTIPART_BYTES
            request.max_form_memory_size = MAX_TEXT_BYTES
            return _read_parts(request, cast(BinaryIO, request.stream))
        if request.mimetype == URLENCODED:
            return _read_parts(request, io.BytesIO(_read_text(request)))
        if request.mimetype == JSON:
            return msgspec.json.decode(_read_text(request), type=dict[str, Any]), []
    except RequestEntityTooLarge:
        raise TooLarge from None
    # The parsers' own messages quote the body, which is personal.
    except (BadRequest, ValueError, RecursionError):
        raise UnreadableBody from None
    raise UnsupportedMediaType


def _read_text(request: Request) -> bytes:
    # A body of unknown length is cut at the limit without a word: one byte more tells that it was.
    request.max_content_length = MAX_TEXT_BYTES + 1
    body = request.get_data(cache=False)
    if len(body) > MAX_TEXT_BYTES:
        raise TooLarge
    if request.content_length not in {None, len(body)}:
        raise UnreadableBody
    return body


def _read_parts(request: Request, stream: BinaryIO) -> tuple[dict[str, Any], list[Upload]]:
    parser = request.make_form_data_parser()
    # By default a body that cannot be parsed would pass for an empty form.
    parser.silent = False
    _, form, files = parser.parse(stream, request.mimetype, request.content_length, request.mimetype_params)
    values = _form_values(form)
    uploads = []
    for name, part in files.items(multi=True):
        upload = _read_file(part)
        if name not in FILE_PARTS:
            # Under another name it is judged as a value: unknown, or not of that field's type.
            values[name] = upload
        elif upload.name or upload.size:
            uploads.append(upload)
    return values, uploads


def _form_values(form: MultiDict[str, str]) -> dict[str, Any]:
    """One part is text, a repeated one or `name[]` a list; a blank `files` is a page's empty control."""
    values: dict[str, Any] = {}
    for name, sent in form.lists():
        if name in FILE_PARTS and is_blank(sent):
            continue
        plain = "files" if name in FILE_PARTS else name.removesuffix("[]")
        if plain in values or plain != name or len(sent) > 1:
            earlier = values.get(plain, [])
            values[plain] = [*(earlier if isinstance(earlier, list) else [earlier]), *sent]
        else:
            values[plain] = sent[0]
    return values


def _read_file(part: FileStorage) -> Upload:
    content: Any = part.stream
    digest = hashlib.file_digest(content, "sha256").hexdigest()
    size = content.seek(0, os.SEEK_END)
    content.seek(0)
    return Upload(part.filename or "", size, digest, content)


def _is_extra(name: str) -> bool:
    return name.startswith("utm_") or name in CLICK_IDS or name in IGNORED


def _idempotency_key(header: str | None, field: object) -> str | None:
    key = field if header is None else header
    if header is None and is_blank(field):
        return None
    if not isinstance(key, str) or not (key.isascii() and key.isprintable()):
        raise Invalid({"idempotency_key": [MESSAGES["key"]]})
    if not 1 <= len(key.strip()) <= MAX_KEY_CHARS:
        raise Invalid({"idempotency_key": [MESSAGES["key"]]})
    return key.strip()
