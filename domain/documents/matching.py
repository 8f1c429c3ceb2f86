"""Which calls and orders are one person's, decided by when things happened and not by when we were told."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from domain.documents import order_facts as facts
from domain.documents.call_events import QUOTE, Direction, open_call_claims
from domain.documents.call_lead import CallLead
from domain.documents.catalogue import KINDS, NOTARY
from domain.documents.order import Order
from domain.ledger import Aggregate, Ledger

PHONE, EMAIL, SERVICE = "phone", "email", "service"
CERTAIN, LIKELY, POSSIBLE, OTHER_SERVICE = 1.0, 0.9, 0.6, 0.5
SUPERSEDED = "superseded"


def called_at(lead: CallLead) -> datetime:
    """When the first of its calls was made."""
    return lead.calls.by_id[lead.calls.first_id].plain.called_at


def hashes_of(lead: CallLead) -> frozenset[str]:
    """The digests of the caller's numbers and e-mails, by which orders are found."""
    known = (call.details for call in lead.calls.by_id.values())
    return frozenset(value for details in known for value in (details.phone_hash, details.email_hash) if value)


def lead_for_new_order(
    ledger: Ledger, order: Order, *, owners: Mapping[str, UUID], window_days: int
) -> CallLead | None:
    """The open call that this order, about to be recorded, uses up: matched with it, to be recorded together.

    `owners` says who holds the `open_call_claims` of the order's phone and kind.
    """
    lead = _open_lead(ledger, order, order.kind.code, owners)
    if lead is None or not lead.is_open(order.placed_at, window_days):
        return None
    if not lead.may_match(order_id=order.id, order_type=order.kind.code):
        return None
    join(lead, order, evidence=evidence_of(lead, order))
    return lead


def _open_lead(ledger: Ledger, order: Order, service: str, owners: Mapping[str, UUID]) -> CallLead | None:
    """By the phone alone: an e-mail is not enough for a form to take a call over."""
    claims = open_call_claims(service, phone_hash=order.phone_hash)
    return next((ledger.load(CallLead, owners[claim]) for claim in claims if claim in owners), None)


def open_leads(ledger: Ledger, order: Order) -> Sequence[CallLead]:
    """The open calls of the order's phone number about any service, its own first."""
    services = sorted(KINDS, key=lambda service: service != order.kind.code)
    claims = [claim for service in services for claim in open_call_claims(service, phone_hash=order.phone_hash)]
    owners = ledger.owners(claims)
    found = (_open_lead(ledger, order, service, owners) for service in services)
    return [lead for lead in found if lead is not None]


def settle_call(lead: CallLead, orders: Iterable[Order], *, now: datetime, window_days: int) -> Sequence[Aggregate]:
    """Match or suggest for a call, given all orders of its numbers and e-mails; what has changed.

    An order that stood when the call was made comes before one placed after it: it would have had the call at once.
    """
    if not lead.is_open(now, window_days) or lead.service == NOTARY.code:
        return ()
    window, made_at = timedelta(days=window_days), called_at(lead)
    near = sorted(
        (order for order in orders if abs(order.placed_at - made_at) <= window and _may_meet(lead, order)),
        key=lambda order: (order.placed_at, str(order.id)),
    )
    ours = [order for order in near if order.kind.code == (lead.service or QUOTE)]
    before = [order for order in ours if order.placed_at < made_at]
    by_phone = [order for order in before if PHONE in evidence_of(lead, order)]
    touched: list[Order] = []
    if len({order.email_hash for order in by_phone}) > 1:
        touched += by_phone
    elif by_phone:
        join(lead, by_phone[-1], evidence=evidence_of(lead, by_phone[-1]))
        return lead, by_phone[-1]
    else:
        touched += before[-1:]
        after = [order for order in ours if order.placed_at >= made_at and PHONE in evidence_of(lead, order)]
        chosen = _first_to_take(after)
        if chosen is not None:
            join(lead, chosen, evidence=evidence_of(lead, chosen))
            return lead, chosen
    touched += [order for order in near if order not in ours and PHONE in evidence_of(lead, order)]
    for order in touched:
        suggest(lead, order)
    return (lead, *(order for order in touched if order.pending)) if lead.pending else ()


def _may_meet(lead: CallLead, order: Order) -> bool:
    return order.id not in lead.undone and lead.id not in order.apart_from


