"""Orders as customers place them: what is answered, what is recorded, and what it sets going."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from adapters.wiring import Services
from domain.documents.order import Order
from domain.documents.order_facts import Placed
from domain.documents.price_list import PRICE_LIST_ID, PriceList
from domain.documents.quote import PackageOffer, Quote
from domain.documents.tracking_id import ALPHABET
from domain.ledger import acting
from domain.shared.attribution import Attribution
from tests.web.documents.bodies import LEAST, MORE
from tests.web.site import BASE_URL, PDF, Page, asked, get, history, local, names, post, post_files, settle
from tests.world import Clock, sandbox

FULL = LEAST["embassy"] | MORE["embassy"] | {"company": "Acme", "comments": "Call before noon."}
FREE = {"order_id", "tracking_id", "file_urls", "tracking_url"}
PAID = {"order_id", "file_urls", "total_price", "currency"}
ANSWERS = {
    **dict.fromkeys(("embassy", "apostille", "translation", "i9"), FREE),
    **dict.fromkeys(("fbi", "marriage"), PAID),
    "quote": {"order_id"},
}


def placed(services: Services) -> list[Placed]:
    return [event for event in history(services) if isinstance(event, Order.Placed)]


def test_scenario_01_a_full_embassy_form_is_an_order_with_a_tracking_id(
    client: FlaskClient, services: Services
) -> None:
    answer = post(client, "embassy", FULL)
    assert answer.status_code == 201
    tid = answer.json["tracking_id"]
    assert len(tid) == 20
    assert set(tid) <= set(ALPHABET)
    assert answer.json == {
        "order_id": answer.json["order_id"],
        "tracking_id": tid,
        "file_urls": [],
        "tracking_url": f"{BASE_URL}/tracking/{tid}/",
    }
    assert names(services) == [f"documents.order.{name}" for name in ("Placed", "TrackingIdGiven", "StageReached")]
    assert {str(event.stream) for event in history(services) if "order" in event.stored_name} == {
        answer.json["order_id"]
    }
    assert asked(services) == [
        ("zoho", "enter_contact"),
        ("zoho", "enter_order"),
        ("mail", "staff_notice"),
        ("mail", "welcome"),
    ]


def test_scenario_02_a_pdf_sent_along_is_served_from_its_link_and_goes_to_the_crm(
    client: FlaskClient, services: Services
) -> None:
    answer = post_files(client, "embassy", ("scan.pdf", PDF))
    assert answer.status_code == 201
    [address] = answer.json["file_urls"]
    assert re.fullmatch(rf"{BASE_URL}/media/orders/[{ALPHABET}]{{26}}/scan\.pdf", address)
    assert get(client, local(address)).data == PDF
    assert asked(services).count(("zoho", "attach_file")) == 1
    settle(services)
    [record] = [r for r in sandbox(services).crm.records() if r.module == "Embassy_Legalization"]
    [attached] = sandbox(services).crm.attachments(record.module, record.id)
    assert (attached.name, attached.size) == ("scan.pdf", len(PDF))


@pytest.mark.parametrize("name", ["scan #1.pdf", "100% done?.pdf", "Свідоцтво & copy.pdf", "a+b;c=d.pdf", "%41.pdf"])
def test_scenario_02_a_link_serves_its_file_whatever_the_file_is_called(
    client: FlaskClient, services: Services, name: str
) -> None:
    [address] = post_files(client, "embassy", (name, PDF)).json["file_urls"]
    served = get(client, local(address))
    assert served.data == PDF
    assert address.isascii()


@pytest.mark.parametrize("kind", LEAST)
def test_scenario_03_exactly_the_required_fields_are_answered_by_the_kinds_own_body(
    client: FlaskClient, kind: str
) -> None:
    answer = post(client, kind)
    assert answer.status_code == 201
    assert set(answer.json) == ANSWERS[kind]
    if kind == "marriage":
        assert (answer.json["total_price"], answer.json["currency"]) == ("325.00", "usd")


def test_scenario_12_without_a_key_the_same_body_is_two_orders(client: FlaskClient, services: Services) -> None:
    answers = [post(client, "embassy").json for _ in range(2)]
    assert len({answer["order_id"] for answer in answers}) == 2
    assert len({answer["tracking_id"] for answer in answers}) == 2
    assert len(placed(services)) == 2


def test_scenario_13_the_event_lists_each_part_of_the_price(client: FlaskClient, services: Services) -> None:
    assert post(client, "fbi").json["total_price"] == "255.00"
    assert placed(services)[0].quote == Quote(
        package_code="standard",
        package_label="Standard",
        package_cents=17500,
        count=2,
        per_cert_cents=2500,
        shipping_code="ups",
        shipping_label="UPS",
        shipping_cents=3000,
        total_cents=25500,
        currency="usd",
        price_list_version=1,
    )


def test_scenario_14_an_order_keeps_the_price_it_was_quoted(
    client: FlaskClient, services: Services, clock: Clock
) -> None:
    earlier = post(client, "fbi").json["order_id"]
    prices = services.ledger.load(PriceList, PRICE_LIST_ID)
    with acting(by="manager", via="console", at=clock.now()):
        prices.price_package(PackageOffer(code="standard", label="Standard", price_cents=19900), reason="new year")
    services.ledger.record(prices)
    assert post(client, "fbi").json["total_price"] == "279.00"
    page = Page(get(client, f"/order/{earlier}/"))
    cells = [cell.text for cell in page.elements if cell.tag in ("th", "td")]
    assert cells[2:] == [
        *("Package: Standard", "175.00", "Certificates: 2 × 25.00", "50.00"),
        *("Shipping: UPS", "30.00", "Total", "255.00 USD"),
    ]


def test_scenario_16_an_unpaid_order_has_no_tracking_id_and_sets_nothing_going(
    client: FlaskClient, services: Services
) -> None:
    assert "tracking_id" not in post(client, "fbi").json
    settle(services)
    assert names(services) == ["documents.order.Placed"]
    assert asked(services) == []
    assert sandbox(services).mailer.mails() == []
    assert sandbox(services).crm.records() == []


ATTRIBUTION = {
    "source": "not-linkedin",
    "medium": None,
    "campaign": "c" * 600,
    "device_type": "Mobile",
    "pages_viewed": "5",
    "first_visit_at": "2026-02-04T15:30:00.636Z",
    "keyword": "null",
}


@pytest.mark.parametrize("written", ["object", "text"])
def test_scenario_43_attribution_is_made_tidy(client: FlaskClient, services: Services, written: str) -> None:
    sent: Any = ATTRIBUTION
    if written == "text":
        sent = client.application.json.dumps(ATTRIBUTION)
    assert post(client, "embassy", LEAST["embassy"] | {"attribution": sent}).status_code == 201
    kept = placed(services)[0].attribution
    assert kept.first_visit_at is not None
    assert kept.first_visit_at.isoformat() == "2026-02-04T15:30:00+00:00"
    assert kept == Attribution(
        source="not-linkedin",
        campaign="c" * 255,
        device_type="mobile",
        pages_viewed=5,
        first_visit_at=kept.first_visit_at,
        lead_type="form",
    )
    settle(services)
    [record] = [r for r in sandbox(services).crm.records() if r.module == "Lead_Attribution_Record"]
    assert record.fields["Source_Category"] == "Other"
    assert record.fields["Device_Type"] == "Mobile"
