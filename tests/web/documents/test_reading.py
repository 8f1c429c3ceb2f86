"""Bodies as they come: JSON, form text and multipart, whole, broken and too large."""

import hashlib
import io
import json
from datetime import date, time
from typing import Any

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from domain.shared.errors import Invalid
from web.documents.reading import (
    FormBody,
    TooLarge,
    UnreadableBody,
    UnsupportedMediaType,
    fingerprint,
    read_form,
)

PDF = b"%PDF-1.7 a document"
BOUNDARY = "multipart/form-data; boundary=b"
KEY_WORDS = {"idempotency_key": ["Must be 1 to 255 printable ASCII characters."]}


def sent(data: Any = b"", content_type: str | None = None, **headers: str) -> FormBody:
    named = [(name.replace("_", "-"), text) for name, text in headers.items()]
    builder = EnvironBuilder(method="POST", data=data, content_type=content_type, headers=named)
    return read_form(Request(builder.get_environ()))


def as_json(body: Any, **headers: str) -> FormBody:
    return sent(json.dumps(body).encode(), "application/json", **headers)


def as_text(text: str) -> FormBody:
    return sent(text.encode(), "application/x-www-form-urlencoded")


def with_files(*files: tuple[str, str, bytes], **values: Any) -> FormBody:
    parts: dict[str, Any] = dict(values)
    for part, name, content in files:
        parts.setdefault(part, []).append((io.BytesIO(content), name))
    return sent(parts, "multipart/form-data")


def test_a_json_object_is_read_as_it_is() -> None:
    body = sent(b'{"name": "John", "count": 2}', "application/json; charset=utf-8")
    assert body == FormBody({"name": "John", "count": 2}, [], {}, None, None)


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b'{"name": "Jo',
        b"[]",
        b'"text"',
        b"null",
        b"\xff\xfe",
        b'{"a": NaN}',
        b'{"a": "\\ud800"}',
        b'{"a": ' + b"[" * 50_000,
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
)
def test_scenario_9_json_that_is_truncated_or_no_object_is_unreadable(bad: bytes) -> None:
    with pytest.raises(UnreadableBody) as refused:
        sent(bad, "application/json")
    assert (refused.value.code, refused.value.status) == ("unreadable_body", 400)


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/jsonp", "nonsense", None])
def test_scenario_9_other_content_types_are_not_taken(kind: str | None) -> None:
    with pytest.raises(UnsupportedMediaType) as refused:
        sent(b"name=John", kind)
    assert (refused.value.code, refused.value.status) == ("unsupported_media_type", 415)


def test_scenario_9_a_broken_attribution_is_handed_on_as_it_came() -> None:
    assert as_json({"name": "John", "attribution": "{broken"}).attribution == "{broken"
    assert as_text("name=John&attribution=%7Bbroken").attribution == "{broken"


def test_text_over_its_limit_is_too_large() -> None:
    with pytest.raises(TooLarge) as refused:
        as_json({"comments": "x" * 256 * 1024})
    assert (refused.value.code, refused.value.status) == ("too_large", 413)
    with pytest.raises(TooLarge):
        as_text("comments=" + "x" * 256 * 1024)
    with pytest.raises(TooLarge):
        with_files(comments="x" * 257 * 1024)


def test_text_at_its_limit_is_read() -> None:
    assert len(as_json({"comments": "x" * (256 * 1024 - 16)}).fields["comments"]) == 256 * 1024 - 16


def test_multipart_that_says_it_is_over_100_mb_is_refused_before_it_is_read() -> None:
    environ = EnvironBuilder(method="POST", data=b"--b--", content_type=BOUNDARY).get_environ()
    environ["CONTENT_LENGTH"] = str(100 * 1024 * 1024 + 1)
    with pytest.raises(TooLarge):
        read_form(Request(environ))


def of_unknown_length(body: bytes, content_type: str) -> FormBody:
    """Send a body in chunks, as a server tells it that knows where such a body ends."""
    environ = EnvironBuilder(method="POST", data=body, content_type=content_type).get_environ()
    del environ["CONTENT_LENGTH"]
    environ["wsgi.input_terminated"] = True
    return read_form(Request(environ))


def test_a_body_of_unknown_length_is_held_to_its_limit_too() -> None:
    for content_type in ("application/json", "application/x-www-form-urlencoded"):
        with pytest.raises(TooLarge):
            of_unknown_length(b" " * (256 * 1024 + 1), content_type)
    assert of_unknown_length(b"name=John", "application/x-www-form-urlencoded").fields == {"name": "John"}


@pytest.mark.parametrize(
    "bad",
    [
        b"no parts at all",
        b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nJo',
    ],
)
def test_multipart_that_breaks_off_is_unreadable_and_not_an_empty_form(bad: bytes) -> None:
    with pytest.raises(UnreadableBody):
        sent(bad, BOUNDARY)


