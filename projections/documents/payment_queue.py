"""The payment queue: payments that somebody has to look at."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, String, select

from domain.documents.order import Order
from domain.ledger import Event
from projections.home import Home
from projections.view import Json, Moment, Row, RowView, iso_text

MISMATCH, PAID_AGAIN = "mismatch", "paid_again"


class PaymentQueue(RowView, name="payment_queue"):
    """One row per order that has any. Each of `payments` has its session_id, what it is, cents and currency: a mismatch
    is to be accepted or given back, one paid_again to be given back."""

    key_column = "order_id"
    version = 2
    folds = (
        Order.PaymentMismatched,
        Order.MismatchAccepted,
        Order.PaidAgain,
        Order.PaymentReturned,
        Order.Erased,
    )
    indexed = ("since",)

    @staticmethod
    def columns() -> list[Column[Any]]:
        return [
            Column("order_id", String(36), primary_key=True),
            Column("payments", Json, nullable=False),
            Column("since", Moment, nullable=False),
        ]

    def evolve(self, row: Row | None, event: Event) -> Row | None:
        match event:
            case Order.PaymentMismatched(expected_cents=expected):
                payment = _payment(event, MISMATCH, event.session_id, event.got_cents, event.currency)
                return _with(row, event, payment | {"expected_cents": expected})
            case Order.PaidAgain():
                payment = _payment(event, PAID_AGAIN, event.session_id, event.amount_cents, event.currency)
                return _with(row, event, payment)
            case Order.MismatchAccepted() | Order.PaymentReturned() if row:
                left = [known for known in row["payments"] if known["session_id"] != event.session_id]
                return row | {"payments": left} if left else None
            case Order.Erased():
                return None
        return row


def _payment(event: Event, what: str, session_id: str, cents: int, currency: str) -> Row:
    return {
        "what": what,
        "session_id": session_id,
        "expected_cents": None,
        "got_cents": cents,
        "currency": currency,
        "since": iso_text(event.happened_at or event.at),
    }


def _with(row: Row | None, event: Event, payment: Row) -> Row:
    known = row or {"order_id": str(event.stream), "payments": [], "since": event.happened_at or event.at}
    return known | {"payments": [*known["payments"], payment]}


PAYMENT_QUEUE = PaymentQueue()


def list_payment_queue(home: Home, *, limit: int = 100) -> Sequence[Row]:
    """One line per payment, of the orders that wait longest first; `since` is a datetime."""
    queue = PaymentQueue.live
    rows = home.rows(select(queue).order_by(queue.c.since, queue.c.order_id).limit(limit))
    return [
        {"order_id": row["order_id"], **payment, "since": datetime.fromisoformat(payment["since"])}
        for row in rows
        for payment in row["payments"]
    ]
