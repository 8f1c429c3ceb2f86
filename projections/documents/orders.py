"""The order desk: one row per order, for staff."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Column, Select, String, and_, cast, false, not_, or_, select, tuple_

from domain.documents.catalogue import KINDS
from domain.documents.order import Order
from domain.documents.order_facts import Placed, TakenInCrm
from domain.ledger import Event
from domain.shared.attribution import is_empty
from projections.home import Home
from projections.view import Json, Moment, Row, RowView

PAGE_ROWS = 50


class OrderDesk(RowView, name="orders"):
    """Everything staff see of an order. `contact` and `answers` are sealed; amounts in cents."""

    key_column = "order_id"
    version = 3
    folds = tuple(event for event in Order.events if event not in (Order.CrmFieldsNoted, Order.MatchSuggested))
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
            Column("answers", String),
            Column("choices", Json, nullable=False),
            Column("files", BigInteger, nullable=False),
            Column("total_cents", BigInteger),
            Column("currency", String(3)),
            Column("paid_kind", Boolean, nullable=False),
            Column("source", String),
            Column("medium", String),
            Column("attributed", Boolean, nullable=False),
            Column("form_source", Json, nullable=False),
            Column("phone_hash", String(32)),
            Column("email_hash", String(32)),
            Column("tracking_id", String(20)),
            Column("stage", String(40)),
            Column("stages_skipped", Boolean, nullable=False),
            Column("payment", String(20), nullable=False),
            Column("paid_at", Moment),
            Column("paid_cents", BigInteger, nullable=False),
            Column("refunded_cents", BigInteger, nullable=False),
            Column("mismatch", Json),
            Column("paid_again", BigInteger, nullable=False),
            Column("matched_call", String(36)),
            Column("linked_calls", Json, nullable=False),
            Column("born_in_crm", Boolean, nullable=False),
            Column("crm_module", String),
            Column("crm_record", String),
            Column("crm_attribution", String),
        ]

    def evolve(self, row: Row | None, event: Event) -> Row | None:
        match event:
            case Order.Placed():
                return _placed(event)
            case Order.TakenInCrm():
                return _taken(event)
            case Order.Erased():
                return None
            case _ if row is not None:
                return {**row, **(_progress(row, event) or _payment(event)), "updated_at": event.at}
        return None


def _progress(row: Row, event: Event) -> Row:
    """What an event other than the first and the payments changes."""
    match event:
        case Order.TrackingIdGiven(tracking_id=tracking_id):
            return {"tracking_id": tracking_id}
        case Order.StageReached(stage=stage, skipped=skipped):
            return {"stage": stage, "stages_skipped": row["stages_skipped"] or bool(skipped)}
        case Order.StageCorrected(stage=stage):
            return {"stage": stage}
        case Order.EnteredInCrm(module=module, record_id=record_id):
            return {"crm_module": module, "crm_record": record_id}
        case Order.AttributionEnteredInCrm(record_id=record_id):
            return {"crm_attribution": record_id}
        case Order.MatchedWithCall(phone_lead_id=call, attribution=found):
            return {"matched_call": str(call), "source": found.source, "medium": found.medium, "attributed": True}
        case Order.CallLinked(phone_lead_id=call):
            return {"linked_calls": [*row["linked_calls"], str(call)]}
        case Order.MatchUndone(phone_lead_id=call):
            return _parted(row, str(call))
        case Order.PaymentReturned(second=True):
            return {"paid_again": 0}
        case Order.PaymentReturned(session_id=session) if row["mismatch"] and row["mismatch"]["session_id"] == session:
            return {"payment": "none", "mismatch": None}
    return {}


def _parted(row: Row, call: str) -> Row:
    linked = [other for other in row["linked_calls"] if other != call]
    if row["matched_call"] != call:
        return {"linked_calls": linked}
    own = row["form_source"]
    return {
        "linked_calls": linked,
        "matched_call": None,
        "source": own["source"],
        "medium": own["medium"],
        "attributed": own["attributed"],
    }


def _payment(event: Event) -> Row:
    """What a payment event changes; `payment` is one word for where the money stands."""
    match event:
        case Order.CheckoutRequested():
            return {"payment": "requested"}
        case Order.CheckoutExpired() | Order.CheckoutFailed() | Order.PaymentFailed():
            return {"payment": "none"}
        case Order.PaymentPending():
            return {"payment": "pending"}
        case Order.PaymentMismatched(expected_cents=expected, got_cents=got, currency=currency, session_id=session):
            return {
                "payment": "mismatched",
                "mismatch": {"expected": expected, "got": got, "currency": currency, "session_id": session},
            }
        case Order.Paid(amount_cents=cents) | Order.MismatchAccepted(amount_cents=cents):
            return {"payment": "paid", "paid_cents": cents, "paid_at": event.happened_at or event.at, "mismatch": None}
        case Order.PaidAgain(amount_cents=cents):
            return {"paid_again": cents}
        case Order.Refunded(refunded_cents_total=total, full=full):
            return {"payment": "refunded" if full else "part_refunded", "refunded_cents": total}
    return {}


def _taken(event: TakenInCrm) -> Row:
    return {
        **_begun(event),
        "answers": None,
        "files": 0,
        "total_cents": None,
        "currency": None,
        "source": None,
        "medium": None,
        "attributed": False,
        "form_source": {"source": None, "medium": None, "attributed": False},
        "crm_module": event.module,
        "crm_record": event.record_id,
        "born_in_crm": True,
    }


def _placed(event: Placed) -> Row:
    quote, attributed = event.quote, not is_empty(event.attribution)
    source, medium = event.attribution.source, event.attribution.medium
    return {
        **_begun(event),
        "answers": event.answers.token,
        "files": len(event.files),
        "total_cents": quote.total_cents if quote else None,
        "currency": quote.currency if quote else None,
        "source": source,
        "medium": medium,
        "attributed": attributed,
        "form_source": {"source": source, "medium": medium, "attributed": attributed},
        "crm_module": None,
        "crm_record": None,
        "born_in_crm": False,
    }


def _begun(event: Placed | TakenInCrm) -> Row:
    kind, appointment = KINDS[event.kind], event.choices.appointment_date
    return {
        "order_id": str(event.stream),
        "kind": kind.code,
        "service": kind.service,
        "placed_at": event.at,
        "updated_at": event.at,
        "contact": event.contact.token,
        "choices": {
            "services": list(event.choices.services),
            "translation_r": event.choices.translation_r,
            "notarization": event.choices.notarization or event.choices.notarization_required,
            "appointment": appointment.isoformat() if appointment else None,
        },
        "paid_kind": kind.paid,
        "phone_hash": event.phone_hash,
        "email_hash": event.email_hash,
        "tracking_id": None,
        "stage": None,
        "crm_attribution": None,
        "stages_skipped": False,
        "payment": "none",
        "paid_at": None,
        "paid_cents": 0,
        "refunded_cents": 0,
        "mismatch": None,
        "paid_again": 0,
        "matched_call": None,
        "linked_calls": [],
    }


ORDER_DESK = OrderDesk()


def list_orders(
    home: Home,
    *,
    kind: str | None = None,
    stage: str | None = None,
    paid: bool | None = None,
    matched: bool | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    after: tuple[datetime, str] | None = None,
    limit: int = PAGE_ROWS,
) -> Sequence[Row]:
    """Newest orders first; `after` is the (placed_at, order_id) of the last row already seen.

    Not `paid` are orders that wait for their payment, not those that cost nothing here. `until` itself is left out.
    """
    orders = OrderDesk.live
    query: Select[Any] = select(orders).order_by(orders.c.placed_at.desc(), orders.c.order_id.desc())
    for column, value in {"kind": kind, "stage": stage}.items():
        if value is not None:
            query = query.where(orders.c[column] == value)
    if paid is not None:
        waits = and_(orders.c.paid_kind, not_(orders.c.born_in_crm), orders.c.paid_at.is_(None))
        query = query.where(orders.c.paid_at.is_not(None) if paid else waits)
    if matched is not None:
        called = or_(orders.c.matched_call.is_not(None), cast(orders.c.linked_calls, String) != "[]")
        query = query.where(called if matched else not_(called))
    if since is not None:
        query = query.where(orders.c.placed_at >= since)
    if until is not None:
        query = query.where(orders.c.placed_at < until)
    if after is not None:
        query = query.where(tuple_(orders.c.placed_at, orders.c.order_id) < after)
    return home.rows(query.limit(limit))


def orders_without_record(home: Home, *, kind: str, phone_hash: str | None, email_hash: str | None) -> Sequence[UUID]:
    """The orders of this kind and person that have no record in the CRM."""
    orders = OrderDesk.live
    digests = ((orders.c.phone_hash, phone_hash), (orders.c.email_hash, email_hash))
    person = or_(false(), *(column == value for column, value in digests if value is not None))
    query = select(orders.c.order_id).where(orders.c.kind == kind, orders.c.crm_record.is_(None), person)
    return [UUID(row["order_id"]) for row in home.rows(query)]


def find_order_row(home: Home, order_id: str) -> Row | None:
    """One order."""
    return home.row(select(OrderDesk.live).where(OrderDesk.live.c.order_id == order_id))


def find_by_crm_record(home: Home, record_id: str) -> Row | None:
    """The order that has this record in the CRM."""
    return home.row(select(OrderDesk.live).where(OrderDesk.live.c.crm_record == record_id))
