"""What decisions look up in views, once these have caught up."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import or_, select

from projections.documents.orders import OrderDesk
from projections.home import Home


def orders_of_person(home: Home, hashes: Iterable[str]) -> Sequence[UUID]:
    """The orders with any of these digests of a phone number or an e-mail, oldest first."""
    orders, wanted = OrderDesk.live, sorted(hashes)
    person = or_(orders.c.phone_hash.in_(wanted), orders.c.email_hash.in_(wanted))
    rows = home.rows(select(orders.c.order_id).where(person).order_by(orders.c.placed_at, orders.c.order_id))
    return [UUID(row["order_id"]) for row in rows]