def _first_to_take(orders: Sequence[Order]) -> Order | None:
    """The first order after a call uses it up, but a newer one takes it over while that one is unpaid."""
    chosen: Order | None = None
    for order in orders:
        if order.matched_call is None and (chosen is None or _unpaid_at(chosen, order.placed_at)):
            chosen = order
    return chosen


def _unpaid_at(order: Order, moment: datetime) -> bool:
    if not order.kind.paid or order.born_in_crm:
        return False
    return order.paid is None or (order.paid.happened_at or order.paid.at) > moment


def rival_of(order: Order, others: Iterable[Order]) -> tuple[Order, UUID] | None:
    """The earlier order whose call a newer, still unmatched one takes over, and that call's lead."""
    if order.matched_call is not None or order.linked_calls or order.phone_hash is None:
        return None
    for other in sorted(others, key=lambda other: (other.placed_at, str(other.id)), reverse=True):
        same = other.kind.code == order.kind.code and other.phone_hash == order.phone_hash
        earlier = (other.placed_at, str(other.id)) < (order.placed_at, str(order.id))
        call = other.matched_call or (other.linked_calls[-1] if other.linked_calls else None)
        if same and earlier and call is not None and other.id != order.id:
            return (other, call) if _unpaid_at(other, order.placed_at) else None
    return None


def take_over(lead: CallLead, old: Order, new: Order) -> Sequence[Aggregate]:
    """Part a call from an order that was never paid, for a newer order of the same person."""
    if lead.match is None or lead.match.order_id != old.id or called_at(lead) > new.placed_at:
        return ()
    if not _may_meet(lead, new) or old.paid is not None:
        return ()
    lead.undo_match(reason=SUPERSEDED, keeps_record=True)
    part(old, lead.id, reason=SUPERSEDED, gives_record=old.crm_record is not None and old.crm_record == lead.crm_record)
    join(lead, new, evidence=evidence_of(lead, new))
    return old, lead, new


def evidence_of(lead: CallLead, order: Order) -> tuple[str, ...]:
    """What agrees, by name."""
    hashes = hashes_of(lead)
    found = ((PHONE, order.phone_hash), (EMAIL, order.email_hash))
    same = tuple(name for name, value in found if value is not None and value in hashes)
    return (*same, SERVICE) if order.kind.code == (lead.service or QUOTE) else same


def _confidence(evidence: Sequence[str], direction: Direction) -> float:
    if SERVICE not in evidence:
        return OTHER_SERVICE
    if PHONE not in evidence:
        return POSSIBLE
    return CERTAIN if EMAIL in evidence or direction == "form_after_call" else LIKELY


def join(lead: CallLead, order: Order, *, evidence: Sequence[str], reason: str | None = None) -> None:
    """Make call and order one person's on both histories; staff do it by hand with a `reason`.

    The call's attribution is in force where the call came first, unless the order has such a call already.
    """
    first = called_at(lead) <= order.placed_at and order.matched_call is None and not order.born_in_crm
    direction: Direction = "form_after_call" if first else "call_after_form"
    lead.match_with_form(
        order_id=order.id,
        order_type=order.kind.code,
        direction=direction,
        evidence=evidence,
        confidence=_confidence(evidence, direction) if reason is None else CERTAIN,
        contact=order.contact.open() if first else None,
        by_hand=reason is not None,
        reason=reason,
    )
    if first:
        attribution, _ = lead.attribution
        order.happened(facts.MatchedWithCall(phone_lead_id=lead.id, attribution=attribution, evidence=tuple(evidence)))
    elif lead.id not in order.linked_calls:
        order.happened(facts.CallLinked(phone_lead_id=lead.id))


def suggest(lead: CallLead, order: Order) -> None:
    """Ask staff about a pair, once."""
    known, evidence = len(lead.pending), evidence_of(lead, order)
    confidence = _confidence(evidence, "call_after_form")
    lead.suggest_match(order_id=order.id, order_type=order.kind.code, evidence=evidence, confidence=confidence)
    if len(lead.pending) > known:
        order.happened(facts.MatchSuggested(phone_lead_id=lead.id, evidence=evidence))


def part(order: Order, call: UUID, *, reason: str, gives_record: bool = False) -> None:
    """Undo a match on the order's side; its record in the CRM stays with it unless another order takes it over."""
    freed: tuple[str, ...] = ()
    if gives_record and order.crm_module and order.crm_record:
        freed = (facts.crm_record_claim(order.crm_module, order.crm_record),)
    order.happened(facts.MatchUndone(phone_lead_id=call, reason=reason, freed=freed))
