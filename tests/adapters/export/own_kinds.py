"""A projection of a test's own: how often each kind of order was placed, and by what came first."""

from typing import Any

from sqlalchemy import Column, Integer, String

from domain.documents.order import Order
from domain.ledger import Event
from projections.view import Json, Moment, Row, RowView


class Kinds(RowView, name="kinds"):
    """A row that several streams share."""

    key_column = "kind"
    keyed_by_stream = False
    folds = (Order.Placed,)

    @staticmethod
    def columns() -> list[Column[Any]]:
        return [
            Column("kind", String, primary_key=True),
            Column("times", Integer, nullable=False),
            Column("first_at", Moment, nullable=False),
            Column("token", String, nullable=False),
            Column("attribution", Json, nullable=False),
        ]

    def key(self, event: Event) -> str | None:
        assert isinstance(event, Order.Placed)
        return event.kind

    def evolve(self, row: Row | None, event: Event) -> Row | None:
        assert isinstance(event, Order.Placed)
        if row is not None:
            return row | {"times": row["times"] + 1}
        came = {"source": event.attribution.source}
        token = event.contact.token
        return {"kind": event.kind, "times": 1, "first_at": event.at, "token": token, "attribution": came}
