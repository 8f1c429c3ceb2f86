"""What decisions look up in views, once these have caught up."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import String, cast, or_, select

from projections.documents.call_leads import CallLeads
from projections.documents.orders import OrderDesk
from projections.home import Home


def orders_of_person(home: Home, hashes: Iterable[str]) -> Sequence[UUID]:
    """The orders with any of these digests of a phone number or an e-mail, oldest first."""
    orders, wanted = OrderDesk.live, sorted(hashes)
    person = or_(orders.c.phone_hash.in_(wanted), orders.c.email_hash.in_(wanted))
    rows = home.rows(select(orders.c.order_id).where(person).order_by(orders.c.placed_at, orders.c.order_id))
    return [UUID(row["order_id"]) for row in rows]


def calls_of_person(home: Home, hashes: Iterable[str]) -> Sequence[UUID]:
    """The call leads with any of these digests on any of their calls, oldest first."""
    leads, wanted = CallLeads.live, sorted(hashes)
    known = cast(leads.c.calls, String)
    person = or_(
        leads.c.phone_hash.in_(wanted), leads.c.email_hash.in_(wanted), *(known.contains(one) for one in wanted)
    )
    rows = home.rows(select(leads.c.phone_lead_id).where(person).order_by(leads.c.received_at, leads.c.phone_lead_id))
    return [UUID(row["phone_lead_id"]) for row in rows]
