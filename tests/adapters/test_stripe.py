"""Stripe's checkout over real HTTP, against a server that follows its rules and against its own library."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import stripe

from adapters.http import Session
from adapters.stripe import StripePayments
from domain.shared.errors import Declined, Unreachable
from domain.shared.payments import STRIPE_VERSION, Broken, Checkout
from tests.vendors.stripe_server import SECRET_KEY, Fault, StripeServer, stripe_server
from tests.wishes import NOW

KEY = "checkout-order-1"
ORDER = {"order_id": "7d0c", "order_type": "fbi", "tracking_id": "T1", "tid": "T1", "line": "documents"}
WANTED = Checkout(
    amount_cents=25_500,
    currency="usd",
    label="FBI Apostille – 2 certificates",
    customer_email="ann+order@example.com",
    reference="7d0c",
    metadata=ORDER,
    success_url="https://shop.example/ok?sid={CHECKOUT_SESSION_ID}&a=b",
    cancel_url="https://shop.example/back",
    expires_at=NOW + timedelta(hours=24),
)
BREAK, ACCEPT_THEN_BREAK = Fault(), Fault(accept=True)


@pytest.fixture
def server() -> Iterator[StripeServer]:
    with stripe_server(lambda: NOW) as server:
        yield server


@pytest.fixture
def payments(server: StripeServer) -> Iterator[StripePayments]:
    with Session(timeout=5) as session:
        yield StripePayments(session, api_base=server.url, secret_key=SECRET_KEY)


def changed(**changes: Any) -> Checkout:
    return msgspec.structs.replace(WANTED, **changes)


def test_a_checkout_is_opened_with_everything_that_must_come_back(
    server: StripeServer, payments: StripePayments
) -> None:
    opened = payments.open_checkout(WANTED, key=KEY)
    [session] = server.sessions.values()
    assert (opened.session_id, opened.url, opened.expires_at) == (session["id"], session["url"], WANTED.expires_at)
    assert (session["amount_total"], session["currency"]) == (25_500, "usd")
    assert (session["client_reference_id"], session["metadata"]) == ("7d0c", ORDER)
    [request] = server.requests
    assert request.key == KEY
    assert request.headers["stripe-version"] == STRIPE_VERSION
    assert request.form["success_url"] == WANTED.success_url
    assert {name: request.form[f"payment_intent_data[metadata][{name}]"] for name in ORDER} == ORDER


def test_the_form_is_the_one_that_the_vendors_own_library_sends(server: StripeServer, payments: StripePayments) -> None:
    client = stripe.StripeClient(SECRET_KEY, base_addresses={"api": server.url}, max_network_retries=0)
    theirs = client.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "success_url": WANTED.success_url,
            "cancel_url": WANTED.cancel_url,
            "client_reference_id": WANTED.reference,
            "customer_email": WANTED.customer_email,
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": WANTED.currency,
                        "unit_amount": WANTED.amount_cents,
                        "product_data": {"name": WANTED.label},
                    },
                }
            ],
            "expires_at": int(WANTED.expires_at.timestamp()),
            "metadata": ORDER,
            "payment_intent_data": {"metadata": ORDER},
        },
        {"idempotency_key": KEY},
    )
    ours = payments.open_checkout(WANTED, key=KEY)
    assert ours.session_id == theirs.id
    first, second = server.requests
    assert first.form == second.form
    assert first.headers["authorization"] == second.headers["authorization"]


def test_the_pinned_version_is_the_librarys() -> None:
    assert stripe.api_version == STRIPE_VERSION


def test_the_same_key_brings_the_same_checkout(server: StripeServer, payments: StripePayments) -> None:
    assert payments.open_checkout(WANTED, key=KEY) == payments.open_checkout(WANTED, key=KEY)
    assert payments.open_checkout(WANTED, key="checkout-order-2").session_id != next(iter(server.sessions))
    assert len(server.sessions) == 2


@pytest.mark.parametrize("fault", [BREAK, ACCEPT_THEN_BREAK])
def test_one_lost_answer_is_asked_for_again_at_once(
    server: StripeServer, payments: StripePayments, fault: Fault
) -> None:
    server.plan(fault)
    assert payments.open_checkout(WANTED, key=KEY).session_id in server.sessions
    assert len(server.sessions) == 1


def test_19_an_answer_lost_twice_leaves_one_checkout_that_the_same_key_finds(
    server: StripeServer, payments: StripePayments
) -> None:
    server.plan(ACCEPT_THEN_BREAK, BREAK)
    with pytest.raises(Unreachable) as error:
        payments.open_checkout(WANTED, key=KEY)
    assert not isinstance(error.value, Broken)
    assert payments.open_checkout(WANTED, key=KEY).session_id in server.sessions
    assert len(server.sessions) == 1


def test_a_request_still_in_flight_is_not_sent_beside_itself(server: StripeServer) -> None:
    server.plan(Fault(slow=True))
    with Session(timeout=0.5) as session:
        payments = StripePayments(session, api_base=server.url, secret_key=SECRET_KEY)
        with pytest.raises(Unreachable, match="409 idempotency_error"):
            payments.open_checkout(WANTED, key=KEY)
        server.release()
    with Session() as session:
        payments = StripePayments(session, api_base=server.url, secret_key=SECRET_KEY)
        assert payments.open_checkout(WANTED, key=KEY).session_id in server.sessions
    assert len(server.sessions) == 1


@pytest.mark.parametrize("status", [424, 500, 502, 503, 504])
def test_19_a_failure_is_remembered_under_its_key_and_gone_under_the_next(
    server: StripeServer, payments: StripePayments, status: int
) -> None:
    server.plan(Fault(status))
    for _ in range(2):
        with pytest.raises(Broken, match=str(status)):
            payments.open_checkout(WANTED, key=KEY)
    assert payments.open_checkout(WANTED, key="checkout-order-2").session_id in server.sessions


@pytest.mark.parametrize("status", [400, 402, 403, 404])
def test_a_no_is_a_no(server: StripeServer, payments: StripePayments, status: int) -> None:
    server.plan(Fault(status))
    with pytest.raises(Declined, match=f"{status} invalid_request_error"):
        payments.open_checkout(WANTED, key=KEY)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [409, 429])
def test_a_later_is_worth_the_same_key(server: StripeServer, payments: StripePayments, status: int) -> None:
    server.plan(Fault(status, headers={"Retry-After": "7"}))
    with pytest.raises(Unreachable) as error:
        payments.open_checkout(WANTED, key=KEY)
    assert (type(error.value), error.value.retry_after) == (Unreachable, 7)
    assert payments.open_checkout(WANTED, key=KEY).session_id in server.sessions


@pytest.mark.parametrize(
    ("status", "should_retry", "raised"),
    [
        (500, "true", Unreachable),
        (402, "true", Unreachable),
        (503, "false", Broken),
        (429, "false", Declined),
        (409, "false", Declined),
    ],
)
def test_stripes_word_on_retrying_overrides_the_status(
    server: StripeServer, payments: StripePayments, status: int, should_retry: str, raised: type[Exception]
) -> None:
    server.plan(Fault(status, headers={"Stripe-Should-Retry": should_retry}))
    with pytest.raises((Declined, Unreachable)) as error:
        payments.open_checkout(WANTED, key=KEY)
    assert type(error.value) is raised


@pytest.mark.parametrize(
    ("fault", "raised"),
    [(Fault(200, html=True), Unreachable), (Fault(302, html=True), Unreachable), (Fault(502, html=True), Broken)],
)
def test_a_page_from_something_in_between_is_judged_by_its_status(
    server: StripeServer, payments: StripePayments, fault: Fault, raised: type[Exception]
) -> None:
    server.plan(fault)
    with pytest.raises(Unreachable) as error:
        payments.open_checkout(WANTED, key=KEY)
    assert type(error.value) is raised


def test_other_terms_under_a_used_key_are_declined(server: StripeServer, payments: StripePayments) -> None:
    payments.open_checkout(WANTED, key=KEY)
    with pytest.raises(Declined, match="400 idempotency_error"):
        payments.open_checkout(changed(amount_cents=100), key=KEY)
    assert len(server.sessions) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"amount_cents": 49}, r"400 invalid_request_error amount_too_small line_items\[0\]\[price_data\]"),
        ({"currency": "dollars"}, r"400 invalid_request_error parameter_invalid line_items\[0\]\[price_data\]"),
        ({"expires_at": NOW + timedelta(hours=25)}, "400 invalid_request_error parameter_invalid expires_at"),
        ({"label": ""}, r"400 invalid_request_error parameter_missing line_items\[0\]\[price_data\]\[product_data\]"),
        ({"metadata": {"order_id": "x" * 501}}, "400 invalid_request_error parameter_invalid metadata"),
    ],
)
def test_what_stripe_finds_wrong_is_named(payments: StripePayments, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(Declined, match=reason):
        payments.open_checkout(changed(**changes), key=KEY)


def test_neither_the_key_nor_the_customer_is_told_to_anybody(
    server: StripeServer, payments: StripePayments, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="daybook")
    told = []
    for wanted, key in ((changed(customer_email="ann at example.com"), SECRET_KEY), (WANTED, "sk_test_wrong")):
        with Session() as session, pytest.raises(Declined) as error:
            StripePayments(session, api_base=server.url, secret_key=key).open_checkout(wanted, key=KEY)
        told.append(str(error.value))
    assert told == [
        "The vendor declined: 400 invalid_request_error parameter_invalid customer_email.",
        "The vendor declined: 401 invalid_request_error.",
    ]
    assert "Stripe answered 400 to request req_1" in caplog.text
    assert not any(secret in caplog.text for secret in ("sk_test", "ann", "example.com"))
