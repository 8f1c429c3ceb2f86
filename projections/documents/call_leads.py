"""The call board: one row per call lead, in the names that the office uses for them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Boolean, Column, Integer, String, cast, false, or_, select, tuple_

from domain.documents import call_events as events
from domain.documents.call_events import QUOTE
from domain.documents.call_facts import CallDetails, CallerWords, CallFacts, Told, caller, shown
from domain.documents.call_lead import CallLead
from domain.documents.catalogue import KINDS, NOTARY
from domain.ledger import Event
from domain.sealed import Erased
from domain.shared.contact import Contact
from projections.home import Home
from projections.view import Json, Moment, Row, RowView, iso_text

PAGE_ROWS = 50
HASHES = ("phone_hash", "email_hash")
COLUMN_TYPES: Mapping[str, Any] = {
    **dict.fromkeys(("call_duration", "lead_score"), Integer),
    **dict.fromkeys(("duplicate", "spam"), Boolean),
    "date_created": Moment,
}
DETAILS = tuple(name for name in CallDetails.__struct_fields__ if name not in HASHES)


class CallLeads(RowView, name="call_leads"):
    """A lead with several calls shows where the first came from and how long the last was; `calls` lists them all.

    Whatever was said in words stays sealed in `calls` and `typed`; `read_words` opens it. `spam` is the lead's.
    """

    key_column = "phone_lead_id"
    version = 2
    folds = tuple(event for event in CallLead.events if event is not CallLead.MatchSuggested)
    indexed = ("received_at", "whatconverts_lead_id", "phone_hash", "email_hash", "matched_order_id", "zoho_lead_id")

    @staticmethod
    def columns() -> list[Column[Any]]:
        return [
            Column("phone_lead_id", String(36), primary_key=True),
            Column("whatconverts_lead_id", String(24), nullable=False),
            Column("lead_type", String(20), nullable=False),
            *(Column(name, COLUMN_TYPES.get(name, String)) for name in DETAILS),
            Column("last_updated", Moment, nullable=False),
            Column("phone_hash", String(32)),
            Column("email_hash", String(32)),
            Column("detected_service", String(20)),
            Column("zoho_module", String),
            Column("zoho_lead_id", String),
            Column("zoho_attribution_id", String),
            Column("matched_with_form", Boolean, nullable=False),
            Column("matched_order_type", String(20)),
            Column("matched_order_id", String(36)),
            Column("direction", String(20)),
            Column("evidence", Json, nullable=False),
            Column("lapsed", Boolean, nullable=False),
            Column("flags", Json, nullable=False),
            Column("two_records", Json),
            Column("calls", Json, nullable=False),
            Column("typed", String),
            Column("received_at", Moment, nullable=False),
            Column("updated_at", Moment, nullable=False),
        ]

    def evolve(self, row: Row | None, event: Event) -> Row | None:
        if isinstance(event, events.CallReceived):
            return _heard(_new(event), event)
        if row is None or isinstance(event, events.Erased):
            return None
        if isinstance(event, events.CallTold | events.CallConfirmed):
            return _heard(row, event) | {"updated_at": event.at}
        return row | _changed(event) | {"updated_at": event.at}


def _new(event: events.CallReceived) -> Row:
    return {
        "phone_lead_id": str(event.stream),
        "lead_type": "Phone Call",
        "detected_service": event.service,
        "zoho_module": _module(event.service),
        "zoho_lead_id": None,
        "zoho_attribution_id": None,
        **_unmatched(),
        "lapsed": False,
        "flags": [],
        "two_records": None,
        "spam": False,
        "calls": {},
        "received_at": event.at,
        "updated_at": event.at,
    }


def _module(service: str | None) -> str:
    return NOTARY.module if service == NOTARY.code else KINDS[service or "quote"].module


def _unmatched() -> Row:
    return {
        "matched_with_form": False,
        "matched_order_type": None,
        "matched_order_id": None,
        "direction": None,
        "evidence": [],
        "typed": None,
    }


def _heard(row: Row, event: events.CallTold | events.CallConfirmed) -> Row:
    """The row after one more message about one of its calls."""
    known = row["calls"].get(event.lead_id, {"details": {}, "words": None, "told": None})
    told = iso_text(event.told.at)
    call = known | {"told": max(told, known["told"] or told)}
    flags = row["flags"]
    if isinstance(event, events.CallTold):
        call["details"] = msgspec.to_builtins(event.details)
        call["words"] = event.words.token if event.words else known["words"]
        flags = sorted({*flags, *event.flags})
    calls = {**row["calls"], event.lead_id: call}
    facts = [_facts(lead_id, found, CallerWords()) for lead_id, found in calls.items()]
    first = shown(facts)
    plain = {name: getattr(first.details, name) for name in DETAILS if name != "spam"}
    return row | {
        **plain,
        **{name: getattr(first.details, name) for name in HASHES},
        "whatconverts_lead_id": first.lead_id,
        "last_updated": max(datetime.fromisoformat(found["told"]) for found in calls.values()),
        "calls": calls,
        "flags": flags,
    }


def _facts(lead_id: str, call: Mapping[str, Any], words: CallerWords) -> CallFacts:
    told = Told(datetime.fromisoformat(call["told"]), 0)
    details = msgspec.convert(call["details"], CallDetails)
    return CallFacts(lead_id=lead_id, details=details, words=words, told={"call": told})


def _changed(event: Event) -> Row:
    """What an event other than a message changes."""
    match event:
        case events.ServiceCorrected(service=service):
            return {"detected_service": service, "zoho_module": _module(service)}
        case events.MarkedSpam():
            return {"spam": True}
        case events.SpamCleared():
            return {"spam": False}
        case events.Lapsed():
            return {"lapsed": True}
        case events.MatchedWithForm():
            return {
                "matched_with_form": True,
                "matched_order_type": event.order_type,
                "matched_order_id": str(event.order_id),
                "direction": event.direction,
                "evidence": list(event.evidence),
                "typed": event.contact.token if event.contact else None,
            }
        case events.MatchUndone(keeps_record=keeps):
            return _unmatched() if keeps else _unmatched() | {"zoho_lead_id": None}
        case events.EnteredInCrm(module=module, record_id=record_id):
            return {"zoho_module": module, "zoho_lead_id": record_id}
        case events.TwoRecordsFound(orders=orders, calls=calls):
            return {"zoho_lead_id": orders, "two_records": {"order": orders, "call": calls}}
        case events.AttributionEnteredInCrm(record_id=record_id):
            return {"zoho_attribution_id": record_id}
    return {}


CALL_LEADS = CallLeads()


def list_calls(
    home: Home,
    *,
    service: str | None = None,
    state: str | None = None,
    matched: bool | None = None,
    spam: bool | None = None,
    after: tuple[datetime, str] | None = None,
    limit: int = PAGE_ROWS,
) -> Sequence[Row]:
    """Newest leads first; `after` is the (received_at, phone_lead_id) of the last row already seen."""
    leads = CallLeads.live
    query = select(leads).order_by(leads.c.received_at.desc(), leads.c.phone_lead_id.desc()).limit(limit)
    wanted = {"detected_service": service, "lead_state": state, "matched_with_form": matched, "spam": spam}
    for column, value in wanted.items():
        if value is not None:
            query = query.where(leads.c[column] == value)
    if after is not None:
        query = query.where(tuple_(leads.c.received_at, leads.c.phone_lead_id) < after)
    return home.rows(query)


def find_call_row(home: Home, phone_lead_id: str) -> Row | None:
    """One lead."""
    return home.row(select(CallLeads.live).where(CallLeads.live.c.phone_lead_id == phone_lead_id))


def calls_without_record(home: Home, *, service: str, phone_hash: str | None, email_hash: str | None) -> Sequence[UUID]:
    """The leads of this kind and caller that have no record in the CRM; a call about no service is a quote's."""
    leads = CallLeads.live
    digests = ((leads.c.phone_hash, phone_hash), (leads.c.email_hash, email_hash))
    caller = or_(false(), *(column == value for column, value in digests if value is not None))
    about = leads.c.detected_service == service
    about = or_(about, leads.c.detected_service.is_(None)) if service == QUOTE else about
    query = select(leads.c.phone_lead_id).where(about, leads.c.zoho_lead_id.is_(None), caller)
    return [UUID(row["phone_lead_id"]) for row in home.rows(query)]


def find_call_of_record(home: Home, record_id: str) -> UUID | None:
    """The lead that has this record in the CRM, or had it before an order's took its place."""
    leads = CallLeads.live
    left = cast(leads.c.two_records, String).contains(f'"{record_id}"', autoescape=True)
    row = home.row(select(leads.c.phone_lead_id).where(or_(leads.c.zoho_lead_id == record_id, left)).limit(1))
    return UUID(row["phone_lead_id"]) if row else None


def read_words(row: Row, reveal: Callable[[str, Any], Any]) -> dict[str, str | None]:
    """What was said and who said it, opened; name and e-mail typed in a form win. Raises `Erased`."""
    calls = [
        _facts(lead_id, call, reveal(call["words"], CallerWords) if call["words"] else CallerWords())
        for lead_id, call in row["calls"].items()
    ]
    words = shown(calls).words
    typed_contact: Contact | None = None
    with suppress(Erased):  # it goes with the order, and the call may stay
        typed_contact = reveal(row["typed"], Contact) if row["typed"] else None
    contact = caller(words, typed_contact)
    typed = {f"contact_{name}": value for name, value in msgspec.structs.asdict(contact).items()}
    return {name: getattr(words, name) for name in CallerWords.__struct_fields__} | typed
