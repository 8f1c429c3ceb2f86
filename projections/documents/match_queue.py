"""The match queue: calls that may belong to an order, for staff to decide, and pairs with two CRM records."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, String, select

from domain.documents import call_events as events
from domain.ledger import Event
from projections.home import Home
from projections.view import Json, Moment, Row, RowView


class MatchQueue(RowView, name="match_queue"):
    """One row per call with something to decide. `suggestions` are orders with what agrees, and how likely it is."""

    version = 2
    key_column = "phone_lead_id"
    folds = (
        events.MatchSuggested,
        events.SuggestionDismissed,
        events.MatchedWithForm,
        events.MatchUndone,
        events.MarkedSpam,
        events.TwoRecordsFound,
        events.Erased,
    )
    indexed = ("since",)

    @staticmethod
    def columns() -> list[Column[Any]]:
        return [
            Column("phone_lead_id", String(36), primary_key=True),
            Column("suggestions", Json, nullable=False),
            Column("two_records", Json),
            Column("since", Moment, nullable=False),
        ]

    def evolve(self, row: Row | None, event: Event) -> Row | None:
        before = row or {
            "phone_lead_id": str(event.stream),
            "suggestions": [],
            "two_records": None,
            "since": event.at,
        }
        match event:
            case events.MatchSuggested():
                return before | {"suggestions": [*before["suggestions"], _suggestion(event)]}
            case events.SuggestionDismissed(order_id=order_id):
                left = [one for one in before["suggestions"] if one["order_id"] != str(order_id)]
                return before | {"suggestions": left} if left or before["two_records"] else None
            case events.TwoRecordsFound(orders=orders, calls=calls):
                return before | {"two_records": {"order": orders, "call": calls}}
            case events.MatchedWithForm() | events.MarkedSpam():
                return before | {"suggestions": []} if before["two_records"] else None
            case events.MatchUndone():
                return before | {"two_records": None} if before["suggestions"] else None
            case events.Erased():
                return None
        return row


def _suggestion(event: events.MatchSuggested) -> Row:
    return {
        "order_id": str(event.order_id),
        "order_type": event.order_type,
        "evidence": list(event.evidence),
        "confidence": event.confidence,
    }


MATCH_QUEUE = MatchQueue()


def list_match_queue(home: Home, *, limit: int = 100) -> Sequence[Row]:
    """What waits longest first."""
    queue = MatchQueue.live
    return home.rows(select(queue).order_by(queue.c.since, queue.c.phone_lead_id).limit(limit))
