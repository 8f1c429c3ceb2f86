"""An own projection: the stage in which each order has waited longest, and for how many hours.

    daybook project analysis/longest_wait.py
    daybook project analysis/longest_wait.py --export var/export --out longest_wait.csv

It is a view like those in `projections/`: moved there and named in `VIEWS` it would be kept up to date.
"""

from typing import Any

from sqlalchemy import Column, Float, String

from domain.documents.order import Order
from domain.ledger import Event
from projections.view import Moment, Row, RowView


class LongestWait(RowView, name="longest_wait"):
    """One row per order; `hours` is over when the next stage is reached."""

    key_column = "order_id"
    folds = (Order.Placed, Order.StageReached, Order.StageCorrected, Order.Erased)

    @staticmethod
    def columns() -> list[Column[Any]]:
        return [
            Column("order_id", String(36), primary_key=True),
            Column("kind", String(20), nullable=False),
            Column("source", String),
            Column("longest_in", String(40)),
            Column("hours", Float, nullable=False),
            Column("stage", String(40)),
            Column("since", Moment, nullable=False),
        ]

    def evolve(self, row: Row | None, event: Event) -> Row | None:
        at = event.happened_at or event.at
        match event:
            case Order.Placed(kind=kind, attribution=found):
                order = {"order_id": str(event.stream), "kind": kind, "source": found.source}
                return order | {"longest_in": None, "hours": 0.0, "stage": None, "since": at}
            case Order.StageReached(stage=stage) | Order.StageCorrected(stage=stage) if row:
                hours = (at - row["since"]).total_seconds() / 3600
                longer = {"longest_in": row["stage"], "hours": hours} if hours > row["hours"] else {}
                return row | longer | {"stage": stage, "since": at}
        return None
