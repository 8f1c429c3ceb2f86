"""`daybook orders`: what was ordered, and what staff decide about it."""

import getpass
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from domain.documents.order import Order
from domain.shared.contact import Contact
from domain.shared.receipt import receive
from tests.scripts.conftest import Command
from tests.store_samples import sql
from tests.wishes import CONTACT, acts
from tests.world import World

PERSONAL = ("John", "Doe", "john@example.com", "123-4567", "Power of attorney")
SESSION = "cs_test_1"


def mismatched(world: World) -> Order:
    """An fbi order of 255.00 for which 250.00 came."""
    order = world.place("fbi")
    with acts(world.clock.now(), by="stripe", via="stripe"):
        order.give_tracking_id("0123456789ABCDEFGHJK", reason="checkout")
        order.happened(
            Order.PaymentMismatched(
                session_id=SESSION, payment_intent="pi_1", expected_cents=25500, got_cents=25000, currency="usd"
            )
        )
        world.ledger.record(order)
    return order


def listed(daybook: Command, *filters: str) -> list[str]:
    """The ids of the orders that a list shows, in its order."""
    return [row["order_id"] for row in daybook.json("orders", "list", *filters)]


def test_orders_are_listed_newest_first_and_page_by_page(world: World, daybook: Command) -> None:
    placed: list[str] = []
    for kind in ("embassy", "fbi", "quote", "i9", "apostille"):
        placed.insert(0, str(world.place(kind).id))
        world.clock.move(60)

    assert listed(daybook) == placed
    first = listed(daybook, "--limit", "2")
    second = listed(daybook, "--limit", "2", "--after", first[-1])
    assert [*first, *second, *listed(daybook, "--after", second[-1])] == placed
    assert listed(daybook, "--after", placed[-1]) == []


def test_every_filter_finds_its_orders_and_no_others(world: World, daybook: Command) -> None:
    free, unpaid = world.place("embassy"), world.place("fbi")
    world.clock.move(3600)
    paid, called = world.place("fbi"), world.place("quote", contact=Contact("A B", "a@example.com", "5550001111"))
    with acts(world.clock.now()):
        paid.happened(Order.Paid(session_id=SESSION, payment_intent=None, amount_cents=25500, currency="usd"))
        paid.begin()
        called.happened(Order.CallLinked(phone_lead_id=uuid4()))
        world.ledger.record(paid, called)
    found = {
        ("--kind", "Embassy Legalization"): {free},
        ("--kind", "fbi"): {unpaid, paid},
        ("--stage", "Order Received"): {free, paid},
        ("--paid",): {paid},
        ("--unpaid",): {unpaid},
        ("--matched",): {called},
        ("--unmatched", "--kind", "quote"): set(),
        ("--since", "2026-02-09T21:30:00Z"): {paid, called},
        ("--until", "2026-02-09T21:30"): {free, unpaid},
        ("--since", "2026-02-10"): set(),
    }
    for filters, orders in found.items():
        assert set(listed(daybook, *filters)) == {str(order.id) for order in orders}, filters
    assert "awaiting" not in daybook.prints("orders", "list")
    assert daybook.prints("orders", "list", "--since", "2026-02-10") == "No orders.\n"


def test_a_filter_that_means_nothing_is_a_sentence(world: World, daybook: Command) -> None:
    assert daybook.complains("orders", "list", "--kind", "visa").startswith("There is no such kind; there are fbi, ")
    assert daybook.complains("orders", "list", "--stage", "Lost") == "No kind of order has this stage."
    assert daybook.complains("orders", "list", "--after", str(uuid4())) == "Nothing in the ledger has this id."


def test_an_order_is_shown_without_the_person(world: World, daybook: Command) -> None:
    order = world.place("embassy", files={"diploma of Doe.pdf": b"%PDF-"})
    world.run_effects()
    assert order.tracking_id

    shown = daybook.json("orders", "show", order.tracking_id.lower())

    assert (shown["order_id"], shown["kind"], shown["stage"]) == (str(order.id), "embassy", "document_received")
    assert shown["zoho_synced"] is shown["tid_created"] is shown["manager_notified"] is True
    assert shown["is_paid"] is shown["attribution_data"] is False
    assert (shown["files"], shown["total_price"], shown["effects"]) == (1, None, {"done": 5})
    for arguments in (("show", str(order.id)), ("show", str(order.id), "--json"), ("list",), ("list", "--json")):
        printed = daybook.prints("orders", *arguments)
        assert not [word for word in PERSONAL if word in printed]
        assert not [name for name in ("contact", "answers", "_hash") if name in printed]


def test_the_person_is_shown_when_asked_for(world: World, daybook: Command) -> None:
    order = world.place("embassy", files={"scan.pdf": b"%PDF-"})

    shown = daybook.json("orders", "show", str(order.id), "--reveal")

    assert (shown["contact"]["name"], shown["contact"]["email"]) == (CONTACT.name, CONTACT.email)
    assert shown["answers"]["document_type"] == "Power of attorney"
    assert shown["file_names"] == ["scan.pdf"]
    assert "John Doe" in daybook.prints("orders", "show", str(order.id), "--reveal")
    sql(world.services.settings.database_url, "UPDATE keys SET wrapped = NULL WHERE subject = ?", order.id)
    assert daybook.json("orders", "show", str(order.id), "--reveal")["contact"] == "(erased)"


