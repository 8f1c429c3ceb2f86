"""From the form to the mailbox, the CRM and the views, on both databases."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from adapters.processes import start_serve
from adapters.wiring import VIEWS
from domain.documents.catalogue import KINDS
from domain.documents.commands import Request
from domain.documents.order import Order
from domain.documents.price_list import PRICE_LIST_ID, PriceList
from domain.documents.quote import PackageOffer
from domain.shared.attribution import Attribution
from domain.shared.contact import Contact
from domain.shared.errors import Unreachable
from domain.shared.receipt import receive
from projections.across.audit_trail import trail_of
from projections.across.effects import EFFECTS, count_by_state
from projections.documents.orders import list_orders
from projections.documents.tracking_page import find_page
from tests.view_samples import all_rows, drop_tables
from tests.wishes import FREE, PAID, acts
from tests.world import World, effect_rows, open_world

PATIENCE = 20
PDF = {"scan.pdf": b"%PDF-1.7\n"}
SEEN = {"orders", "tracking_page", "effects", "audit_trail", "receipts"}
GOOGLE = Attribution(source="google", medium="cpc", lead_type="form")


def sent(world: World) -> dict[str, Any]:
    """Everything that has left the house or been recorded."""
    return {
        "mails": [mail.key for mail in world.mailbox.mails()],
        "records": world.sandbox.crm.records(),
        "events": world.services.log.last_position(),
        "open": world.services.log.open_work(),
    }


@pytest.mark.parametrize("kind", FREE)
def test_1_2_a_free_order_reaches_the_crm_the_office_the_customer_and_the_views(world: World, kind: str) -> None:
    order = world.place(kind, files=PDF, attribution=GOOGLE)
    world.run_effects()
    office, customer = world.mailbox.mails()
    assert (office.message["To"], customer.message["To"]) == ("office@documents.example", "john@example.com")
    assert order.tracking_id is not None
    assert order.tracking_id in customer.part("plain")

    contact, record, attribution = world.sandbox.crm.records()
    assert [found.module for found in (contact, record, attribution)] == [
        "Contacts",
        KINDS[kind].module,
        "Lead_Attribution_Record",
    ]
    assert record.fields["Tracking_ID"] == order.tracking_id
    assert (record.fields["Attribution_Record"], attribution.fields["Attribution_Record"]) == (
        attribution.id,
        record.id,
    )
    [file] = world.sandbox.crm.attachments(record.module, record.id)
    assert (file.name, file.size) == ("scan.pdf", 9)

    home = world.services.home
    [row] = list_orders(home)
    assert (row["crm_record"], row["crm_attribution"], row["tracking_id"]) == (
        record.id,
        attribution.id,
        order.tracking_id,
    )
    page = find_page(home, order.tracking_id)
    assert page is not None
    assert page["stage"] == "document_received"
    assert [found["kind"] for found in effect_rows(home, order.id)] == [
        *("enter_contact", "enter_order", "enter_attribution", "attach_file", "staff_notice", "welcome"),
    ]
    assert count_by_state(home) == {"done": 6}


def test_a_quote_reaches_the_crm_and_the_office_only(world: World) -> None:
    world.place("quote")
    world.run_effects()
    assert world.modules() == ["Get_A_Quote_Leads"]
    assert world.subjects() == ["💬 New Quote Request — 2026-02-09"]


def test_16_a_paid_order_sends_nothing_before_it_is_paid(world: World) -> None:
    for kind in PAID:
        world.place(kind, files=PDF, attribution=GOOGLE)
    assert world.run_effects() == 0
    assert (world.modules(), world.subjects()) == ([], [])
    assert {(row["kind"], row["tracking_id"]) for row in list_orders(world.services.home)} == {
        (kind, None) for kind in PAID
    }


def test_a_known_person_is_found_and_only_what_was_empty_is_filled(world: World) -> None:
    world.place("embassy")
    world.place("i9", contact=Contact("Johnny Doe", "John@Example.com", "+1-555-999-0000", "Doe & Sons"))
    world.run_effects()
    [contact] = [found for found in world.sandbox.crm.records() if found.module == "Contacts"]
    assert contact.fields == {
        "First_Name": "John",
        "Last_Name": "Doe",
        "Email": "john@example.com",
        "Phone": "+1-555-123-4567",
        "Company": "Doe & Sons",
    }


def test_10_one_key_twenty_times_in_parallel_is_one_order(world: World) -> None:
    request = Request("digest", "fingerprint")
    with ThreadPoolExecutor(20) as pool:
        orders = list(pool.map(lambda _: world.place("embassy", request=request), range(20)))
    assert len({(order.id, order.tracking_id) for order in orders}) == 1
    world.run_effects()
    assert len(list_orders(world.services.home)) == 1
    assert len(world.mailbox.mails()) == 2


def test_14_a_new_price_is_for_new_orders(world: World) -> None:
    old = world.place("fbi")
    prices = world.ledger.load(PriceList, PRICE_LIST_ID)
    with acts(by="manager", via="console"):
        prices.price_package(PackageOffer(code="standard", label="Standard", price_cents=19900), reason="costs")
    world.ledger.record(prices)
    new = world.place("fbi")
    world.services.follower.catch_up()
    totals = {row["order_id"]: row["total_cents"] for row in list_orders(world.services.home)}
    assert totals == {str(old.id): 25500, str(new.id): 27900}


def test_55_a_crm_that_is_down_for_an_hour_delays_nothing_else_and_is_entered_once(world: World) -> None:
    world.crm.fail(*[Unreachable("no answer")] * 12)
    order = world.place("embassy")
    for _ in range(60):
        world.run_effects()
        world.clock.move(60)
    assert len(world.mailbox.mails()) == 2
    dead = {kind: effect for kind, effect in world.effects(order.id).items() if effect.given_up}
    assert list(dead) == ["enter_contact", "enter_order"]
    with acts(world.clock.now(), by="staff", via="console"):
        for effect in dead.values():
            effect.ring_again()
    world.ledger.record(*dead.values())
    world.run_effects()
    assert world.modules() == ["Contacts", "Embassy_Legalization"]
    assert world.ledger.load(Order, order.id).crm_record is not None


def test_62_rebuilding_every_view_from_nothing_gives_identical_rows_and_sends_nothing(world: World) -> None:
    world.mailer.fail(Unreachable("no answer"))
    for kind in KINDS:
        world.place(kind, files=PDF if KINDS[kind].takes_files else None, attribution=GOOGLE)
        world.clock.move(1)
    with acts(world.clock.now()):
        receive(world.ledger, source="zoho_update", vendor_id="1", body=b"{}", headers={})
    world.run_effects()
    world.clock.move(10)
    world.run_effects()
    home = world.services.home
    rows, before = all_rows(home, VIEWS), sent(world)
    assert {name for name, kept in rows.items() if kept} >= SEEN

    drop_tables(home)
    home.install(VIEWS)
    for view in VIEWS:
        world.services.rebuild(view)
    world.services.follower.refresh()
    world.services.follower.catch_up()
    assert all_rows(home, VIEWS) == rows
    assert home.parked() == []
    assert sent(world) == before


def test_what_was_asked_for_before_a_restart_is_done_after_it(database_url: str, tmp_path: Path) -> None:
    with open_world(database_url, tmp_path) as world:
        order = world.place("embassy")
    with open_world(database_url, tmp_path) as world:
        world.run_effects()
        assert len(world.mailbox.mails()) == 2
        assert find_page(world.services.home, order.tracking_id or "") is not None


def wait_until_done(world: World, effects: int) -> None:
    """Return when the view shows so many effects as done; each look waits for the next event, not for a while."""
    services, ends = world.services, time.monotonic() + PATIENCE
    while count_by_state(services.home).get("done", 0) < effects:
        left = ends - time.monotonic()
        assert left > 0, "the effects were not carried out in time"
        services.follower.wait(EFFECTS, services.follower.position(EFFECTS) + 1, timeout=min(1, left))


def test_a_running_daybook_carries_out_what_is_placed_and_stops_cleanly(world: World) -> None:
    start_serve(world.services)
    orders = [world.place("embassy") for _ in range(3)]
    wait_until_done(world, 12)
    assert all(world.services.running.values())
    world.services.stop()
    assert not any(world.services.running.values())
    assert orders


def test_everything_recorded_says_who_through_what_and_on_whose_request(world: World) -> None:
    order = world.place("embassy", files=PDF, attribution=GOOGLE)
    world.run_effects()
    for line in trail_of(world.services.home, str(order.id)):
        stream = UUID(line["stream"])
        [event] = world.services.log.events_of(stream)[line["version"] - 1 : line["version"]]
        assert event.at == world.clock.now()
        assert (event.by, event.via) in {("customer", "form"), ("daybook", "zoho"), ("daybook", "mail")}
        assert event.correlation == "request-1"
        assert event.cause is not None or (event.by, event.stream) == ("customer", order.id)
