"""Orders as the commands place them, kept in memory."""

from datetime import datetime
from uuid import UUID

from domain.documents.commands import place_order
from domain.documents.order import Order
from domain.ledger import Event, Ledger
from tests.memory_log import MemoryLog
from tests.wishes import NOW, acts, demo_prices, tracking_ids, wish


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
