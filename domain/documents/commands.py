"""What can be done in document services: load, decide, record."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from uuid import UUID

import msgspec

from domain.documents.call_events import caller_claim, open_call_claims
from domain.documents.catalogue import KINDS
from domain.documents.files import StoredFile
from domain.documents.matching import lead_for_new_order
from domain.documents.order import Order
from domain.documents.order_facts import Answers, Choices, Placed, TrackingIdReason, request_claim, tracking_id_claim
from domain.documents.order_refusals import OrderNotFound
from domain.documents.price_list import PriceList, current_prices
from domain.documents.quote import Quote
from domain.ledger import Conflict, Ledger, Taken, UnknownStream
from domain.sealed import Erased, Sealed
from domain.shared.attribution import NO_LINKS, Attribution, AttributionLinks
from domain.shared.contact import Contact
from domain.shared.errors import Refused
from domain.shared.money import decimal_text
from domain.shared.phone import phone_key

TRACKING_ID_DRAWS = 5


class IdempotencyKeyReused(Refused):
    """The key already stands for another body."""

    code: ClassVar[str] = "idempotency_key_reused"
    status: ClassVar[int] = 422
    sentence: ClassVar[str] = "This Idempotency-Key was used with another body."


class PriceChanged(Refused):
    """The customer was shown another total than ours."""

    code: ClassVar[str] = "price_changed"
    sentence: ClassVar[str] = "The price has changed."

    def __init__(self, quote: Quote) -> None:
        super().__init__()
        self.details = {
            "total_price": decimal_text(quote.total_cents),
            "price_list_version": quote.price_list_version,
        }


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A form that has been read and found good. `quoted_cents` is the total the customer was shown."""

    kind: str
    contact: Contact
    choices: Choices = Choices()
    answers: Answers = Answers()
    files: tuple[StoredFile, ...] = ()
    file_names: tuple[str, ...] = ()
    attribution: Attribution = Attribution()
    links: AttributionLinks = NO_LINKS
    package: str | None = None
    count: int | None = None
    shipping: str | None = None
    quoted_cents: int | None = None


class Request(msgspec.Struct, frozen=True):
    """An idempotency key (its digest, scoped by path) and the fingerprint of the body it came with."""

    digest: str
    fingerprint: str


def place_order(
    ledger: Ledger,
    *,
    id: UUID,
    wish: Wish,
    draw_tracking_id: Callable[[], str],
    request: Request | None = None,
    prices: PriceList | None = None,
    match_window_days: int = 90,
) -> tuple[Order, bool]:
    """Place an order; True when this request had placed it before, and that order is the answer again.

    An open call of the same number about the same service is used up by it, in the same transaction. `prices` is the
    list where it has just been read. Raises `Invalid` (not offered), `PriceChanged`, `IdempotencyKeyReused`, and
    `OrderNotFound` where the person of the earlier order has been erased.
    """
    phone_hash = _phone_hash(ledger, wish.contact)
    asked = [request_claim(request.digest)] if request else []
    callers = [caller_claim(phone_hash)] if phone_hash else []
    claims = [*asked, *callers, *open_call_claims(wish.kind, phone_hash=phone_hash)]
    owners = ledger.owners(claims)
    if request and (owner := owners.get(request_claim(request.digest))):
        return _placed_before(ledger, owner, request), True
    quote, called_before = _quote(ledger, wish, prices), any(caller in owners for caller in callers)
    for _ in range(TRACKING_ID_DRAWS):
        placed = _placed(ledger, wish, quote, request, phone_hash=phone_hash, called_before=called_before)
        order = Order.place(id, placed)
        lead = lead_for_new_order(ledger, order, owners=owners, window_days=match_window_days)
        if order.worked_on and order.kind.code != "quote":
            order.give_tracking_id(draw_tracking_id(), reason="form")
            order.begin()
        try:
            ledger.record(order, *([lead] if lead else []))
        except Conflict:
            if lead is None:
                raise
            owners = ledger.owners(claims)  # another order has used the call up, or a message about it has come
        except Taken as taken:
            if request and taken.key == request_claim(request.digest):
                return _placed_before(ledger, taken.owner, request), True
            if order.tracking_id is None or taken.key != tracking_id_claim(order.tracking_id):
                raise
        else:
            return order, False
    raise RuntimeError(f"{TRACKING_ID_DRAWS} tracking ids drawn in a row were taken, or the call changed as often.")


