"""The CRM's hooks when they repeat what we wrote there, and when its modules have other names."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from adapters.wiring import Services
from domain.documents.order import Order
from domain.shared.effect import Effect, effect_id
from domain.shared.receipt import Receipt
from projections.documents.orders import list_orders
from projections.documents.stage_queue import list_stage_queue
from tests.web.documents.hooks import ZOHO_KEY, Vendors, verdict
from tests.web.documents.phoning import call, finish, lead
from tests.web.site import history, open_services, settle
from tests.wishes import acts
from tests.world import Clock
from web.app import create_app


@pytest.fixture
def with_deals(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Vendors]:
    """FBI orders and marriages go to a module called Deals."""
    modules = '{"fbi": "Deals", "marriage": "Deals", "embassy": "Embassies"}'
    with open_services(database_url, tmp_path, clock, ZOHO_MODULES=modules) as services:
        yield Vendors(create_app(services), services, clock)


def echo(record_id: str | None, **more: object) -> dict[str, object]:
    person = {"name": "A CALLER", "phone": "5551234567"}
    return {"service": "embassy", "zoho_record_id": record_id, **person, **more}


def test_the_echo_of_a_calls_record_is_no_order_and_the_form_that_follows_takes_the_record(
    vendors: Vendors, services: Services, clock: Clock
) -> None:
    lead_id = call(vendors.app.test_client(), "embassy")
    finish(services, clock)
    record_id = lead(services, lead_id).crm_record
    assert verdict(vendors.zoho("create", **echo(record_id))) == ("ignored", "call_stage")
    settle(services)
    assert (list_orders(services.home), vendors.subjects()) == ([], [])
    [ignored] = [event for event in history(services) if isinstance(event, Receipt.Ignored)]
    assert ignored.about == lead_id
    order_id = vendors.place("embassy")
    finish(services, clock)
    assert vendors.order(order_id).crm_record == record_id


def test_an_update_that_echoes_the_stage_of_a_call_without_an_order_is_ignored(
    vendors: Vendors, services: Services, clock: Clock
) -> None:
    lead_id = call(vendors.app.test_client(), "embassy")
    finish(services, clock)
    told = echo(lead(services, lead_id).crm_record)
    assert verdict(vendors.zoho("update", **told, stage="Phone Call Received")) == ("ignored", "call_stage")
    assert verdict(vendors.zoho("update", **told, stage="Order Received")) == ("refused", "unknown_tid")


def test_the_echo_of_a_call_that_is_being_entered_waits(vendors: Vendors, services: Services) -> None:
    call(vendors.app.test_client(), "embassy")
    assert verdict(vendors.zoho("create", **echo("5725767000000411001"))) == ("waiting", None)


def test_staff_may_make_an_order_of_a_calls_record_by_naming_its_stage(
    vendors: Vendors, services: Services, clock: Clock
) -> None:
    lead_id = call(vendors.app.test_client(), "embassy")
    finish(services, clock)
    named = echo(lead(services, lead_id).crm_record, stage="Order Received")
    assert verdict(vendors.zoho("create", **named)) == ("acted_on", None)


def test_a_record_made_by_hand_does_not_wait_for_an_entry_that_was_given_up(
    vendors: Vendors, services: Services, clock: Clock
) -> None:
    order_id = vendors.place("embassy")
    entry = services.ledger.load(Effect, effect_id(order_id, kind="enter_order"))
    with acts(clock.now()):
        entry.give_up(reason="MANDATORY_NOT_FOUND")
        services.ledger.record(entry)
    by_hand = echo("5725767000000411001", phone="+1-555-123-4567")
    assert verdict(vendors.zoho("create", **by_hand)) == ("acted_on", None)


def test_the_echo_of_a_calls_record_that_became_an_unpaid_orders_is_unchanged(
    vendors: Vendors, services: Services, clock: Clock
) -> None:
    call(vendors.app.test_client(), "fbi")
    finish(services, clock)
    order_id = vendors.place("fbi")
    finish(services, clock)
    record = {"service": "fbi", "zoho_record_id": vendors.order(order_id).crm_record}
    assert verdict(vendors.zoho("update", **record, stage="Order Received")) == ("ignored", "unchanged")
    assert verdict(vendors.zoho("update", **record, stage="Completed")) == ("refused", "awaiting_payment")
    settle(services)
    assert [row["reason"] for row in list_stage_queue(services.home)] == ["awaiting_payment"]


def test_a_stage_of_a_quote_counts_only_once_it_has_a_tracking_id(vendors: Vendors, services: Services) -> None:
    order_id = vendors.place("quote")
    settle(services)
    before = vendors.subjects()
    told = {"service": "quote", "zoho_record_id": vendors.order(order_id).crm_record, "stage": "Quote Sent"}
    assert verdict(vendors.zoho("update", **told)) == ("ignored", "no_tracking_id")
    settle(services)
    assert (vendors.order(order_id).stage, vendors.subjects()) == (None, before)
    vendors.zoho("create", order_id=str(order_id))
    assert verdict(vendors.zoho("update", **told)) == ("acted_on", None)


def test_a_refused_stage_is_shown_though_the_message_brings_a_new_field(vendors: Vendors, services: Services) -> None:
    order_id = vendors.begin_paid()
    assert verdict(vendors.move(order_id, "Waiting for Bob", Courier="DHL")) == ("refused", "unknown_stage")
    assert vendors.happened(order_id)[-1] == "CrmFieldsNoted"
    assert [row["reason"] for row in list_stage_queue(services.home)] == ["unknown_stage"]


def test_a_translation_that_nobody_wanted_is_left_in_both_directions(vendors: Vendors) -> None:
    order_id = vendors.begin_paid()
    vendors.move(order_id, "Translation Review")
    assert verdict(vendors.move(order_id, "Submission in Progress")) == ("refused", "backward_without_correction")
    vendors.move(order_id, "Out for Delivery")
    reached = vendors.last(order_id)
    assert isinstance(reached, Order.StageReached)
    assert (reached.stage, reached.skipped) == ("delivered", ())


def test_a_record_is_found_again_in_a_module_of_another_name(with_deals: Vendors) -> None:
    created = with_deals.zoho("create", **echo("411001", service="Embassies"))
    again = with_deals.zoho("create", **echo("411001"))
    assert (verdict(created), verdict(again)) == (("acted_on", None), ("ignored", "has_tracking_id"))
    told = {"zoho_record_id": "411001", "stage": "Notarization Complete"}
    assert verdict(with_deals.zoho("update", **told, service="embassy")) == ("acted_on", None)
    assert verdict(with_deals.zoho("update", **told)) == ("ignored", "unchanged")


def test_a_module_of_two_kinds_names_neither_but_finds_the_orders_of_both(with_deals: Vendors) -> None:
    assert verdict(with_deals.zoho("create", **echo("411002", service="Deals"))) == ("refused", "unknown_service")
    created = with_deals.zoho("create", **echo("411002", service="marriage"))
    told = with_deals.zoho("update", service="Deals", zoho_record_id="411002", stage="County Seal Complete")
    assert verdict(told) == ("acted_on", None)
    assert with_deals.order(UUID(created["order_id"])).stage == "county_sealed"


def test_an_impossible_time_is_none_and_an_unescaped_plus_is_read(vendors: Vendors) -> None:
    order_id = vendors.begin_paid()
    impossible = "9999-12-31T23:59:59-12:00"
    assert verdict(vendors.move(order_id, "submitted", modified_time=impossible)) == ("acted_on", None)
    assert verdict(vendors.move(order_id, "processed_dos", modified_time="2026-02-09T12:00:00-08:00"))[0] == "acted_on"
    tid = vendors.order(order_id).tracking_id
    body = f"tid={tid}&stage=Completed&modified_time=2026-02-09T10:00:00+05:30"
    form = {"data": body, "content_type": "application/x-www-form-urlencoded", "headers": ZOHO_KEY}
    older = vendors.app.test_client().post("/tracking/crm/update/", **form)
    assert verdict(older) == ("ignored", "out_of_date")
