"""What the customer sees: the stages of the service and how far the order is; never personal data in clear text."""

from typing import Any

from sqlalchemy import Boolean, Column, String

from domain.documents.catalogue import KINDS
from domain.documents.order import Order
from domain.documents.order_facts import Placed, TakenInCrm
from domain.ledger import Event
from projections.home import Home
from projections.view import Json, Moment, Row, RowView, iso_text

PENDING, CHECKING = "pending", "checking"  # what the payment of an order that has not begun waits for


class TrackingPage(RowView, name="tracking_page"):
    """One row per order, found by its tracking id. `contact` is sealed; `reached` lists [stage code, ISO time]."""

    key_column = "order_id"
    version = 3
    folds = (
        Order.Placed,
        Order.TakenInCrm,
        Order.TrackingIdGiven,
        Order.PaymentPending,
        Order.PaymentFailed,
        Order.PaymentMismatched,
        Order.Paid,
        Order.MismatchAccepted,
        Order.PaymentReturned,
        Order.StageReached,
        Order.StageCorrected,
        Order.Erased,
    )
    indexed = ("tracking_id",)

    @staticmethod
    def columns() -> list[Column[Any]]:
        return [
            Column("order_id", String(36), primary_key=True),
            Column("tracking_id", String(20)),
            Column("kind", String(20), nullable=False),
            Column("contact", String, nullable=False),
            Column("shipping", String),
            Column("translation_r", Boolean, nullable=False),
            Column("payment", String(10)),
            Column("stage", String(40)),
            Column("reached", Json, nullable=False),
            Column("created_at", Moment, nullable=False),
            Column("updated_at", Moment, nullable=False),
        ]

    def evolve(self, row: Row | None, event: Event) -> Row | None:
        match event:  # what comes most often is looked for first: a rebuild asks a million times
            case Order.StageReached(stage=stage, happened_at=happened_at, at=at) if row:
                when = iso_text(happened_at or at)
                return row | {"stage": stage, "reached": [*row["reached"], [stage, when]], "updated_at": at}
            case Order.Placed(quote=quote):
                return _begun(event, shipping=quote.shipping_label if quote else None)
            case Order.TakenInCrm(shipping=shipping):
                return _begun(event, shipping=shipping)
            case Order.TrackingIdGiven(tracking_id=tracking_id, at=at) if row:
                return row | {"tracking_id": tracking_id, "updated_at": at}
            case Order.StageCorrected(stage=stage, happened_at=happened_at, at=at) if row:
                reached = _corrected(row, stage, iso_text(happened_at or at))
                return row | {"stage": stage, "reached": reached, "updated_at": at}
            case Order.PaymentPending() if row:
                return row | {"payment": PENDING}
            case Order.PaymentMismatched() if row:
                return row | {"payment": CHECKING}
            case Order.PaymentFailed() | Order.Paid() | Order.MismatchAccepted() | Order.PaymentReturned() if row:
                return row | {"payment": None}
            case Order.Erased():
                return None
        return row


def _begun(event: Placed | TakenInCrm, *, shipping: str | None) -> Row:
    return {
        "order_id": str(event.stream),
        "tracking_id": None,
        "kind": event.kind,
        "contact": event.contact.token,
        "shipping": shipping,
        "translation_r": event.choices.translation_r,
        "payment": None,
        "stage": None,
        "reached": [],
        "created_at": event.at,
        "updated_at": event.at,
    }


def _corrected(row: Row, stage: str, when: str) -> list[list[str]]:
    """What was reached as if the wrong stages had never been told: only those before the true one stay."""
    stages = KINDS[row["kind"]].stages
    order = {known.code: number for number, known in enumerate(stages)}
    kept = [entry for entry in row["reached"] if order[entry[0]] < order[stage]]
    was = next((entry[1] for entry in row["reached"] if entry[0] == stage), when)
    return [*kept, [stage, was]]


TRACKING_PAGE = TrackingPage()


def find_page(home: Home, tracking_id: str) -> Row | None:
    """The row behind a tracking id, or None."""
    return home.find(TRACKING_PAGE, "tracking_id", tracking_id)
