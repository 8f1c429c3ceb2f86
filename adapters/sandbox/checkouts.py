"""What a sandbox checkout looks like in Stripe's words: the session, the charge and the events about them."""

from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

import msgspec

from domain.shared.payments import STRIPE_VERSION, Checkout

NAME_LENGTH = 24

State = Literal["open", "processing", "paid", "bank_failed", "expired"]
STATUSES: dict[State, tuple[str, str]] = {
    "open": ("open", "unpaid"),
    "processing": ("complete", "unpaid"),
    "paid": ("complete", "paid"),
    "bank_failed": ("complete", "unpaid"),
    "expired": ("expired", "unpaid"),
}


class StoredCheckout(msgspec.Struct, frozen=True):
    """A checkout and what the customer has done with it."""

    id: str
    wanted: Checkout
    opened_at: datetime
    state: State
    refunded_cents: int

    @property
    def refundable_cents(self) -> int:
        """What is left to give back."""
        return self.wanted.amount_cents - self.refunded_cents if self.state == "paid" else 0

    @property
    def return_url(self) -> str:
        """Where the customer goes afterwards."""
        if self.state in ("open", "expired"):
            return self.wanted.cancel_url
        return self.wanted.success_url.replace("{CHECKOUT_SESSION_ID}", self.id)


def made_up_id(prefix: str, *about: object) -> str:
    """An id in Stripe's style, always the same for the same things."""
    return f"{prefix}_{sha256('/'.join(map(str, about)).encode()).hexdigest()[:NAME_LENGTH]}"


def session_object(checkout: StoredCheckout, *, url: str) -> dict[str, Any]:
    """The Checkout Session; it names its payment once there is one."""
    wanted, (status, payment_status) = checkout.wanted, STATUSES[checkout.state]
    submitted = status == "complete"
    details = {"email": wanted.customer_email, "name": None, "phone": None}
    return {
        "id": checkout.id,
        "object": "checkout.session",
        "mode": "payment",
        "status": status,
        "payment_status": payment_status,
        "amount_subtotal": wanted.amount_cents,
        "amount_total": wanted.amount_cents,
        "currency": wanted.currency,
        "client_reference_id": wanted.reference,
        "customer": None,
        "customer_email": wanted.customer_email,
        "customer_details": details if submitted else None,
        "payment_intent": _payment_intent(checkout) if submitted else None,
        "livemode": False,
        "metadata": dict(wanted.metadata),
        "created": _epoch(checkout.opened_at),
        "expires_at": _epoch(wanted.expires_at),
        "success_url": wanted.success_url,
        "cancel_url": wanted.cancel_url,
        "url": url if status == "open" else None,
    }


def charge_object(checkout: StoredCheckout) -> dict[str, Any]:
    """The charge of a paid checkout; its metadata is the payment's."""
    wanted = checkout.wanted
    return {
        "id": made_up_id("ch", checkout.id),
        "object": "charge",
        "amount": wanted.amount_cents,
        "amount_captured": wanted.amount_cents,
        "amount_refunded": checkout.refunded_cents,
        "refunded": checkout.refunded_cents == wanted.amount_cents,
        "currency": wanted.currency,
        "payment_intent": _payment_intent(checkout),
        "paid": True,
        "status": "succeeded",
        "livemode": False,
        "metadata": dict(wanted.metadata),
        "billing_details": {"email": wanted.customer_email, "name": None, "phone": None},
    }


def event_body(about: dict[str, Any], *, type: str, number: int, created: datetime) -> bytes:
    """The event as it is posted; `number` tells the events of one type about one object apart."""
    return msgspec.json.encode(
        {
            "id": made_up_id("evt", about["id"], type, number),
            "object": "event",
            "api_version": STRIPE_VERSION,
            "created": _epoch(created),
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": type,
            "data": {"object": about},
        }
    )


def _payment_intent(checkout: StoredCheckout) -> str:
    return made_up_id("pi", checkout.id)


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp())
