"""The audit trail: one line per event, whoever it concerns, with who did it, through what and why."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Column, Integer, String, func, select

from domain.documents.call_lead import CallLead
from domain.documents.order import Order
from domain.documents.price_list import PriceList
from domain.ledger import Event
from domain.shared.effect import Effect
from domain.shared.export import Export
from domain.shared.receipt import Receipt
from projections.home import Home
from projections.view import Journal, Moment, Row


class AuditTrail(Journal, name="audit_trail"):
    """`subject` is the order or lead an effect was for; everything else is its own subject."""

    forgets = False  # who did what stays true
    folds = (*Order.events, *CallLead.events, *PriceList.events, *Receipt.events, *Effect.events, *Export.events)
    indexed = ("subject", "stream", "correlation")

    @staticmethod
    def columns() -> list[Column[Any]]:
        return [
            Column("subject", String(36), nullable=False),
            Column("stream", String(36), nullable=False),
            Column("version", Integer, nullable=False),
            Column("event", String, nullable=False),
            Column("at", Moment, nullable=False),
            Column("happened_at", Moment),
            Column("actor", String, nullable=False),
            Column("via", String, nullable=False),
            Column("cause", String),
            Column("correlation", String),
        ]

    def entries(self, event: Event) -> Iterable[Row]:
        yield {
            "subject": str(getattr(event, "subject", event.stream)),
            "stream": str(event.stream),
            "version": event.version,
            "event": type(event).stored_name,
            "at": event.at,
            "happened_at": event.happened_at,
            "actor": event.by,
            "via": event.via,
            "cause": event.cause,
            "correlation": event.correlation,
        }


AUDIT_TRAIL = AuditTrail()


def trail_of(home: Home, subject: str) -> Sequence[Row]:
    """Everything that happened to a subject and to the effects asked for it, in order."""
    trail = AuditTrail.live
    streams = select(trail.c.stream).where(trail.c.subject == subject)
    return home.rows(select(trail).where(trail.c.stream.in_(streams)).order_by(trail.c.position))


def trail_of_correlation(home: Home, correlation: str) -> Sequence[Row]:
    """Everything that one request led to, whoever it concerned, in order."""
    trail = AuditTrail.live
    return home.rows(select(trail).where(trail.c.correlation == correlation).order_by(trail.c.position))


def oldest_first(home: Home, streams: Sequence[str]) -> Sequence[str]:
    """These streams as they began on the log; times do not tell, since what is recorded together has the same."""
    trail = AuditTrail.live
    began = select(trail.c.stream).where(trail.c.stream.in_(streams)).group_by(trail.c.stream)
    return [row["stream"] for row in home.rows(began.order_by(func.min(trail.c.position)))]
