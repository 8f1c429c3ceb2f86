"""The order desk: one row per order, for staff."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Select, String, select, tuple_

from domain.documents.catalogue import KINDS
from domain.documents.order import Order
from domain.ledger import Event
from domain.shared.attribution import is_empty
from projections.home import Home
from projections.view import Json, Moment, Row, RowView

PAGE_ROWS = 50


class OrderDesk(RowView, name="orders"):
    """Everything staff see of an order. `contact` and `answers` are sealed; amounts in cents."""

    key_column = "order_id"
    folds = (
        Order.Placed,
        Order.TrackingIdGiven,
        Order.StageReached,
        Order.EnteredInCrm,
        Order.AttributionEnteredInCrm,
    )
    indexed = ("placed_at", "tracking_id", "phone_hash", "email_hash", "crm_record")

    @staticmethod
    def columns() -> list[Column[Any]]:
        return [
            Column("order_id", String(36), primary_key=True),
            Column("kind", String(20), nullable=False),
            Column("service", String(40), nullable=False),
            Column("placed_at", Moment, nullable=False),
            Column("updated_at", Moment, nullable=False),
            Column("contact", String, nullable=False),
            Column("answers", String, nullable=False),
            Column("choices", Json, nullable=False),
            Column("files", BigInteger, nullable=False),
            Column("total_cents", BigInteger),
            Column("currency", String(3)),
            Column("paid_kind", Boolean, nullable=False),
            Column("source", String),
            Column("medium", String),
            Column("attributed", Boolean, nullable=False),
            Column("phone_hash", String(32)),
            Column("email_hash", String(32)),
            Column("tracking_id", String(20)),
            Column("stage", String(40)),
            Column("crm_module", String),
            Column("crm_record", String),
            Column("crm_attribution", String),
        ]

    def evolve(self, row: Row | None, event: Event) -> Row | None:
        match event:
            case Order.Placed():
                return _placed(event)
            case Order.TrackingIdGiven(tracking_id=tracking_id) if row:
                return row | {"tracking_id": tracking_id, "updated_at": event.at}
            case Order.StageReached(stage=stage) if row:
                return row | {"stage": stage, "updated_at": event.at}
            case Order.EnteredInCrm(module=module, record_id=record_id) if row:
                return row | {"crm_module": module, "crm_record": record_id, "updated_at": event.at}
            case Order.AttributionEnteredInCrm(record_id=record_id) if row:
                return row | {"crm_attribution": record_id, "updated_at": event.at}
        return row


def _placed(event: Order.Placed) -> Row:
    kind, quote = KINDS[event.kind], event.quote
    appointment = event.choices.appointment_date
    return {
        "order_id": str(event.stream),
        "kind": kind.code,
        "service": kind.service,
        "placed_at": event.at,
        "updated_at": event.at,
        "contact": event.contact.token,
        "answers": event.answers.token,
        "choices": {
            "services": list(event.choices.services),
            "translation_r": event.choices.translation_r,
            "notarization": event.choices.notarization or event.choices.notarization_required,
            "appointment": appointment.isoformat() if appointment else None,
        },
        "files": len(event.files),
        "total_cents": quote.total_cents if quote else None,
        "currency": quote.currency if quote else None,
        "paid_kind": kind.paid,
        "source": event.attribution.source,
        "medium": event.attribution.medium,
        "attributed": not is_empty(event.attribution),
        "phone_hash": event.phone_hash,
        "email_hash": event.email_hash,
        "tracking_id": None,
        "stage": None,
        "crm_module": None,
        "crm_record": None,
        "crm_attribution": None,
    }


ORDER_DESK = OrderDesk()


def list_orders(
    home: Home, *, kind: str | None = None, after: tuple[datetime, str] | None = None, limit: int = PAGE_ROWS
) -> Sequence[Row]:
    """Newest orders first; `after` is the (placed_at, order_id) of the last row already seen."""
    orders = OrderDesk.live
    query: Select[Any] = select(orders).order_by(orders.c.placed_at.desc(), orders.c.order_id.desc())
    if kind is not None:
        query = query.where(orders.c.kind == kind)
    if after is not None:
        query = query.where(tuple_(orders.c.placed_at, orders.c.order_id) < after)
    return home.rows(query.limit(limit))


def find_by_crm_record(home: Home, record_id: str) -> Row | None:
    """The order that has this record in the CRM."""
    return home.row(select(OrderDesk.live).where(OrderDesk.live.c.crm_record == record_id))
