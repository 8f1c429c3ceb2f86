"""Orders as the commands place them, kept in memory."""

from datetime import datetime
from uuid import UUID

from domain.documents.commands import place_order
from domain.documents.order import Order
from domain.ledger import Event, Ledger
from domain.sealed import Sealed
from domain.shared.attribution import AttributionLinks
from tests.memory_log import MemoryLog
from tests.wishes import NOW, acts, demo_prices, tracking_ids, wish

BEGUN_ID = UUID("6d7e1f7c-2a55-4a51-9d1e-0c7f6f1f8a10")


def placed(kind: str, *, number: int = 1, at: datetime = NOW, **changes: object) -> Order:
    """A new order of this kind; its id is the number."""
    return Order.of(UUID(int=number), story(kind, number=number, at=at, **changes))


def story(kind: str, *, number: int = 1, at: datetime = NOW, **changes: object) -> list[Event]:
    """What is recorded on the order when it is placed."""
    log = MemoryLog()
    ledger = Ledger(log, policies={})
    demo_prices(ledger)
    with acts(at):
        place_order(ledger, id=UUID(int=number), wish=wish(kind, **changes), draw_tracking_id=tracking_ids())
    return log.events_of(UUID(int=number))


def in_the_crm(order: Order, record_id: str = "7") -> Order:
    """The order with a record in the CRM."""
    with acts():
        order.entered_in_crm(module=order.kind.module, record_id=record_id)
    return order


def begun(kind: str, *, links: AttributionLinks | None = None, **changes: object) -> Order:
    """An order with everything that can happen to it when it is placed."""
    wanted = wish(kind, **changes)
    with acts():
        order = Order.place(
            BEGUN_ID,
            Order.Placed(
                kind=kind,
                contact=Sealed(wanted.contact),
                choices=wanted.choices,
                answers=Sealed(wanted.answers),
                files=wanted.files,
                attribution=wanted.attribution,
                links=Sealed(links) if links else None,
                phone_hash="p" * 32,
                email_hash="e" * 32,
            ),
        )
        order.give_tracking_id("0" * 20, reason="form")
        order.begin()
    return order
