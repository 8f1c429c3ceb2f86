"""What follows from an order's events: asked once, when the event is recorded, never on a replay."""

from collections.abc import Iterator

from domain.documents.farewell import take_back
from domain.documents.order import Order
from domain.documents.stages import first_stage
from domain.ledger import Event
from domain.shared.attribution import is_empty
from domain.shared.effect import Effect

ZOHO, MAIL, MATCHING = "zoho", "mail", "matching"


def effects(event: Event, order: Order) -> Iterator[Effect]:
    """A free order is worked on at once, a paid one once its money has come; each stage is one mail."""
    if isinstance(event, Order.Placed) and event.called_before:
        yield Effect.request(event, channel=MATCHING, kind="match_order")
    match event:
        case Order.Placed() if not order.kind.paid:
            yield from enter_in_crm(event, order)
            yield Effect.request(event, channel=MAIL, kind="staff_notice")
        case Order.MatchedWithCall() if not order.worked_on:
            yield _of_this_event(event, ZOHO, "upgrade_record")
        case Order.MatchUndone() if order.worked_on and _has_attribution(order):
            yield _of_this_event(event, ZOHO, "enter_attribution")
        case Order.TrackingIdGiven(reason=reason) if order.worked_on:
            if reason in ("staff", "crm"):
                yield Effect.request(event, channel=ZOHO, kind="write_tracking_id")
            if event.notify:
                yield from _to_customer(event, order, "welcome")
        case Order.Paid() | Order.MismatchAccepted():
            yield from enter_in_crm(event, order)
            yield Effect.request(event, channel=MAIL, kind="staff_notice")
            yield from _to_customer(event, order, "welcome")
            yield from _to_customer(event, order, "payment_confirmation")
        case Order.PaymentMismatched() | Order.PaidAgain():
            yield _of_this_event(event, MAIL, "payment_alert")
        case Order.Refunded():
            yield _of_this_event(event, ZOHO, "update_payment")
            yield _of_this_event(event, MAIL, "payment_alert")
        case Order.StageReached(stage=stage) if stage != first_stage(order.kind.service).code:
            yield from _stage_mail(event, order)
        case Order.StageCorrected():
            yield from _stage_mail(event, order)
        case Order.Erased():
            yield from take_back(event, order)


def enter_in_crm(event: Event, order: Order) -> Iterator[Effect]:
    """The contact, the order's own record, where it came from, and its files, in this order."""
    if order.kind.code != "quote":
        yield Effect.request(event, channel=ZOHO, kind="enter_contact")
    yield Effect.request(event, channel=ZOHO, kind="enter_order")
    if order.matched_call is None and _has_attribution(order):
        yield Effect.request(event, channel=ZOHO, kind="enter_attribution")
    for id in (file.file_id for file in order.files):
        yield Effect.request(event, channel=ZOHO, kind="attach_file", key=id, about={"file_id": id})


def _has_attribution(order: Order) -> bool:
    # A record that named an undone call's origin must name another one, however little is known of it.
    return order.links is not None or not is_empty(order.attribution) or bool(order.apart_from)


def _to_customer(event: Event, order: Order, kind: str) -> Iterator[Effect]:
    """Once per order; a customer without an address gets nothing."""
    if order.email_hash is not None:
        yield Effect.request(event, channel=MAIL, kind=kind)


def _stage_mail(event: Event, order: Order) -> Iterator[Effect]:
    if order.email_hash is not None and order.tracking_id is not None:
        yield _of_this_event(event, MAIL, "stage_update")


def _of_this_event(event: Event, channel: str, kind: str) -> Effect:
    """An effect that may recur: once per event, not once per order."""
    version = str(event.version)
    return Effect.request(event, channel=channel, kind=kind, key=version, about={"version": version})