def test_scenario_51_staff_give_a_quote_its_tracking_id_and_a_repeat_says_the_same(
    world: World, daybook: Command
) -> None:
    order = world.place("quote")
    world.run_effects()

    given = daybook.json("orders", "tracking-id", str(order.id), "--by", "Ann")["tracking_id"]
    assert daybook.prints("orders", "tracking-id", str(order.id)) == f"{given}\n"
    world.run_effects()

    events = world.services.log.events_of(order.id)
    [told] = [event for event in events if isinstance(event, Order.TrackingIdGiven)]
    assert (told.tracking_id, told.reason, told.by, told.via) == (given, "staff", "operator:Ann", "console")
    assert world.subjects()[1:] == ["Your Order Status - Quote Request"]
    assert "Request Received 📋" in world.mailbox.mails()[-1].part("plain")
    [record] = world.sandbox.crm.records()
    assert record.fields["Tracking_ID"] == given
    assert daybook.json("orders", "show", given)["stage"] == "request_received"


def test_nobody_is_told_of_a_tracking_id_when_staff_say_so(world: World, daybook: Command) -> None:
    order = world.place("quote")
    daybook.prints("orders", "tracking-id", str(order.id), "--no-notify")
    world.run_effects()

    assert world.subjects() == ["💬 New Quote Request — 2026-02-09"]
    [told] = [event for event in world.services.log.events_of(order.id) if isinstance(event, Order.TrackingIdGiven)]
    assert (told.by, told.notify) == (f"operator:{getpass.getuser()}", False)


def test_an_order_that_waits_for_its_payment_gets_an_id_and_nothing_else(world: World, daybook: Command) -> None:
    order = world.place("fbi")
    given = daybook.json("orders", "tracking-id", str(order.id))["tracking_id"]
    world.run_effects()

    assert (world.subjects(), world.modules()) == ([], [])
    assert [name for name, _ in world.happened(order.id)] == ["Placed", "TrackingIdGiven"]
    assert daybook.json("orders", "show", given)["stage"] is None


def test_scenario_24_a_payment_that_did_not_fit_is_accepted_by_name_and_with_a_reason(
    world: World, daybook: Command
) -> None:
    order = mismatched(world)
    world.run_effects()
    [waiting] = daybook.json("orders", "list", "--unpaid")
    assert waiting["mismatch"] == {"expected": "255.00", "got": "250.00", "currency": "usd", "session_id": SESSION}

    said = accept(daybook, order.id, "--by", "Ann")
    world.run_effects()

    assert said == "The order counts as paid; 250.00 usd were received.\n"
    [accepted] = [e for e in world.services.log.events_of(order.id) if isinstance(e, Order.MismatchAccepted)]
    assert (accepted.by, accepted.reason, accepted.amount_cents) == ("operator:Ann", "The bank took its fee.", 25000)
    assert [name for name, _ in world.happened(order.id)][-3:] == ["MismatchAccepted", "StageReached", "EnteredInCrm"]
    assert world.subjects()[1:] == [
        "✅ New PAID FBI Order — 2026-02-09",
        "Your Order Status - FBI Apostille",
        "Payment received - FBI Apostille",
    ]
    again = daybook.complains(*acceptance(order.id))
    assert again == "No payment of this order waits to be accepted."


def acceptance(order_id: UUID) -> tuple[str, ...]:
    told = ("--session", SESSION, "--reason", "The bank took its fee.")
    return ("orders", "accept-payment", str(order_id), *told)


def accept(daybook: Command, order_id: UUID, *more: str) -> str:
    return daybook.prints(*acceptance(order_id), *more)


def test_scenario_26_a_refund_that_waited_is_judged_as_soon_as_the_payment_is_accepted(
    world: World, daybook: Command
) -> None:
    order = mismatched(world)
    tell_refund(world, order.id, cents=5000)
    world.clock.move(6)
    world.run_effects()
    assert daybook.json("orders", "show", str(order.id))["messages_waiting"] == 1

    accept(daybook, order.id)

    assert world.ledger.load(Order, order.id).refunded_cents == 5000
    assert daybook.json("orders", "show", str(order.id))["messages_waiting"] == 0


def tell_refund(world: World, order_id: UUID, *, cents: int) -> None:
    """Stripe says that so much was given back, before the payment was accepted."""
    charge: dict[str, Any] = {"id": "ch_1", "payment_intent": "pi_1", "amount_refunded": cents, "refunded": False}
    charge["metadata"] = {"order_id": str(order_id)}
    event = {"object": "event", "id": "evt_1", "type": "charge.refunded", "created": 1_770_669_000, "livemode": False}
    body = msgspec.json.encode(event | {"data": {"object": charge}})
    with acts(world.clock.now(), by="stripe", via="stripe"):
        receive(world.ledger, source="stripe", vendor_id="evt_1", body=body, headers={})


@pytest.mark.parametrize("act", [("tracking-id",), ("accept-payment", "--session", SESSION, "--reason", "fee")])
def test_what_staff_decide_about_no_order_is_a_sentence(world: World, daybook: Command, act: tuple[str, ...]) -> None:
    command, *told = act
    assert daybook.complains("orders", command, str(uuid4()), *told) == "Nothing in the ledger has this id."
    assert daybook.complains("orders", command, "0" * 20, *told) == "No order has this tracking id."


def test_accepting_needs_a_reason_and_the_right_checkout(world: World, daybook: Command) -> None:
    order = mismatched(world)

    assert daybook("orders", "accept-payment", str(order.id), "--session", SESSION).exit_code == 2
    wrong = ("orders", "accept-payment", str(order.id), "--session", "cs_other", "--reason", "fee")
    assert daybook.complains(*wrong) == "No payment of this order waits to be accepted."
    assert world.ledger.load(Order, order.id).paid is None
