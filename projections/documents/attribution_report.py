"""The attribution report: what each source, medium and campaign brought, in calls, forms and money."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, case, func, select

from domain.documents import call_events as calls
from domain.documents.call_facts import CallDetails
from domain.documents.order import Order
from domain.ledger import Event
from domain.shared.attribution import Attribution
from projections.home import Home
from projections.view import Moment, Row, RowView

ORIGIN = ("source", "medium", "campaign")
CALL, FORM, IN_CRM = "call", "form", "crm"
FIRST_TOUCH, LEAD_CREATION = "first_touch", "lead_creation"


class AttributionReport(RowView, name="attribution_report"):
    """One row per order or call lead; `report` adds them up. Amounts in cents.

    `source` and its like are the attribution in force, so a matched order's are its call's; `own_source` and its like
    what the form or call itself came with. The row of a forgotten person stays for the totals and names nobody; only
    the vendor's id of the call goes.
    """

    key_column = "subject"
    version = 2
    forgets = False  # totals stay true
    folds = (
        Order.Placed,
        Order.TakenInCrm,
        Order.MatchedWithCall,
        Order.MatchUndone,
        Order.Paid,
        Order.MismatchAccepted,
        Order.Refunded,
        calls.CallReceived,
        calls.CalledAgain,
        calls.CallUpdated,
        calls.CallCompleted,
        calls.RecordingArrived,
        calls.MarkedSpam,
        calls.SpamCleared,
        calls.Erased,
    )
    indexed = ("happened_at",)

    @staticmethod
    def columns() -> list[Column[Any]]:
        return [
            Column("subject", String(36), primary_key=True),
            Column("what", String(4), nullable=False),
            *(Column(name, String) for name in ORIGIN),
            *(Column(f"own_{name}", String) for name in ORIGIN),
            Column("first_call", String(24)),
            Column("calls", Integer, nullable=False),
            Column("spam", Boolean, nullable=False),
            Column("matched_call", String(36)),
            Column("paid_cents", BigInteger, nullable=False),
            Column("refunded_cents", BigInteger, nullable=False),
            Column("happened_at", Moment, nullable=False),
        ]

    def evolve(self, row: Row | None, event: Event) -> Row | None:
        match event:
            case Order.Placed(attribution=found):
                return _begun(event, FORM, _own(found))
            case Order.TakenInCrm():
                return _begun(event, IN_CRM, _own(Attribution()))
            case calls.CallReceived(lead_id=lead_id):
                return _begun(event, CALL, _own(event.details)) | {"first_call": lead_id, "calls": 1}
        return row | _changed(row, event) if row is not None else None


def _origin(found: Attribution | CallDetails) -> Row:
    return {name: getattr(found, name) for name in ORIGIN}


def _own(found: Attribution | CallDetails) -> Row:
    return _origin(found) | {f"own_{name}": value for name, value in _origin(found).items()}


def _begun(event: Event, what: str, origin: Row) -> Row:
    return {
        "subject": str(event.stream),
        "what": what,
        **origin,
        "first_call": None,
        "calls": 0,
        "spam": False,
        "matched_call": None,
        "paid_cents": 0,
        "refunded_cents": 0,
        "happened_at": event.happened_at or event.at,
    }


def _changed(row: Row, event: Event) -> Row:
    match event:
        case Order.MatchedWithCall(phone_lead_id=call, attribution=found):
            return _origin(found) | {"matched_call": str(call)}
        case Order.MatchUndone(phone_lead_id=call) if row["matched_call"] == str(call):
            return {name: row[f"own_{name}"] for name in ORIGIN} | {"matched_call": None}
        case Order.Paid(amount_cents=cents) | Order.MismatchAccepted(amount_cents=cents):
            return {"paid_cents": cents}
        case Order.Refunded(refunded_cents_total=cents):
            return {"refunded_cents": cents}
        case calls.CalledAgain():
            return {"calls": row["calls"] + 1}
        case calls.MarkedSpam():
            return {"spam": True}
        case calls.SpamCleared():
            return {"spam": False}
        case calls.Erased():
            return {"first_call": None}
        case calls.CallTold(lead_id=lead_id) if lead_id == row["first_call"]:
            return _own(event.details)
    return {}


ATTRIBUTION_REPORT = AttributionReport()


def report(
    home: Home, *, by: str = FIRST_TOUCH, since: datetime | None = None, until: datetime | None = None
) -> Sequence[Row]:
    """One line per source, medium and campaign, the most money first; spam is left out.

    By first touch a matched order counts for what brought the call, by lead creation for what brought the form.
    `paid_cents` is what was paid, `refunded_cents` what of it went back.
    """
    rows = AttributionReport.live
    prefix = "own_" if by == LEAD_CREATION else ""
    columns = [rows.c[f"{prefix}{name}"] for name in ORIGIN]
    origin = [column.label(name) for name, column in zip(ORIGIN, columns, strict=True)]
    forms = func.sum(case((rows.c.what == FORM, 1), else_=0))
    taken = func.sum(case((rows.c.what == IN_CRM, 1), else_=0))
    matched = func.sum(case((rows.c.matched_call.is_not(None), 1), else_=0))
    paid = func.sum(rows.c.paid_cents)
    query = (
        select(
            *origin,
            func.sum(rows.c.calls).label("calls"),
            forms.label("forms"),
            taken.label("taken_in_crm"),
            matched.label("matched"),
            paid.label("paid_cents"),
            func.sum(rows.c.refunded_cents).label("refunded_cents"),
        )
        .where(rows.c.spam.is_(False))
        .group_by(*columns)
        .order_by(paid.desc(), *columns)
    )
    if since is not None:
        query = query.where(rows.c.happened_at >= since)
    if until is not None:
        query = query.where(rows.c.happened_at < until)
    return [{name: int(v) if name not in ORIGIN else v for name, v in row.items()} for row in home.rows(query)]
