"""Every message that vendors sent us, and the verdict on it."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Column, Integer, String, select

from domain.ledger import Event
from domain.shared.receipt import Receipt
from projections.home import Home
from projections.view import Json, Moment, Row, RowView

UNJUDGED = "unjudged"


class Receipts(RowView, name="receipts"):
    """`verdict` is unjudged, waiting, acted_on, ignored or refused; `other_bodies` counts repeats that differed.

    `subject` is the order or lead that it concerns. A message about a person who is forgotten has no row.
    """

    version = 2
    key_column = "receipt_id"
    folds = Receipt.events
    indexed = ("arrived_at", "verdict", "waiting_for", "subject")

    @staticmethod
    def columns() -> list[Column[Any]]:
        return [
            Column("receipt_id", String(36), primary_key=True),
            Column("source", String(40), nullable=False),
            Column("vendor_id", String, nullable=False),
            Column("subject", String(36)),
            Column("verdict", String(10), nullable=False),
            Column("reason", String),
            Column("waiting_for", String),
            Column("led_to", Json, nullable=False),
            Column("other_bodies", Integer, nullable=False),
            Column("runs", Integer, nullable=False),
            Column("correlation", String),
            Column("arrived_at", Moment, nullable=False),
            Column("judged_at", Moment),
        ]

    def evolve(self, row: Row | None, event: Event) -> Row | None:
        if isinstance(event, Receipt.Arrived):
            return {
                "receipt_id": str(event.stream),
                "source": event.source,
                "vendor_id": event.vendor_id,
                "subject": None,
                "verdict": UNJUDGED,
                "reason": None,
                "waiting_for": None,
                "led_to": [],
                "other_bodies": 0,
                "runs": 1,
                "correlation": event.correlation,
                "arrived_at": event.at,
                "judged_at": None,
            }
        if row is None or isinstance(event, Receipt.Erased):
            return None
        if isinstance(event, Receipt.ActedOn | Receipt.Ignored | Receipt.Refused | Receipt.PutOff):
            row = row | {"subject": str(event.about) if event.about else row["subject"]}
        judged = {"reason": None, "waiting_for": None, "judged_at": event.at}
        match event:
            case Receipt.ActedOn(events=events):
                return row | judged | {"verdict": "acted_on", "led_to": list(events)}
            case Receipt.Ignored(reason=reason):
                return row | judged | {"verdict": "ignored", "reason": reason}
            case Receipt.Refused(reason=reason):
                return row | judged | {"verdict": "refused", "reason": reason}
            case Receipt.PutOff(waiting_for=waiting_for):
                return row | {"verdict": "waiting", "waiting_for": waiting_for}
            case Receipt.RunAgain():
                return row | judged | {"verdict": UNJUDGED, "runs": row["runs"] + 1, "judged_at": None}
            case Receipt.RepeatedDifferently():
                return row | {"other_bodies": row["other_bodies"] + 1}
        return row


RECEIPTS = Receipts()


def list_receipts(
    home: Home, *, source: str | None = None, verdict: str | None = None, limit: int = 100
) -> Sequence[Row]:
    """Newest first, of one source or verdict."""
    receipts = Receipts.live
    query = select(receipts).order_by(receipts.c.arrived_at.desc(), receipts.c.receipt_id).limit(limit)
    if source is not None:
        query = query.where(receipts.c.source == source)
    if verdict is not None:
        query = query.where(receipts.c.verdict == verdict)
    return home.rows(query)


def waiting_for(home: Home, what: str) -> Sequence[Row]:
    """The messages that wait for this, oldest first."""
    receipts = Receipts.live
    return home.rows(select(receipts).where(receipts.c.waiting_for == what).order_by(receipts.c.arrived_at))


def ignored_about(home: Home, thing: str, *, source: str, reasons: Sequence[str]) -> Sequence[Row]:
    """A source's messages about one thing that were ignored for one of these reasons, oldest first.

    The vendor id of such a message begins with the thing's own, and a colon.
    """
    receipts = Receipts.live
    about = receipts.c.source == source, receipts.c.vendor_id.startswith(f"{thing}:", autoescape=True)
    query = select(receipts).where(*about, receipts.c.verdict == "ignored", receipts.c.reason.in_(reasons))
    return home.rows(query.order_by(receipts.c.arrived_at, receipts.c.receipt_id))


def concerning(home: Home, subjects: Iterable[str]) -> Sequence[Row]:
    """The messages about these orders and leads, oldest first."""
    receipts = Receipts.live
    query = select(receipts).where(receipts.c.subject.in_(sorted(subjects)))
    return home.rows(query.order_by(receipts.c.arrived_at, receipts.c.receipt_id))


def of_nobody(home: Home) -> Sequence[Row]:
    """The messages of which it is not known whom they are about, oldest first."""
    receipts = Receipts.live
    query = select(receipts).where(receipts.c.subject.is_(None))
    return home.rows(query.order_by(receipts.c.arrived_at, receipts.c.receipt_id))
