"""Refunds: told by Stripe in parts, noted once, and passed on to the CRM and the office."""

import pytest

from adapters.wiring import Services
from domain.documents.order import Order
from projections.documents.orders import list_orders
from tests.web.documents.hooks import Vendors, verdict
from tests.web.site import settle

ALERT = "⚠ Payment needs attention — FBI — 2026-02-09"


def refunds(vendors: Vendors, services: Services) -> list[tuple[int, bool]]:
    """Total and whether that is all, of every refund recorded."""
    events = [event for order in list_orders(services.home) for event in services.ledger.events(order["order_id"])]
    return [(event.refunded_cents_total, event.full) for event in events if isinstance(event, Order.Refunded)]


def test_scenario_27_a_payment_is_given_back_in_parts(vendors: Vendors, services: Services) -> None:
    order_id = vendors.place()
    session_id = vendors.pay(order_id)
    settle(services)
    vendors.payments.refund(session_id, 5500)
    settle(services)
    assert vendors.record()["Payment_Status"] == "Partially Refunded"
    assert verdict(vendors.post_stripe(vendors.bodies[-1])) == ("repeat", None)
    assert verdict(vendors.tell_refund(session_id, id="evt_again", cents=5500)) == ("ignored", "no_change")
    vendors.payments.refund(session_id, 20000)
    settle(services)
    assert vendors.record()["Payment_Status"] == "Refunded"
    assert refunds(vendors, services) == [(5500, False), (25500, True)]
    assert vendors.subjects()[3:] == [ALERT, ALERT]
    assert vendors.subjects("john@example.com") == [
        "Your Order Status - FBI Apostille",
        "Payment received - FBI Apostille",
    ]
    [row] = list_orders(services.home)
    assert (row["payment"], row["refunded_cents"], row["paid_cents"]) == ("refunded", 25500, 25500)
    assert vendors.ask_checkout(order_id).json["error"] == "already_paid"
    assert vendors.page(order_id)["current_stage"] == "document_received"


def test_scenario_27_parts_told_in_the_wrong_order_end_at_the_highest_total(
    vendors: Vendors, services: Services
) -> None:
    order_id = vendors.place()
    session_id = vendors.pay(order_id)
    assert verdict(vendors.tell_refund(session_id, id="evt_2", cents=25500)) == ("acted_on", None)
    assert verdict(vendors.tell_refund(session_id, id="evt_1", cents=5500)) == ("ignored", "no_change")
    settle(services)
    assert (vendors.order(order_id).refunded_cents, vendors.record()["Payment_Status"]) == (25500, "Refunded")


def test_scenario_27_a_refund_is_found_by_its_payment_when_it_names_no_order(vendors: Vendors) -> None:
    order_id = vendors.place()
    vendors.pay(order_id)
    paid = vendors.order(order_id).paid
    assert paid is not None
    charge = {"id": "ch_1", "payment_intent": paid.payment_intent, "amount_refunded": 100, "refunded": False}
    assert verdict(vendors.tell(charge, id="evt_1", type="charge.refunded")) == ("acted_on", None)
    nobody = {"id": "ch_2", "payment_intent": "pi_of_another_shop", "amount_refunded": 100, "refunded": False}
    assert verdict(vendors.tell(nobody, id="evt_2", type="charge.refunded")) == ("refused", "no_order_named")
    assert vendors.order(order_id).refunded_cents == 100


def test_giving_a_second_payment_back_leaves_the_order_paid(vendors: Vendors, services: Services) -> None:
    order_id = vendors.place()
    first = vendors.open_checkout(order_id)
    vendors.payments.expire(first)
    vendors.pay(order_id)
    assert verdict(vendors.tell_session(first, id="evt_late")) == ("acted_on", None)
    assert verdict(vendors.tell_refund(first, id="evt_back", cents=25500)) == ("acted_on", None)
    settle(services)
    assert (vendors.order(order_id).refunded_cents, vendors.record()["Payment_Status"]) == (0, "Paid")


@pytest.mark.parametrize("cents", [0, None])
def test_a_refund_of_nothing_changes_nothing(vendors: Vendors, cents: int | None) -> None:
    order_id = vendors.place()
    vendors.pay(order_id)
    paid = vendors.order(order_id).paid
    assert paid is not None
    charge = {"id": "ch_1", "payment_intent": paid.payment_intent} | ({} if cents is None else {"amount_refunded": 0})
    assert verdict(vendors.tell(charge, id="evt_1", type="charge.refunded")) == ("ignored", "no_change")
