"""Taking payments: opening a checkout at the provider, and reading what the provider later tells us."""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal, Protocol, TypedDict

import msgspec

from domain.shared.errors import Unreachable

STRIPE_VERSION = "2026-10-28.endive"  # the shape of requests, answers and events, until we change it
LAST_EPOCH_SECOND = 253402300799

EpochSeconds = Annotated[int, msgspec.Meta(ge=0, le=LAST_EPOCH_SECOND)]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class Broken(Unreachable):
    """The provider answered that it failed, and will answer the same to this key: the next try needs a new key."""


class Checkout(msgspec.Struct, frozen=True, kw_only=True):
    """One payment to ask a customer for; the same key must always come with the same of these.

    `label` is what the customer reads beside the amount, `reference` and `metadata` come back with every event about
    the payment. `{CHECKOUT_SESSION_ID}` in `success_url` is filled in by the provider. `expires_at` is 30 minutes to
    24 hours away.
    """

    amount_cents: int
    currency: str
    label: str
    customer_email: str
    reference: str
    metadata: Mapping[str, str]
    success_url: str
    cancel_url: str
    expires_at: datetime


class OpenedCheckout(msgspec.Struct, frozen=True):
    """A checkout that waits for the customer at `url`."""

    session_id: str
    url: str
    expires_at: datetime


class Payments(Protocol):
    """A payment provider with a page of its own, such as Stripe."""

    def open_checkout(self, wanted: Checkout, *, key: str) -> OpenedCheckout:
        """Open it once per `key`.

        Raises `Declined` (they say no), `Broken` (try again under a new key) or `Unreachable` (under the same key).
        """

    def redact(self, reference: str) -> str:
        """Take whoever paid out of all checkouts with this reference; amounts stay. Raises `CannotDelete`."""


class StripeObject(TypedDict, total=False):
    """What we need of a checkout session or a charge: nothing that names a person. Absent and null are both common."""

    id: Id
    livemode: bool
    metadata: dict[str, str] | None
    payment_intent: str | None
    currency: str | None
    client_reference_id: str | None
    payment_status: str
    amount_total: int | None
    amount: int
    amount_refunded: int
    refunded: bool


class StripeEvent(msgspec.Struct, frozen=True):
    """A fact as Stripe tells it; `object` is empty when the type is none that we act on."""

    id: str
    type: str
    created: datetime
    livemode: bool
    object: StripeObject


class _Data(msgspec.Struct):
    object: msgspec.Raw


class _Envelope(msgspec.Struct):
    id: Id
    object: Literal["event"]
    type: Id
    created: EpochSeconds
    livemode: bool
    data: _Data


NEEDED_TYPES = frozenset(
    {
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.async_payment_failed",
        "checkout.session.expired",
        "charge.refunded",
    }
)


def read_stripe_event(body: bytes) -> StripeEvent:
    """Read an event whose signature holds; raises ValueError, without repeating the body, when it is not one."""
    try:
        read = msgspec.json.decode(body, type=_Envelope)
        needed = _needed(read)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ValueError("Not an event we can read.") from None
    return StripeEvent(read.id, read.type, datetime.fromtimestamp(read.created, UTC), read.livemode, needed)


def _needed(read: _Envelope) -> StripeObject:
    if read.type not in NEEDED_TYPES:
        return {}
    needed = msgspec.json.decode(read.data.object, type=StripeObject)
    if "id" not in needed:
        raise ValueError("The event names no object.")
    return needed


def stripe_signature(secret: str, signed_at: str, body: bytes) -> str:
    """The `v1` of a body: HMAC-SHA256 over time, dot and body, in hex; `signed_at` is epoch seconds as text."""
    return hmac.digest(secret.encode(), f"{signed_at}.".encode() + body, "sha256").hex()
