"""The sandbox payment provider: every button leads to events as Stripe would tell them, really signed."""

from collections import deque
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import stripe

from adapters.sandbox.payments import NotPossible, SandboxPayments
from adapters.sandbox.store import SandboxStore
from adapters.stripe import verify_stripe
from domain.shared.errors import Declined, NotFound, Unreachable
from domain.shared.payments import Checkout, StripeEvent, read_stripe_event
from tests.wishes import NOW
from tests.world import Clock

SECRET = "whsec_sandbox"
BASE = "https://documents.example"
RECORDED = Path(__file__).parents[1] / "recorded" / "stripe"
WANTED = Checkout(
    amount_cents=25_500,
    currency="usd",
    label="FBI Apostille",
    customer_email="ann@example.com",
    reference="7d0c",
    metadata={"order_id": "7d0c", "line": "documents"},
    success_url=f"{BASE}/tracking/T1/?sid={{CHECKOUT_SESSION_ID}}",
    cancel_url=f"{BASE}/order/7d0c/",
    expires_at=NOW + timedelta(hours=24),
)
COMPLETED = "checkout.session.completed"


class Webhook:
    """Takes what is posted, checks every signature with Stripe's own library and with ours, and may fail."""

    def __init__(self, clock: Clock) -> None:
        self.posted: list[StripeEvent] = []
        self.headers: list[str] = []
        self.failures: deque[Exception] = deque()
        self._clock = clock

    def __call__(self, body: bytes, signature: str) -> None:
        self.headers.append(signature)
        verify_stripe([SECRET], signature, body, now=self._clock.now())
        stripe.WebhookSignature.verify_header(body.decode(), signature, SECRET, tolerance=None)
        if self.failures:
            raise self.failures.popleft()
        self.posted.append(read_stripe_event(body))

    def told(self) -> list[tuple[str, Any]]:
        """Type and, whichever there is, payment status or refunded cents of every event."""
        return [
            (event.type, event.object.get("payment_status", event.object.get("amount_refunded")))
            for event in self.posted
        ]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def webhook(clock: Clock) -> Webhook:
    return Webhook(clock)


@pytest.fixture
def payments(tmp_path: Path, clock: Clock, webhook: Webhook) -> Iterator[SandboxPayments]:
    store = SandboxStore(tmp_path / "sandbox.sqlite")
    yield SandboxPayments(store, webhook_secret=SECRET, deliver=webhook, now=clock.now, base_url=f"{BASE}/")
    store.close()


@pytest.fixture
def session(payments: SandboxPayments) -> str:
    return payments.open_checkout(WANTED, key="checkout-7d0c-1").session_id


def test_a_checkout_has_a_page_of_ours(payments: SandboxPayments) -> None:
    opened = payments.open_checkout(WANTED, key="checkout-7d0c-1")
    assert opened.session_id.startswith("cs_test_")
    assert opened.url == f"{BASE}/sandbox/checkout/{opened.session_id}/"
    assert opened.expires_at == WANTED.expires_at
    assert payments.checkout(opened.session_id).wanted == WANTED


def test_the_same_key_is_the_same_checkout_and_another_key_another(payments: SandboxPayments, session: str) -> None:
    assert payments.open_checkout(WANTED, key="checkout-7d0c-1").session_id == session
    assert payments.open_checkout(WANTED, key="checkout-7d0c-2").session_id != session
    assert len(payments.checkouts()) == 2


def test_other_terms_under_a_used_key_are_declined(payments: SandboxPayments, session: str) -> None:
    with pytest.raises(Declined, match="idempotency_error"):
        payments.open_checkout(msgspec.structs.replace(WANTED, amount_cents=1), key="checkout-7d0c-1")
    assert payments.checkout(session).wanted.amount_cents == 25_500


def test_paying_completes_the_checkout(payments: SandboxPayments, session: str, webhook: Webhook) -> None:
    payments.pay(session)
    [event] = webhook.posted
    assert (event.type, event.created, event.livemode) == (COMPLETED, NOW, False)
    assert str(event.object.pop("payment_intent")).startswith("pi_")
    assert event.object == {
        "id": session,
        "livemode": False,
        "metadata": {"order_id": "7d0c", "line": "documents"},
        "currency": "usd",
        "client_reference_id": "7d0c",
        "payment_status": "paid",
        "amount_total": 25_500,
    }
    assert payments.checkout(session).state == "paid"


def test_a_bank_payment_completes_unpaid_and_succeeds_later(
    payments: SandboxPayments, session: str, webhook: Webhook
) -> None:
    payments.pay_by_bank(session)
    assert webhook.told() == [(COMPLETED, "unpaid")]
    payments.bank_succeeds(session)
    assert webhook.told()[1:] == [("checkout.session.async_payment_succeeded", "paid")]
    assert {event.object.get("payment_intent") for event in webhook.posted} != {None}
    assert len({event.id for event in webhook.posted}) == 2


def test_a_bank_payment_may_fail(payments: SandboxPayments, session: str, webhook: Webhook) -> None:
    payments.pay_by_bank(session)
    payments.bank_fails(session)
    assert webhook.told() == [(COMPLETED, "unpaid"), ("checkout.session.async_payment_failed", "unpaid")]
    assert payments.checkout(session).refundable_cents == 0


