"""The stage queue: stages from the CRM that were refused, and orders that jumped over some."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, String, select

from domain.documents.order import Order
from domain.ledger import Event
from domain.shared.receipt import Receipt
from projections.home import Home
from projections.view import Json, Moment, Row, RowView

REFUSED, SKIPPED = "refused", "skipped"
STAGE_CAUSES = frozenset(
    {"unknown_stage", "backward_without_correction", "awaiting_payment", "service_differs", "unknown_tid"}
)
LAST_STAGE = "completed"


class StageQueue(RowView, name="stage_queue"):
    """`subject` is the receipt of a refused message, or the order that skipped stages until it is completed."""

    key_column = "subject"
    folds = (
        Order.StageReached,
        Order.StageCorrected,
        Order.Erased,
        Receipt.Refused,
        Receipt.RunAgain,
        Receipt.ActedOn,
        Receipt.Ignored,
        Receipt.Erased,
    )
    indexed = ("since",)

    @staticmethod
    def columns() -> list[Column[Any]]:
        return [
            Column("subject", String(36), primary_key=True),
            Column("what", String(8), nullable=False),
            Column("reason", String),
            Column("stage", String(40)),
            Column("skipped", Json, nullable=False),
            Column("since", Moment, nullable=False),
        ]

    def evolve(self, row: Row | None, event: Event) -> Row | None:
        match event:
            case Receipt.Refused(reason=reason):
                return _line(event, REFUSED, reason=reason) if reason in STAGE_CAUSES else None
            case Order.StageReached(stage=stage) if stage == LAST_STAGE and not event.skipped:
                return None
            case Order.StageReached(stage=stage, skipped=skipped) if skipped or row:
                known = row["skipped"] if row else []
                since = row["since"] if row else event.at
                return _line(event, SKIPPED, stage=stage, skipped=[*known, *skipped]) | {"since": since}
            case Order.StageReached():
                return row
        return None


def _line(
    event: Event, what: str, *, reason: str | None = None, stage: str | None = None, skipped: Sequence[str] = ()
) -> Row:
    return {
        "subject": str(event.stream),
        "what": what,
        "reason": reason,
        "stage": stage,
        "skipped": list(skipped),
        "since": event.at,
    }


STAGE_QUEUE = StageQueue()


def list_stage_queue(home: Home, *, limit: int = 100) -> Sequence[Row]:
    """What waits longest first."""
    queue = StageQueue.live
    return home.rows(select(queue).order_by(queue.c.since, queue.c.subject).limit(limit))
