"""`daybook payments`, `stages`, `attribution` and `receipts list`: what staff read every morning."""

import pytest

from domain.documents.order import Order
from domain.shared.attribution import Attribution
from domain.shared.receipt import receive
from tests.scripts.conftest import Command
from tests.wishes import acts
from tests.world import World


def test_a_payment_that_does_not_fit_is_listed_with_its_amounts(world: World, daybook: Command) -> None:
    assert daybook.prints("payments") == "Nothing to decide.\n"
    order = world.place("fbi")
    with acts(world.clock.now()):
        order.happened(
            Order.PaymentMismatched(
                session_id="cs_1", payment_intent="pi_1", expected_cents=25500, got_cents=20000, currency="usd"
            )
        )
        world.ledger.record(order)
    [line] = daybook.json("payments")
    assert (line["order_id"], line["what"], line["session_id"]) == (str(order.id), "mismatch", "cs_1")
    assert (line["expected"], line["got"], line["currency"]) == ("255.00", "200.00", "usd")
    assert "200.00" in daybook.prints("payments")


def test_an_order_that_jumped_over_stages_is_listed(world: World, daybook: Command) -> None:
    assert daybook.prints("stages") == "Nothing to look at.\n"
    order = world.place("embassy")
    with acts(world.clock.now()):
        order.move_to("delivered", happened_at=None, correction=False)
        world.ledger.record(order)
    [line] = daybook.json("stages")
    assert (line["subject"], line["what"], line["stage"]) == (str(order.id), "skipped", "delivered")
    assert "quote_review" in daybook.prints("stages")


@pytest.mark.parametrize(("by", "source"), [("first-touch", "google"), ("lead-creation", "bing")])
def test_a_matched_order_counts_for_its_call_or_for_its_form(
    world: World, daybook: Command, by: str, source: str
) -> None:
    order = world.place("embassy", attribution=Attribution(source="bing"))
    with acts(world.clock.now()):
        order.happened(
            Order.MatchedWithCall(phone_lead_id=order.id, attribution=Attribution(source="google"), evidence=("phone",))
        )
        world.ledger.record(order)
    [line] = daybook.json("attribution", "--by", by)
    assert (line["source"], line["forms"], line["matched"], line["paid"]) == (source, 1, 1, "0.00")
    assert source in daybook.prints("attribution", "--by", by)
    assert daybook.prints("attribution", "--until", "2001-01-01") == "No orders and no calls.\n"


def test_messages_are_listed_with_or_without_the_word_list(world: World, daybook: Command) -> None:
    with acts(world.clock.now()):
        receive(world.ledger, source="stripe", vendor_id="evt_1", body=b"{}", headers={})
        receive(world.ledger, source="resend", vendor_id="evt_1", body=b"{}", headers={})
    assert [row["source"] for row in daybook.json("receipts", "list", "--source", "stripe")] == ["stripe"]
    assert daybook.json("receipts", "list") == daybook.json("receipts")
