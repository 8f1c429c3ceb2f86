"""What follows from an order's events: asked once, when the event is recorded, never on a replay."""

from collections.abc import Iterator

from domain.documents.order import Order
from domain.ledger import Event
from domain.shared.attribution import is_empty
from domain.shared.effect import Effect

ZOHO, MAIL = "zoho", "mail"


def effects(event: Event, order: Order) -> Iterator[Effect]:
    """A free order goes to the CRM and to the office at once; a paid one asks for nothing before payment."""
    match event:
        case Order.Placed() if order.worked_on:
            yield from enter_in_crm(event, order)
            yield Effect.request(event, channel=MAIL, kind="staff_notice")
        case Order.TrackingIdGiven() if order.worked_on:
            yield Effect.request(event, channel=MAIL, kind="welcome")


def enter_in_crm(event: Event, order: Order) -> Iterator[Effect]:
    """The contact, the order's own record, where it came from, and its files, in this order."""
    if order.kind.code != "quote":
        yield Effect.request(event, channel=ZOHO, kind="enter_contact")
    yield Effect.request(event, channel=ZOHO, kind="enter_order")
    if order.links is not None or not is_empty(order.attribution):
        yield Effect.request(event, channel=ZOHO, kind="enter_attribution")
    for file in order.placed.files:
        about = {"file_id": file.file_id}
        yield Effect.request(event, channel=ZOHO, kind="attach_file", key=file.file_id, about=about)
