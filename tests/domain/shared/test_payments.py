"""Reading Stripe's events: one recorded payload of each kind, and whatever else may arrive."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from domain.shared.errors import Unreachable
from domain.shared.payments import NEEDED_TYPES, Broken, StripeEvent, StripeObject, read_stripe_event

RECORDED = Path(__file__).parents[2] / "recorded" / "stripe"
SESSION, PAYMENT, CHARGE = "cs_test_a1YS1URlq7", "pi_3Q9fTmKq", "ch_3Q9fTmKq1"
ORDER = "3f0e8c1a-8a77-4e0d-9d0c-5f2f6f0f1b52"


def recorded(name: str) -> StripeEvent:
    return read_stripe_event((RECORDED / f"{name}.json").read_bytes())


def picked(about: StripeObject, *names: str) -> tuple[Any, ...]:
    values: dict[str, Any] = {**about}
    return tuple(values[name] for name in names)


def test_a_paid_checkout_names_the_order_the_payment_and_the_amount() -> None:
    event = recorded("completed_paid")
    assert (event.id, event.type, event.livemode) == ("evt_1Q9fTn01", "checkout.session.completed", False)
    assert event.created == datetime(2026, 2, 9, 20, 16, 40, tzinfo=UTC)
    assert event.object == {
        "id": SESSION,
        "livemode": False,
        "metadata": {
            "order_id": ORDER,
            "order_type": "fbi",
            "tracking_id": "7K3M9QWX2TBD5HVN8RCE",
            "tid": "7K3M9QWX2TBD5HVN8RCE",
            "line": "documents",
        },
        "payment_intent": PAYMENT,
        "currency": "usd",
        "client_reference_id": ORDER,
        "payment_status": "paid",
        "amount_total": 25500,
    }


def test_a_checkout_that_cost_nothing_has_no_payment() -> None:
    about = recorded("completed_without_payment").object
    assert picked(about, "payment_status", "amount_total", "payment_intent") == ("no_payment_required", 0, None)


def test_a_bank_payment_completes_unpaid() -> None:
    event = recorded("completed_unpaid")
    assert event.type == "checkout.session.completed"
    assert picked(event.object, "id", "payment_status") == (SESSION, "unpaid")


def test_the_banks_money_arrives() -> None:
    event = recorded("async_payment_succeeded")
    assert event.type == "checkout.session.async_payment_succeeded"
    assert picked(event.object, "id", "payment_status", "amount_total") == (SESSION, "paid", 25500)


def test_the_bank_refuses() -> None:
    event = recorded("async_payment_failed")
    assert event.type == "checkout.session.async_payment_failed"
    assert picked(event.object, "id", "payment_status") == (SESSION, "unpaid")


def test_a_checkout_expires_without_a_payment() -> None:
    event = recorded("expired")
    assert event.type == "checkout.session.expired"
    assert picked(event.object, "id", "payment_status", "payment_intent") == (SESSION, "unpaid", None)


def test_a_refund_in_part_tells_the_total_so_far() -> None:
    event = recorded("refunded_in_part")
    assert event.type == "charge.refunded"
    assert picked(event.object, "id", "payment_intent") == (CHARGE, PAYMENT)
    assert picked(event.object, "amount", "amount_refunded", "refunded") == (25500, 5000, False)


def test_a_refund_of_the_rest_is_whole() -> None:
    assert picked(recorded("refunded_whole").object, "amount_refunded", "refunded") == (25500, True)


def test_a_type_we_do_not_act_on_is_known_by_its_id_and_type_only() -> None:
    event = recorded("payment_intent_succeeded")
    assert (event.id, event.type, event.object) == ("evt_3Q9fTn09", "payment_intent.succeeded", {})


def test_28_a_test_event_without_metadata_is_read_like_any_other() -> None:
    about = recorded("test_event_without_metadata").object
    assert picked(about, "client_reference_id", "metadata") == (None, {})


def test_a_thin_event_is_none_that_we_can_read() -> None:
    with pytest.raises(ValueError, match="Not an event we can read"):
        recorded("thin")


def test_every_type_that_is_acted_on_is_recorded() -> None:
    bodies = [json.loads(path.read_bytes()) for path in sorted(RECORDED.glob("*.json"))]
    assert {body["type"] for body in bodies} >= NEEDED_TYPES
    assert {body["api_version"] for body in bodies if "api_version" in body} == {stripe.api_version}


def test_nothing_that_names_a_person_is_taken_over() -> None:
    for path in RECORDED.glob("*.json"):
        if path.stem != "thin":
            assert not any(word in str(recorded(path.stem)) for word in ("Ann", "example.com", "+1555", "4242"))


GOOD = {
    "id": "evt_1",
    "object": "event",
    "created": 1,
    "livemode": False,
    "type": "charge.refunded",
    "data": {"object": {"id": "ch_1"}},
}


def body(**changes: Any) -> bytes:
    return json.dumps({name: value for name, value in {**GOOD, **changes}.items() if value is not None}).encode()


@pytest.mark.parametrize(
    "unreadable",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        body()[:-1],
        body(id=None),
        body(id=""),
        body(id="e" * 256),
        body(type=None),
        body(object="charge"),
        body(created=-1),
        body(created=10**12),
        body(created="2026-02-09"),
        body(livemode="no"),
        body(data=None),
        body(data={"object": None}),
        body(data={"object": {}}),
        body(data={"object": {"id": "ch_1", "amount_refunded": "5000"}}),
        body(data={"object": {"id": "ch_1", "metadata": {"order_id": 5}}}),
    ],
)
def test_what_is_not_an_event_says_so_without_repeating_it(unreadable: bytes) -> None:
    with pytest.raises(ValueError, match=r"^(Not an event we can read|The event names no object)\.$"):
        read_stripe_event(unreadable)


def test_the_good_one_among_them_is_read() -> None:
    assert read_stripe_event(body()).object == {"id": "ch_1"}


@given(text=st.binary(max_size=300))
def test_whatever_arrives_is_read_or_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        read_stripe_event(text)


def test_a_broken_provider_is_out_of_reach_too() -> None:
    assert issubclass(Broken, Unreachable)
