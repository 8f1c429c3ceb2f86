"""The filters of the order and call lists, on both databases."""

from uuid import UUID, uuid4

from domain.documents.order import Order
from projections.documents.call_leads import list_calls
from projections.documents.orders import find_order_row, list_orders
from tests.wishes import acts
from tests.world import World

LEAD = UUID("5e0a1c8e-6d5b-4f0e-9b5f-0d2f6a3c9b11")


def test_orders_are_found_by_payment_stage_call_and_time(world: World) -> None:
    free, unpaid = world.place("embassy"), world.place("fbi")
    world.clock.move(60)
    noon = world.clock.now()
    paid, called = world.place("fbi"), world.place("quote")
    with acts(noon):
        paid.happened(Order.Paid(session_id="cs_1", payment_intent=None, amount_cents=25500, currency="usd"))
        paid.begin()
        called.happened(Order.CallLinked(phone_lead_id=LEAD))
        world.ledger.record(paid, called)
    world.services.follower.catch_up()
    home = world.services.home

    found = {
        "paid": list_orders(home, paid=True),
        "unpaid": list_orders(home, paid=False),
        "called": list_orders(home, matched=True),
        "uncalled": list_orders(home, matched=False),
        "first stage": list_orders(home, stage="document_received"),
        "since": list_orders(home, since=noon),
        "until": list_orders(home, until=noon),
        "both": list_orders(home, kind="fbi", until=noon, paid=False),
    }
    assert {name: {row["order_id"] for row in rows} for name, rows in found.items()} == {
        "paid": {str(paid.id)},
        "unpaid": {str(unpaid.id)},
        "called": {str(called.id)},
        "uncalled": {str(order.id) for order in (free, unpaid, paid)},
        "first stage": {str(free.id), str(paid.id)},
        "since": {str(paid.id), str(called.id)},
        "until": {str(free.id), str(unpaid.id)},
        "both": {str(unpaid.id)},
    }


def test_an_order_is_found_by_its_id(world: World) -> None:
    order = world.place("embassy")
    world.services.follower.catch_up()
    row = find_order_row(world.services.home, str(order.id))
    assert row is not None
    assert row["tracking_id"] == order.tracking_id
    assert find_order_row(world.services.home, str(uuid4())) is None


def test_calls_go_on_after_the_last_one_seen(world: World) -> None:
    assert list_calls(world.services.home, state="completed", after=(world.clock.now(), str(LEAD))) == []
