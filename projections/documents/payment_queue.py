"""The payment queue: orders whose money somebody has to look at."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, String, select

from domain.documents.order import Order
from domain.ledger import Event
from projections.home import Home
from projections.view import Moment, Row, RowView

MISMATCH, PAID_AGAIN = "mismatch", "paid_again"


class PaymentQueue(RowView, name="payment_queue"):
    """`what` is mismatch (to be accepted or given back) or paid_again (to be given back). Amounts in cents."""

    key_column = "order_id"
    folds = (Order.PaymentMismatched, Order.MismatchAccepted, Order.PaidAgain, Order.Refunded, Order.Erased)
    indexed = ("since",)

    @staticmethod
    def columns() -> list[Column[Any]]:
        return [
            Column("order_id", String(36), primary_key=True),
            Column("what", String(12), nullable=False),
            Column("session_id", String, nullable=False),
            Column("expected_cents", BigInteger),
            Column("got_cents", BigInteger, nullable=False),
            Column("currency", String(3), nullable=False),
            Column("since", Moment, nullable=False),
        ]

    def evolve(self, row: Row | None, event: Event) -> Row | None:
        match event:
            case Order.PaymentMismatched():
                return _waiting(event, MISMATCH, event.session_id, event.got_cents, event.currency) | {
                    "expected_cents": event.expected_cents
                }
            case Order.PaidAgain():
                return _waiting(event, PAID_AGAIN, event.session_id, event.amount_cents, event.currency)
            case Order.MismatchAccepted() | Order.Refunded() | Order.Erased():
                return None
        return row


def _waiting(event: Event, what: str, session_id: str, cents: int, currency: str) -> Row:
    return {
        "order_id": str(event.stream),
        "what": what,
        "session_id": session_id,
        "expected_cents": None,
        "got_cents": cents,
        "currency": currency,
        "since": event.happened_at or event.at,
    }


PAYMENT_QUEUE = PaymentQueue()


def list_payment_queue(home: Home, *, limit: int = 100) -> Sequence[Row]:
    """What waits longest first."""
    queue = PaymentQueue.live
    return home.rows(select(queue).order_by(queue.c.since, queue.c.order_id).limit(limit))
