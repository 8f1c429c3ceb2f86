"""Payments that do not count: those that do not fit, those that come twice, and how they are given back."""

from uuid import UUID

import pytest

from adapters.wiring import Services
from domain.documents.order_refusals import NothingToAccept
from domain.documents.payments import accept_payment
from projections.documents.orders import list_orders
from projections.documents.payment_queue import list_payment_queue
from tests.web.documents.hooks import Vendors, verdict
from tests.web.site import settle
from tests.wishes import acts
from tests.world import Clock

WRONG = {"amount_total": 20000}


def queue(services: Services) -> list[tuple[str, str]]:
    """What waits, and through which checkout it came."""
    settle(services)
    return [(row["what"], row["session_id"]) for row in list_payment_queue(services.home)]


def charge(intent: str, cents: int, order_id: UUID, *, whole: bool) -> dict[str, object]:
    return {
        "id": f"ch_{intent}",
        "object": "charge",
        "payment_intent": intent,
        "amount_refunded": cents,
        "refunded": whole,
        "metadata": {"order_id": str(order_id)},
    }


def two_checkouts(vendors: Vendors, clock: Clock) -> tuple[UUID, str, str]:
    """An fbi order with two checkouts that may both still be paid."""
    order_id = vendors.place()
    first = vendors.open_checkout(order_id)
    clock.move(23 * 3600 + 52 * 60)
    return order_id, first, vendors.open_checkout(order_id)


def accept(vendors: Vendors, order_id: UUID, session_id: str) -> None:
    with acts(vendors.clock.now(), by="manager", via="console"):
        accept_payment(
            vendors.services.ledger,
            order_id=order_id,
            session_id=session_id,
            reason="the rest came in cash",
        )


def test_a_mismatch_that_was_given_back_lets_the_customer_pay_again(vendors: Vendors, services: Services) -> None:
    order_id = vendors.place()
    session_id = vendors.open_checkout(order_id)
    vendors.tell_session(session_id, id="evt_1", but=WRONG | {"payment_intent": "pi_wrong"})
    part = vendors.tell(charge("pi_wrong", 5000, order_id, whole=False), id="evt_2", type="charge.refunded")
    assert verdict(part) == ("waiting", None)
    whole = vendors.tell(charge("pi_wrong", 20000, order_id, whole=True), id="evt_3", type="charge.refunded")
    assert verdict(whole) == ("acted_on", None)
    again = vendors.tell(charge("pi_wrong", 20000, order_id, whole=True), id="evt_4", type="charge.refunded")
    assert verdict(again) == ("ignored", "no_change")
    assert queue(services) == []
    [row] = list_orders(services.home)
    assert (row["payment"], row["mismatch"]) == ("none", None)
    assert "checked" not in vendors.page(order_id)["message"]
    with pytest.raises(NothingToAccept):
        accept(vendors, order_id, session_id)
    late = vendors.tell_session(session_id, id="evt_5", but=WRONG)
    assert verdict(late) == ("ignored", "already_known")
    second = vendors.open_checkout(order_id)
    assert second != session_id
    vendors.payments.pay(second)
    assert vendors.order(order_id).paid is not None


def test_a_refund_that_comes_before_its_mismatch_closes_it_too(vendors: Vendors) -> None:
    order_id = vendors.place()
    session_id = vendors.open_checkout(order_id)
    early = vendors.tell(charge("pi_wrong", 20000, order_id, whole=True), id="evt_1", type="charge.refunded")
    assert verdict(early) == ("waiting", None)
    vendors.tell_session(session_id, id="evt_2", but=WRONG | {"payment_intent": "pi_wrong"})
    assert vendors.happened(order_id)[-2:] == ["PaymentMismatched", "PaymentReturned"]


def test_a_second_payment_waits_until_it_is_given_back_itself(
    vendors: Vendors, services: Services, clock: Clock
) -> None:
    _, first, second = two_checkouts(vendors, clock)
    vendors.tell_session(first, id="evt_1")
    vendors.tell_session(second, id="evt_2")
    assert verdict(vendors.tell_refund(first, id="evt_3", cents=500)) == ("acted_on", None)
    assert queue(services) == [("paid_again", second)]
    assert verdict(vendors.tell_refund(second, id="evt_4", cents=25500)) == ("acted_on", None)
    assert queue(services) == []
    [row] = list_orders(services.home)
    assert (row["payment"], row["paid_again"], row["refunded_cents"]) == ("part_refunded", 0, 500)


def test_of_two_payments_that_do_not_fit_either_is_accepted_and_the_other_goes_back(
    vendors: Vendors, services: Services, clock: Clock
) -> None:
    order_id, first, second = two_checkouts(vendors, clock)
    vendors.tell_session(first, id="evt_1", but=WRONG)
    vendors.tell_session(second, id="evt_2", but={"amount_total": 20001})
    assert queue(services) == [("mismatch", first), ("mismatch", second)]
    assert verdict(vendors.tell_session(first, id="evt_3", but=WRONG)) == ("ignored", "already_known")
    accept(vendors, order_id, first)
    assert queue(services) == [("mismatch", second)]
    assert verdict(vendors.tell_refund(second, id="evt_4", cents=20001)) == ("acted_on", None)
    assert queue(services) == []


@pytest.mark.parametrize("reverse", [False, True])
def test_a_bank_payment_of_a_wrong_amount_is_under_review_in_either_order(vendors: Vendors, reverse: bool) -> None:
    order_id = vendors.place()
    session_id = vendors.open_checkout(order_id)
    told: list[tuple[str, dict[str, object]]] = [
        ("checkout.session.completed", {**WRONG, "payment_status": "unpaid"}),
        ("checkout.session.async_payment_succeeded", {**WRONG}),
    ]
    for number, (type, changes) in enumerate(reversed(told) if reverse else told):
        vendors.tell_session(session_id, id=f"evt_{number}", type=type, but=changes)
    assert vendors.order(order_id).pending_session is None
    assert vendors.ask_checkout(order_id).json["error"] == "payment_under_review"


def test_a_payment_of_an_order_that_costs_nothing_is_not_accepted(vendors: Vendors) -> None:
    order_id = vendors.place("embassy")
    paid = {"id": "cs_x", "payment_status": "paid", "amount_total": 100, "currency": "usd"}
    vendors.tell(paid | {"metadata": {"order_id": str(order_id)}}, id="evt_1", type="checkout.session.completed")
    with pytest.raises(NothingToAccept):
        accept(vendors, order_id, "cs_x")
