"""Forms that are refused: every wrong field named at once, in fixed words, and nothing kept but a counter."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from adapters.wiring import Services
from domain.documents.order import Order
from domain.documents.price_list import PRICE_LIST_ID, PriceList
from domain.documents.quote import PackageOffer
from domain.ledger import acting
from domain.shared.attribution import is_empty
from tests.adapters.samples import EXECUTABLE
from tests.web.documents.bodies import LEAST, REQUIRED
from tests.web.site import PDF, history, nothing_stored, path_of, post, post_files, refused, stored_files
from tests.world import Clock

CERTIFICATE = ["Send the certificate number or a copy of it."]
NOT_OFFERED = ["Not offered."]
NO_CERTIFICATE = {name: sent for name, sent in LEAST["marriage"].items() if name != "certificate_number"}
TOO_BIG = PDF + bytes(21 * 1024 * 1024)


def fields_of(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 422
    assert answer.json["error"] == "invalid"
    fields: dict[str, list[str]] = answer.json["fields"]
    return fields


@pytest.mark.parametrize("kind", LEAST)
def test_scenario_04_a_required_field_left_out_is_named_alone_and_counted(
    client: FlaskClient, services: Services, kind: str
) -> None:
    for field in LEAST[kind].keys() - {"certificate_number"}:
        before = refused(kind, field, REQUIRED)
        body = {name: sent for name, sent in LEAST[kind].items() if name != field}
        assert fields_of(post(client, kind, body)) == {field: [REQUIRED]}
        assert refused(kind, field, REQUIRED) == before + 1
    assert nothing_stored(services)


def test_scenario_05_everything_wrong_is_told_at_once(client: FlaskClient, services: Services) -> None:
    wrong = {"email": "a@", "phone": "12", "name": "   ", "count": 0, "package": "unheard_of"}
    assert fields_of(post(client, "fbi", LEAST["fbi"] | wrong)) == {
        "email": ["Not a valid email address."],
        "phone": ["Enter a phone number with 7 to 15 digits."],
        "name": [REQUIRED],
        "count": ["Must be between 1 and 100."],
        "package": NOT_OFFERED,
    }
    assert nothing_stored(services)


def test_scenario_06_a_marriage_needs_the_certificate_number_or_a_copy(client: FlaskClient) -> None:
    missing = {"certificate_number": CERTIFICATE, "files": CERTIFICATE}
    assert fields_of(post(client, "marriage", NO_CERTIFICATE)) == missing
    assert post(client, "marriage").status_code == 201
    assert post_files(client, "marriage", ("scan.pdf", PDF), certificate_number="").status_code == 201


def test_scenario_07_a_quote_takes_no_files(client: FlaskClient, services: Services) -> None:
    answer = post_files(client, "quote", ("scan.pdf", PDF))
    assert fields_of(answer) == {"files": ["This form takes no files."]}
    assert nothing_stored(services)


def test_scenario_07_each_bad_file_is_named_and_none_is_kept(client: FlaskClient, services: Services) -> None:
    files = [("good.pdf", PDF), ("scan.pdf", EXECUTABLE), ("empty.pdf", b""), ("big.pdf", TOO_BIG)]
    assert fields_of(post_files(client, "embassy", *files)) == {
        "files.1": ["Not an accepted type: send PDF, JPEG, PNG, WebP, HEIC, TIFF, DOC or DOCX."],
        "files.2": ["The file is empty."],
        "files.3": ["Larger than 20 MB."],
    }
    assert nothing_stored(services)


def test_scenario_07_the_eleventh_file_is_one_too_many(client: FlaskClient, services: Services) -> None:
    answer = post_files(client, "embassy", *[(f"{number}.pdf", PDF) for number in range(11)])
    assert fields_of(answer) == {"files.10": ["At most 10 files."]}
    assert nothing_stored(services)


def test_scenario_07_good_files_are_not_kept_when_a_field_is_wrong(client: FlaskClient, services: Services) -> None:
    assert fields_of(post_files(client, "embassy", ("scan.pdf", PDF), phone="12")).keys() == {"phone"}
    assert nothing_stored(services)


def test_scenario_08_dates_and_languages_that_do_not_fit(client: FlaskClient, services: Services) -> None:
    yesterday = post(client, "i9", LEAST["i9"] | {"appointment_date": "2026-02-08"})
    assert fields_of(yesterday) == {"appointment_date": ["The date is in the past."]}
    twice = post(client, "translation", LEAST["translation"] | {"original_language": "ENGLISH"})
    assert fields_of(twice) == {"target_language": ["The languages must differ."]}
    no_time = post(client, "quote", LEAST["quote"] | {"appointment_date": "2026-02-10"})
    assert fields_of(no_time) == {"appointment_time": [REQUIRED]}
    assert nothing_stored(services)


@pytest.mark.parametrize(
    ("body", "content_type", "status", "error"),
    [
        (b'{"name": "Jo', "application/json", 400, "unreadable_body"),
        (b"[]", "application/json", 400, "unreadable_body"),
        (b"name=John", "text/plain", 415, "unsupported_media_type"),
    ],
)
def test_scenario_09_a_body_that_is_no_form_is_refused(
    client: FlaskClient, services: Services, body: bytes, content_type: str, status: int, error: str
) -> None:
    answer: Any = client.post(path_of("embassy"), data=body, content_type=content_type)
    assert (answer.status_code, answer.json["error"]) == (status, error)
    assert nothing_stored(services)


def test_scenario_09_broken_attribution_never_costs_an_order(client: FlaskClient, services: Services) -> None:
    before = refused("embassy", "attribution", "attribution_unreadable")
    assert post(client, "embassy", LEAST["embassy"] | {"attribution": '{"source": "goo'}).status_code == 201
    assert refused("embassy", "attribution", "attribution_unreadable") == before + 1
    [placed] = [event for event in history(services) if isinstance(event, Order.Placed)]
    assert is_empty(placed.attribution)


def test_scenario_15_a_total_that_was_shown_before_a_change_is_refused(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    prices = services.ledger.load(PriceList, PRICE_LIST_ID)
    with acting(by="manager", via="console", at=clock.now()):
        prices.price_package(PackageOffer(code="standard", label="Standard", price_cents=19900), reason="new year")
        prices.withdraw_shipping("fedex", reason="too slow")
    position = services.ledger.record(prices)
    answer = post_files(client, "fbi", ("scan.pdf", PDF), quoted_total="255.00")
    assert answer.status_code == 409
    assert answer.json == {
        "error": "price_changed",
        "message": "The price has changed.",
        "total_price": "279.00",
        "price_list_version": 3,
    }
    withdrawn = post_files(client, "fbi", ("scan.pdf", PDF), shipping="fedex")
    assert fields_of(withdrawn) == {"shipping": NOT_OFFERED}
    assert services.log.last_position() == position
    assert stored_files(services) == []
    assert post(client, "fbi", LEAST["fbi"] | {"quoted_total": "279.00"}).status_code == 201
