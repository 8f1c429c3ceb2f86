"""Payments of an order: opening the checkout, and judging what Stripe tells us."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from domain.documents import order_facts as facts
from domain.documents.commands import find_order
from domain.documents.office import Office
from domain.documents.order import Order
from domain.documents.order_facts import payment_claim
from domain.documents.refunds import judge_refund
from domain.ledger import Event, Ledger, UnknownStream, repeatable
from domain.shared.errors import Declined, Invalid, Refused, Unreachable
from domain.shared.payments import Broken, Checkout, OpenedCheckout, Payments, StripeEvent, StripeObject
from domain.shared.receipt import Verdict

OPEN_FOR = timedelta(hours=23, minutes=55)  # Stripe refuses more than 24 h by its own clock
REFUND_WAITS = timedelta(hours=24)
LINE = "documents"
IGNORED = Verdict("ignored", "not_needed")


class PaymentProviderRefused(Refused):
    """Stripe said no."""

    code: ClassVar[str] = "payment_provider_refused"
    status: ClassVar[int] = 502
    sentence: ClassVar[str] = "The payment provider refused to open a checkout."


class PaymentProviderUnavailable(Refused):
    """Stripe did not answer, or failed."""

    code: ClassVar[str] = "payment_provider_unavailable"
    status: ClassVar[int] = 503
    sentence: ClassVar[str] = "The payment provider does not answer just now; please try again."


def open_checkout(
    ledger: Ledger,
    payments: Payments,
    *,
    order_id: UUID,
    order_type: str | None,
    success_url: str | None,
    cancel_url: str | None,
    draw_tracking_id: Callable[[], str],
    office: Office,
    now: datetime,
) -> tuple[str, datetime]:
    """(address, end) of the order's checkout: the open one, or a new one.

    The tracking id and the attempt are recorded before Stripe is asked, so that a lost answer is asked for again under
    the same key. Raises `OrderNotFound`, `NotPayable`, `AlreadyPaid`, `PaymentProcessing`, `PaymentUnderReview`,
    `PaymentProviderRefused`, `PaymentProviderUnavailable`, `Invalid`.
    """
    return_to = (success_url, cancel_url)
    order = _requested(
        ledger, order_id, order_type=order_type, return_to=return_to, draw_tracking_id=draw_tracking_id, now=now
    )
    if order.opened is not None and order.opened.url is not None and order.opened.expires_at is not None:
        return order.opened.url.open(), order.opened.expires_at
    wanted = _wanted(order, office)
    if order.checkout is None:
        raise RuntimeError("A checkout was requested.")
    attempt = order.checkout.attempt
    try:
        opened = payments.open_checkout(wanted, key=order.checkout.key)
    except Declined as no:
        _failed(ledger, order_id, attempt=attempt, reason=no.reason)
        raise PaymentProviderRefused from None
    except Broken as broken:
        _failed(ledger, order_id, attempt=attempt, reason=broken.reason)
        raise PaymentProviderUnavailable from None
    except Unreachable:
        raise PaymentProviderUnavailable from None
    _opened(ledger, order_id, opened)
    return opened.url, opened.expires_at


@repeatable
def _requested(
    ledger: Ledger,
    id: UUID,
    *,
    order_type: str | None,
    return_to: tuple[str | None, str | None],
    draw_tracking_id: Callable[[], str],
    now: datetime,
) -> Order:
    order = find_order(ledger, id)
    if order_type is not None and order_type != order.kind.code:
        raise Invalid({"order_type": ["Not the kind of this order."]})
    if order.request_checkout(now=now, return_to=return_to) is None:
        order.give_tracking_id(draw_tracking_id(), reason="checkout")
        if order.pending:
            ledger.record(order)
    return order


@repeatable
def _opened(ledger: Ledger, id: UUID, opened: OpenedCheckout) -> None:
    order = find_order(ledger, id)
    order.checkout_opened(session_id=opened.session_id, url=opened.url, expires_at=opened.expires_at)
    ledger.record(order)


@repeatable
def _failed(ledger: Ledger, id: UUID, *, attempt: int, reason: str) -> None:
    order = find_order(ledger, id)
    order.checkout_failed(attempt=attempt, reason=reason)
    ledger.record(order)


def _wanted(order: Order, office: Office) -> Checkout:
    """What Stripe is asked for. A repeat under the same key must ask for the very same, so all of it comes from what
    was recorded with the attempt."""
    request = order.checkout
    if request is None:
        raise RuntimeError("A checkout was requested.")
    tid = order.tracking_id or ""
    success_url, cancel_url = request.return_to.open() if request.return_to else (None, None)
    return Checkout(
        amount_cents=request.amount_cents,
        currency=request.currency,
        label=order.kind.long_label,
        customer_email=order.contact.open().email,
        reference=str(order.id),
        metadata={
            "order_id": str(order.id),
            "order_type": order.kind.code,
            "tracking_id": tid,
            "tid": tid,
            "line": LINE,
        },
        success_url=success_url or office.url(f"/tracking/{tid}/"),
        cancel_url=cancel_url or office.url(f"/order/{order.id}/"),
        expires_at=request.at + OPEN_FOR,
    )


@repeatable
def accept_payment(ledger: Ledger, *, order_id: UUID, session_id: str, reason: str) -> Order:
    """A manager takes a payment that did not fit; refunds may have waited for it, under `paid_name`.

    Raises `OrderNotFound`, `NothingToAccept`.
    """
    order = find_order(ledger, order_id)
    order.accept_mismatch(session_id=session_id, reason=reason)
    ledger.record(order)
    return order


def judge_payment(ledger: Ledger, event: StripeEvent, *, livemode: bool) -> Verdict:
    """What a Stripe event means for an order. `changed` holds the order when something happened to it."""
    match event.type:
        case "charge.refunded":
            return _judge_refund(ledger, event, livemode=livemode)
        case (
            "checkout.session.completed"
            | "checkout.session.async_payment_succeeded"
            | "checkout.session.async_payment_failed"
            | "checkout.session.expired"
        ):
            return _judge_session(ledger, event, livemode=livemode)
        case _:
            return IGNORED


def _judge_session(ledger: Ledger, event: StripeEvent, *, livemode: bool) -> Verdict:
    session = event.object
    metadata = session.get("metadata") or {}
    order = _named(ledger, metadata.get("order_id") or session.get("client_reference_id"))
    if isinstance(order, Verdict):
        return order
    named_tid = metadata.get("tracking_id") or metadata.get("tid")
    if metadata.get("order_type", order.kind.code) != order.kind.code or named_tid not in (None, order.tracking_id):
        return Verdict("refused", "metadata_differs")
    if event.livemode != livemode:
        return Verdict("refused", "wrong_mode")
    match event.type, session.get("payment_status"):
        case "checkout.session.expired", _:
            return _expired(order, event)
        case "checkout.session.async_payment_failed", _:
            return _bank_failed(order, event)
        case "checkout.session.completed", "unpaid":
            return _pending(order, event)
        case _:
            return _paid(order, event)


def _named(ledger: Ledger, id: str | None) -> Order | Verdict:
    if not id:
        return Verdict("refused", "no_order_named")
    try:
        return ledger.load(Order, UUID(id))
    except (UnknownStream, ValueError):
        return Verdict("refused", "unknown_order")


def _acted(order: Order, *events: Event) -> Verdict:
    for event in events:
        order.happened(event)
    return Verdict("acted_on", changed=(order,))


def _expired(order: Order, event: StripeEvent) -> Verdict:
    session_id = event.object["id"]
    if order.paid is not None:
        return Verdict("ignored", "already_paid")
    if order.opened is None or order.opened.session_id != session_id or not order.asked:
        return Verdict("ignored", "already_known")
    return _acted(order, facts.CheckoutExpired(session_id=session_id, happened_at=event.created))


def _bank_failed(order: Order, event: StripeEvent) -> Verdict:
    session_id = event.object["id"]
    if order.paid is not None:
        return Verdict("ignored", "already_paid")
    if session_id in order.failed_sessions:
        return Verdict("ignored", "already_known")
    return _acted(
        order, facts.PaymentFailed(session_id=session_id, reason="bank_payment_failed", happened_at=event.created)
    )


def _pending(order: Order, event: StripeEvent) -> Verdict:
    session_id = event.object["id"]
    known = order.failed_sessions | order.odd_payments.keys()
    if order.paid is not None or order.pending_session == session_id or session_id in known:
        return Verdict("ignored", "already_known")
    return _acted(order, facts.PaymentPending(session_id=session_id, happened_at=event.created))


def _paid(order: Order, event: StripeEvent) -> Verdict:
    session = event.object
    session_id, intent = session["id"], session.get("payment_intent")
    got, currency = session.get("amount_total") or 0, (session.get("currency") or "").lower()
    if (order.paid and order.paid.session_id == session_id) or session_id in order.odd_payments:
        return Verdict("ignored", "already_known")
    at = event.created
    if order.paid is not None:
        again = facts.PaidAgain(
            session_id=session_id, amount_cents=got, currency=currency, payment_intent=intent, happened_at=at
        )
        return _acted(order, again)
    expected = order.checkout.amount_cents if order.checkout else order.quote.total_cents if order.quote else 0
    asked_in = order.checkout.currency if order.checkout else order.quote.currency if order.quote else ""
    if (got, currency) != (expected, asked_in):
        return _acted(
            order,
            facts.PaymentMismatched(
                session_id=session_id,
                payment_intent=intent,
                expected_cents=expected,
                got_cents=got,
                currency=currency,
                happened_at=at,
            ),
        )
    if order.opened is None or order.opened.session_id != session_id:  # our note of it was lost in a crash
        order.checkout_opened(session_id=session_id, url=None, expires_at=None)
    paid = facts.Paid(session_id=session_id, payment_intent=intent, amount_cents=got, currency=currency, happened_at=at)
    verdict = _acted(order, paid)
    order.begin()
    return verdict


def _judge_refund(ledger: Ledger, event: StripeEvent, *, livemode: bool) -> Verdict:
    charge = event.object
    owner = ledger.owner(payment_claim(charge.get("payment_intent") or ""))
    order = _named(ledger, str(owner) if owner else _order_of(charge))
    if isinstance(order, Verdict):
        return order
    if event.livemode != livemode:
        return Verdict("refused", "wrong_mode")
    verdict = judge_refund(order, event)
    return verdict or Verdict("waiting", paid_name(order.id))


def paid_name(order_id: UUID | str | None) -> str:
    """What a refund waits for that came before the payment it gives back."""
    return f"paid:{order_id}"


def _order_of(charge: StripeObject) -> str | None:
    return (charge.get("metadata") or {}).get("order_id")