def test_a_checkout_expires(payments: SandboxPayments, session: str, webhook: Webhook) -> None:
    payments.expire(session)
    assert webhook.told() == [("checkout.session.expired", "unpaid")]
    assert webhook.posted[0].object["payment_intent"] is None


def test_refunds_tell_the_total_so_far_of_one_charge(payments: SandboxPayments, session: str, webhook: Webhook) -> None:
    payments.pay(session)
    payments.refund(session, 5_000)
    payments.refund(session, 20_500)
    paid, part, whole = webhook.posted
    assert webhook.told()[1:] == [("charge.refunded", 5_000), ("charge.refunded", 25_500)]
    assert (part.object["refunded"], whole.object["refunded"]) == (False, True)
    assert part.object["id"] == whole.object["id"] != session
    assert part.object["payment_intent"] == paid.object["payment_intent"]
    assert part.object["metadata"] == WANTED.metadata
    assert part.id != whole.id


@pytest.mark.parametrize("cents", [-1, 0, 25_501])
def test_no_more_is_given_back_than_was_paid(payments: SandboxPayments, session: str, cents: int) -> None:
    payments.pay(session)
    with pytest.raises(NotPossible):
        payments.refund(session, cents)
    assert payments.checkout(session).refunded_cents == 0


def test_what_the_state_forbids_is_refused_and_tells_nothing(
    payments: SandboxPayments, session: str, webhook: Webhook
) -> None:
    payments.pay(session)
    for forbidden in (payments.pay, payments.pay_by_bank, payments.bank_succeeds, payments.bank_fails, payments.expire):
        with pytest.raises(NotPossible):
            forbidden(session)
    assert webhook.told() == [(COMPLETED, "paid")]


def test_nothing_is_refunded_before_it_is_paid(payments: SandboxPayments, session: str) -> None:
    with pytest.raises(NotPossible):
        payments.refund(session, 1)


def test_a_checkout_whose_time_has_run_out_can_only_expire(
    payments: SandboxPayments, session: str, clock: Clock, webhook: Webhook
) -> None:
    clock.move(24 * 3600)
    for late in (payments.pay, payments.pay_by_bank):
        with pytest.raises(NotPossible):
            late(session)
    payments.expire(session)
    assert webhook.told() == [("checkout.session.expired", "unpaid")]


def test_an_unknown_checkout_is_not_found(payments: SandboxPayments) -> None:
    for act in (payments.checkout, payments.pay, lambda id: payments.refund(id, 1)):
        with pytest.raises(NotFound):
            act("cs_test_unknown")


def test_what_the_webhook_did_not_take_is_delivered_again_in_order_with_a_fresh_signature(
    payments: SandboxPayments, session: str, webhook: Webhook, clock: Clock
) -> None:
    webhook.failures.extend([Unreachable("no answer"), Unreachable("HTTP 503")])
    payments.pay(session)
    payments.refund(session, 25_500)
    assert webhook.posted == []
    assert payments.undelivered(session) == [COMPLETED, "charge.refunded"]
    clock.move(3600)
    payments.deliver_again(session)
    assert webhook.told() == [(COMPLETED, "paid"), ("charge.refunded", 25_500)]
    assert payments.undelivered(session) == []
    first, *_, last = (header.partition(",")[0] for header in webhook.headers)
    assert int(last[2:]) - int(first[2:]) == 3600
    payments.deliver_again(session)
    assert len(webhook.posted) == 2


def test_the_customer_comes_back_to_where_the_checkout_says(payments: SandboxPayments, session: str) -> None:
    assert payments.checkout(session).return_url == f"{BASE}/order/7d0c/"
    payments.pay(session)
    assert payments.checkout(session).return_url == f"{BASE}/tracking/T1/?sid={session}"


def test_checkouts_outlive_the_process(
    tmp_path: Path, payments: SandboxPayments, session: str, clock: Clock, webhook: Webhook
) -> None:
    payments.pay(session)
    store = SandboxStore(tmp_path / "sandbox.sqlite")
    again = SandboxPayments(store, webhook_secret=SECRET, deliver=webhook, now=clock.now, base_url=BASE)
    assert again.checkouts() == payments.checkouts()
    store.close()


def test_its_events_carry_what_stripes_do(payments: SandboxPayments, session: str, webhook: Webhook) -> None:
    payments.pay(session)
    payments.refund(session, 100)
    for event, name in zip(webhook.posted, ("completed_paid", "refunded_in_part"), strict=True):
        recorded = read_stripe_event((RECORDED / f"{name}.json").read_bytes())
        assert (event.type, event.object.keys()) == (recorded.type, recorded.object.keys())


def test_a_redacted_checkout_keeps_its_amount_and_forgets_who_paid(
    payments: SandboxPayments, session: str, webhook: Webhook
) -> None:
    payments.pay(session)
    other = payments.open_checkout(msgspec.structs.replace(WANTED, reference="another"), key="other").session_id
    assert payments.redact(WANTED.reference) == "1 redacted"
    redacted = payments.checkout(session)
    assert (redacted.wanted.customer_email, redacted.wanted.amount_cents) == ("", WANTED.amount_cents)
    assert (redacted.state, payments.undelivered(session)) == ("paid", [])
    assert payments.checkout(other).wanted.customer_email == WANTED.customer_email