def _quote(ledger: Ledger, wish: Wish, prices: PriceList | None) -> Quote | None:
    if not KINDS[wish.kind].paid:
        return None
    prices = prices or current_prices(ledger)
    quote = prices.quote(wish.kind, package=wish.package, count=wish.count, shipping=wish.shipping)
    if wish.quoted_cents not in (None, quote.total_cents):
        raise PriceChanged(quote)
    return quote


def _phone_hash(ledger: Ledger, contact: Contact) -> str | None:
    digits = phone_key(contact.phone)
    return ledger.blind(f"phone:{digits}") if digits else None


def _placed(
    ledger: Ledger,
    wish: Wish,
    quote: Quote | None,
    request: Request | None,
    *,
    phone_hash: str | None,
    called_before: bool,
) -> Placed:
    return Placed(
        kind=wish.kind,
        contact=Sealed(wish.contact),
        choices=wish.choices,
        answers=Sealed(wish.answers),
        files=wish.files,
        file_names=Sealed(wish.file_names) if wish.files else None,
        attribution=wish.attribution,
        links=Sealed(wish.links) if wish.links != NO_LINKS else None,
        quote=quote,
        phone_hash=phone_hash,
        email_hash=ledger.blind(f"email:{wish.contact.email.casefold()}"),
        called_before=called_before,
        request=request.digest if request else None,
        fingerprint=request.fingerprint if request else None,
    )


def _placed_before(ledger: Ledger, owner: UUID, request: Request) -> Order:
    order = find_order(ledger, owner)
    if order.fingerprint != request.fingerprint:
        raise IdempotencyKeyReused
    return order


def give_tracking_id(
    ledger: Ledger, *, order_id: UUID, draw_tracking_id: Callable[[], str], notify: bool = True
) -> Order:
    """Staff want an order to have a tracking page, mostly that of a quote; one that has its id keeps it.

    With `notify` the customer gets the welcome mail, unless the order still waits for its payment. Raises
    `OrderNotFound`.
    """
    for _ in range(TRACKING_ID_DRAWS):
        order = find_order(ledger, order_id)
        if not begin_tracking(order, draw_tracking_id(), reason="staff", notify=notify):
            return order
        try:
            ledger.record(order)
        except (Conflict, Taken):
            continue  # the order has moved on, or the id is another order's
        return order
    raise RuntimeError(f"{TRACKING_ID_DRAWS} tracking ids drawn in a row were taken, or the order changed as often.")


def begin_tracking(order: Order, tracking_id: str, *, reason: TrackingIdReason, notify: bool) -> bool:
    """Give an order that has none its tracking id, and its first stage unless it waits for a payment; False if not."""
    if order.tracking_id is not None:
        return False
    order.give_tracking_id(tracking_id, reason=reason, notify=notify and order.worked_on)
    if order.worked_on:
        order.begin()
    return True


def find_order(ledger: Ledger, id: UUID) -> Order:
    """The order; raises `OrderNotFound`, also when the person has been erased."""
    try:
        order = ledger.load(Order, id)
        order.contact.open()
    except (UnknownStream, Erased):
        raise OrderNotFound from None
    return order


def order_values(fields: Mapping[str, Any]) -> tuple[Choices, Answers]:
    """Sort a form's fields into what may be stored in clear text and what is sealed."""
    choices = {name: fields[name] for name in Choices.__struct_fields__ if fields.get(name) is not None}
    answers = {name: fields[name] for name in Answers.__struct_fields__ if fields.get(name) is not None}
    if "services" in choices:
        choices["services"] = tuple(choices["services"])
    if "appointment_time" in choices:
        choices["appointment_time"] = f"{choices['appointment_time']:%H:%M}"
    return Choices(**choices), Answers(**answers)