def test_multipart_without_a_boundary_is_unreadable() -> None:
    with pytest.raises(UnreadableBody):
        sent(b"--b--", "multipart/form-data")


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("terminated", [{}, {"wsgi.input_terminated": True}])
def test_a_body_shorter_than_it_says_is_unreadable(content_type: str, terminated: dict[str, bool]) -> None:
    environ = EnvironBuilder(method="POST", data=b'{"a": 1}', content_type=content_type).get_environ()
    with pytest.raises(UnreadableBody):
        read_form(Request(environ | terminated | {"CONTENT_LENGTH": "100"}))


def test_form_text_gives_single_values_and_lists() -> None:
    body = as_text("name=John+Doe&services=fbi&services=other&tags%5B%5D=one&both=1&both%5B%5D=2")
    assert body.fields == {
        "name": "John Doe",
        "services": ["fbi", "other"],
        "tags": ["one"],
        "both": ["1", "2"],
    }


def test_a_file_is_measured_and_hashed_and_ready_to_be_read() -> None:
    body = with_files(("files", "a.pdf", PDF), name="John")
    (file,) = body.files
    assert (file.name, file.size) == ("a.pdf", len(PDF))
    assert file.sha256 == hashlib.sha256(PDF).hexdigest()
    assert file.content.read() == PDF
    assert body.fields == {"name": "John"}


@pytest.mark.parametrize("part", ["files", "files[]", "file", "attachments"])
def test_file_parts_go_by_four_names(part: str) -> None:
    assert [file.name for file in with_files((part, "a.pdf", PDF), (part, "b.pdf", PDF)).files] == [
        "a.pdf",
        "b.pdf",
    ]


def test_a_file_under_another_name_is_judged_as_a_value() -> None:
    body = with_files(("photo", "a.pdf", PDF))
    assert body.files == []
    assert list(body.fields) == ["photo"]


def test_an_empty_file_control_of_a_browser_is_no_file() -> None:
    empty = b'--b\r\nContent-Disposition: form-data; name="files"; filename=""\r\n\r\n\r\n--b--\r\n'
    assert sent(empty, BOUNDARY).files == []
    assert as_text("name=John&files=").fields == {"name": "John"}


def test_an_empty_file_with_a_name_is_a_file() -> None:
    assert [file.size for file in with_files(("files", "a.pdf", b"")).files] == [0]


def test_files_named_in_text_stay_in_the_fields_to_be_refused() -> None:
    assert as_text("file=a.pdf").fields == {"files": ["a.pdf"]}
    assert as_json({"files": []}).fields == {"files": []}


def test_what_may_come_with_any_form_is_split_off() -> None:
    body = as_json({"name": "John", "utm_source": "google", "gclid": "x", "csrfmiddlewaretoken": "t"})
    assert body.fields == {"name": "John"}
    assert body.extra == {"utm_source": "google", "gclid": "x", "csrfmiddlewaretoken": "t"}


def test_the_key_comes_in_the_header_or_in_a_field() -> None:
    assert as_json({}, Idempotency_Key="K-1").idempotency_key == "K-1"
    body = as_text("name=John&idempotency_key=K-2")
    assert (body.idempotency_key, body.fields) == ("K-2", {"name": "John"})
    assert as_text("idempotency_key=").idempotency_key is None


@pytest.mark.parametrize("bad", ["x" * 256, "schl\u00fcssel", "tab\there", 7, ["K"]])
def test_a_key_that_cannot_be_is_refused(bad: Any) -> None:
    with pytest.raises(Invalid) as refused:
        as_json({"idempotency_key": bad})
    assert refused.value.fields == KEY_WORDS


def test_an_empty_key_in_the_header_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        as_json({}, Idempotency_Key="")
    assert refused.value.fields == KEY_WORDS


def test_the_fingerprint_is_the_same_whatever_the_order_of_fields() -> None:
    one = {"name": "John", "on": date(2026, 2, 9), "at": time(9, 0), "services": ["fbi"]}
    assert fingerprint(one, []) == fingerprint(dict(reversed(one.items())), [])
    assert len(fingerprint(one, [])) == 64


def test_the_fingerprint_depends_on_values_and_on_files_by_name_and_content() -> None:
    def of(*files: tuple[str, str, bytes]) -> str:
        return fingerprint({"name": "John"}, with_files(*files, name="John").files)

    prints = {
        fingerprint({"name": "Jane"}, []),
        of(),
        of(("files", "a.pdf", PDF)),
        of(("files", "b.pdf", PDF)),
        of(("files", "a.pdf", PDF + b".")),
    }
    assert len(prints) == 5
    assert of(("files", "a.pdf", PDF)) == of(("file", "a.pdf", PDF))
