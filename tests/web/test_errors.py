"""Every error is one answer: a body for programs, a page with the same words for people, nothing of the caller's."""

import logging
from collections.abc import Iterator
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from flask.testing import FlaskClient

from adapters import logs
from adapters.wiring import Services
from tests.web.documents.bodies import LEAST
from tests.web.site import (
    HTML,
    JSON,
    PDF,
    Page,
    get,
    history,
    locked,
    nothing_stored,
    open_services,
    path_of,
    post,
    post_files,
    settle,
)
from tests.world import Clock
from web.app import create_app

EMBASSY = path_of("embassy")
TEXT_LIMIT = 256 * 1024
OVERSIZE_MULTIPART = {
    "content_type": "multipart/form-data; boundary=b",
    "environ_overrides": {"CONTENT_LENGTH": str(100 * 1024 * 1024 + 1)},
}
PLANTED = {
    "name": "Zacharias Quill",
    "email": "zacharias.quill@example.org",
    "phone": "+1 555 867 5309",
    "comments": "Beware of the leopard",
}


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One database is enough to see what an error looks like."""
    return f"sqlite:///{tmp_path}/daybook.sqlite"


@pytest.fixture
def log() -> Iterator[StringIO]:
    """What the process would write to its log."""
    root, stream = logging.getLogger(), StringIO()
    handlers, level = root.handlers, root.level
    logs.configure(level="debug", stream=stream)
    try:
        yield stream
    finally:
        root.handlers = handlers
        root.setLevel(level)


class BrokenFiles:
    """A file store with a fault of ours, whose message quotes the customer."""

    def media_type(self, content: BinaryIO) -> str | None:
        raise KeyError(PLANTED["email"])


def twins(client: FlaskClient, method: str, path: str, **request: Any) -> tuple[Any, Any]:
    """The same request from a program and from a person."""
    headers = request.pop("headers", {})
    send = [client.open(path, method=method, headers=headers | accept, **request) for accept in (JSON, HTML)]
    return send[0], send[1]


def check(answers: tuple[Any, Any], status: int, code: str, *more: str) -> Any:
    """Both say the same; returns the JSON answer."""
    told, shown = answers
    assert (told.status_code, shown.status_code) == (status, status)
    assert told.json["error"] == code
    assert list(told.json) == ["error", "message", *more]
    sentence = told.json["message"]
    assert sentence.endswith(".")
    assert sentence[0].isupper()
    page = Page(shown)
    assert sentence in page.text
    assert page.one("h1")
    assert page.one("meta", name="robots").attrs["content"] == "noindex"
    return told


@pytest.mark.parametrize(
    ("status", "code", "method", "path", "request_"),
    [
        (400, "unreadable_body", "POST", EMBASSY, {"data": b"{", "content_type": "application/json"}),
        (400, "unreadable_body", "POST", EMBASSY, {"data": b"7", "content_type": "application/json"}),
        (400, "unreadable_body", "POST", EMBASSY, {"data": b"--", "content_type": "multipart/form-data"}),
        (404, "not_found", "GET", "/nothing/here", {}),
        (404, "not_found", "GET", "/order/00000000-0000-4000-8000-000000000000/", {}),
        (404, "not_found", "GET", "/order/not-an-id/", {}),
        (404, "not_found", "GET", "/tracking/00000000000000000000/", {}),
        (404, "not_found", "GET", "/sandbox/mailbox/nothing/", {}),
        (404, "not_found", "GET", "/sandbox/crm/nothing/", {}),
        (404, "not_found", "GET", f"/sandbox/crm/{'9' * 40}/", {}),
        (405, "method_not_allowed", "DELETE", EMBASSY, {}),
        (413, "too_large", "POST", EMBASSY, {"data": b" " * (TEXT_LIMIT + 1), "content_type": "application/json"}),
        (413, "too_large", "POST", EMBASSY, {"data": {"name": "b" * TEXT_LIMIT}}),
        (413, "too_large", "POST", EMBASSY, OVERSIZE_MULTIPART),
        (415, "unsupported_media_type", "POST", EMBASSY, {"data": b"<name/>", "content_type": "application/xml"}),
        (415, "unsupported_media_type", "POST", EMBASSY, {}),
    ],
)
def test_a_wrong_request_is_answered_in_two_faces(
    client: FlaskClient, services: Services, status: int, code: str, method: str, path: str, request_: dict[str, Any]
) -> None:
    check(twins(client, method, path, **request_), status, code)
    assert nothing_stored(services)


def test_a_refused_method_is_told_which_are_taken(client: FlaskClient) -> None:
    answer = client.put(EMBASSY)
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_a_caller_without_a_preference_gets_json(client: FlaskClient) -> None:
    for accept in ({}, {"Accept": "*/*"}, {"Accept": "image/png"}):
        assert client.get("/nothing", headers=accept).is_json


def test_wrong_fields_are_named_to_programs_and_shown_to_people(client: FlaskClient, services: Services) -> None:
    wrong = LEAST["embassy"] | {"phone": "12", "nickname": "JD"}
    told, shown = twins(client, "POST", EMBASSY, json=wrong)
    assert told.status_code == shown.status_code == 422
    assert told.json == {
        "error": "invalid",
        "message": "Some fields are not valid.",
        "fields": {"phone": ["Enter a phone number with 7 to 15 digits."], "nickname": ["Unknown field."]},
    }
    assert "Phone: Enter a phone number with 7 to 15 digits." in Page(shown).text
    assert "Unknown field." in Page(shown).text
    assert nothing_stored(services)


def test_a_reused_key_and_a_changed_price_have_their_own_words(client: FlaskClient) -> None:
    post(client, "embassy", Idempotency_Key="K")
    other = LEAST["embassy"] | {"country": "Iraq"}
    reused = twins(client, "POST", EMBASSY, json=other, headers={"Idempotency-Key": "K"})
    check(reused, 422, "idempotency_key_reused")
    changed = twins(client, "POST", path_of("fbi"), json=LEAST["fbi"] | {"quoted_total": "1.00"})
    check(changed, 409, "price_changed", "total_price", "price_list_version")


def test_a_key_that_cannot_be_one_is_a_wrong_field(client: FlaskClient, services: Services) -> None:
    for key in ("k" * 256, "schlüssel"):
        answer = post(client, "embassy", LEAST["embassy"] | {"idempotency_key": key})
        assert answer.json["fields"] == {"idempotency_key": ["Must be 1 to 255 printable ASCII characters."]}
    assert nothing_stored(services)


def test_too_many_forms_are_asked_to_wait(database_url: str, tmp_path: Path, clock: Clock) -> None:
    with open_services(database_url, tmp_path, clock, FORM_RATE="2/minute", TRACKING_RATE="1/minute") as services:
        client = create_app(services).test_client()
        assert [post(client, kind).status_code for kind in ("embassy", "quote")] == [201, 201]
        position = services.log.last_position()
        for answer in twins(client, "POST", EMBASSY, json=LEAST["embassy"]):
            assert 1 <= int(answer.headers["Retry-After"]) <= 61
        check(twins(client, "POST", EMBASSY, json=LEAST["embassy"]), 429, "too_many_requests")
        assert services.log.last_position() == position
        assert get(client, EMBASSY).status_code == 200
        assert [get(client, "/tracking/x/").status_code for _ in range(2)] == [404, 429]


def test_an_answer_that_was_given_asks_nobody_to_wait(client: FlaskClient) -> None:
    assert "Retry-After" not in post(client, "embassy").headers


def test_a_fault_of_ours_has_a_reference_and_no_trace(client: FlaskClient, services: Services, log: StringIO) -> None:
    services.files = BrokenFiles()  # type: ignore[assignment]
    answers = [
        post_files(client, "embassy", ("scan.pdf", PDF), headers=accept | {"X-Request-Id": "r-1"}, **PLANTED)
        for accept in (JSON, HTML)
    ]
    told = check((answers[0], answers[1]), 500, "server_error", "reference")
    assert told.json["reference"] in log.getvalue()
    assert "r-1" in log.getvalue()
    assert "KeyError" in log.getvalue()
    for text in (*(answer.text for answer in answers), log.getvalue()):
        assert not [value for value in PLANTED.values() if value in text]
    assert not [answer for answer in answers if "Traceback" in answer.text or "KeyError" in answer.text]
    assert nothing_stored(services)


def test_a_ledger_that_cannot_record_says_when_to_come_back(
    client: FlaskClient, services: Services, log: StringIO
) -> None:
    with locked(services):
        answers = twins(client, "POST", EMBASSY, json=LEAST["embassy"] | PLANTED)
    check(answers, 503, "unavailable")
    assert [answer.headers["Retry-After"] for answer in answers] == ["5", "5"]
    assert "Unavailable" in log.getvalue()
    assert not [value for value in PLANTED.values() if value in log.getvalue()]
    assert nothing_stored(services)


def test_views_that_do_not_answer_are_no_fault_of_the_visitor(client: FlaskClient, services: Services) -> None:
    tid = post(client, "embassy").json["tracking_id"]
    with services.home.engine.begin() as connection:
        services.home.drop(connection, "tracking_page")
    check(twins(client, "GET", f"/tracking/{tid}/"), 503, "unavailable")


def test_an_order_whose_page_is_not_ready_is_not_called_unknown(client: FlaskClient, services: Services) -> None:
    tid = post(client, "embassy").json["tracking_id"]  # nobody follows the log in this test
    answer = get(client, f"/tracking/{tid}/", JSON)
    assert (answer.status_code, answer.json["error"]) == (503, "unavailable")
    assert answer.json["message"] == "We cannot show this just now; please try again."
    services.follower.catch_up()
    assert get(client, f"/tracking/{tid}/", JSON).status_code == 200


def test_a_refused_body_appears_neither_in_the_answer_nor_in_the_log(
    client: FlaskClient, services: Services, log: StringIO
) -> None:
    bodies: list[dict[str, Any]] = [
        {"json": PLANTED | {"phone": "8675309" * 5, "email": "zacharias.quill@", "country": "Zanzibar" * 30}},
        {"json": [PLANTED]},
        {"data": str(PLANTED).encode(), "content_type": "application/json"},
        {"data": {**PLANTED, "files": (BytesIO(b"MZ"), "quill.pdf")}, "content_type": "multipart/form-data"},
    ]
    for body in bodies:
        answer = client.post(EMBASSY, **body)
        assert answer.status_code in (400, 422)
        for text in (answer.text, log.getvalue()):
            assert not [word for word in ("uill", "8675309", "Zanzibar", "leopard") if word in text]


def test_the_request_id_is_echoed_and_recorded_on_all_that_followed(client: FlaskClient, services: Services) -> None:
    answer = post(client, "embassy", LEAST["embassy"] | {"attribution": {"source": "google"}}, X_Request_Id="visit-1.a")
    assert answer.headers["X-Request-Id"] == "visit-1.a"
    settle(services)
    events = history(services)
    assert {"effect.Done", "documents.order.EnteredInCrm"} <= {event.stored_name for event in events}
    assert {event.correlation for event in events} == {"visit-1.a"}


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "<script>", "ö"])
def test_a_request_id_we_cannot_keep_is_replaced(client: FlaskClient, services: Services, given: str) -> None:
    answer = post(client, "embassy", X_Request_Id=given)
    ours = answer.headers["X-Request-Id"]
    assert len(ours) == 32
    assert ours.isalnum()
    assert {event.correlation for event in history(services)} == {ours}


def test_every_error_carries_a_request_id(client: FlaskClient) -> None:
    for path in ("/nothing", "/tracking/x/", "/order/x/"):
        assert client.get(path, headers={"X-Request-Id": "visit-2"}).headers["X-Request-Id"] == "visit-2"
