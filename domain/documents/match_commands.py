"""What staff decide about calls and orders: these belong together, these do not."""

from contextlib import suppress
from uuid import UUID

from domain.documents.call_events import QUOTE
from domain.documents.call_lead import CallLead
from domain.documents.call_refusals import AlreadyMatched, CallLeadNotFound, NotMatched
from domain.documents.calls import find_call, held_by_others
from domain.documents.commands import find_order
from domain.documents.matching import evidence_of, join, part
from domain.documents.order import Order
from domain.ledger import Ledger, repeatable


@repeatable
def undo_match(ledger: Ledger, *, call_id: UUID, reason: str) -> CallLead:
    """Part a call from its order, for good; a record of the CRM that they share stays with the order.

    Raises `CallLeadNotFound`, `NotMatched`.
    """
    lead = find_call(ledger, call_id)
    if lead.match is None:
        raise NotMatched
    order = ledger.load(Order, lead.match.order_id, even_erased=True)
    same_module = lead.match.order_type == (lead.service or QUOTE)
    unentered = order.crm_record is None and not order.erased
    if unentered and same_module and lead.crm_module and lead.crm_record:
        order.entered_in_crm(module=lead.crm_module, record_id=lead.crm_record, adopted=True)
    lead.undo_match(reason=reason, keeps_record=order.crm_record != lead.crm_record, busy=held_by_others(ledger, lead))
    if not order.erased:
        part(order, lead.id, reason=reason)
    ledger.record(lead, order)
    return lead


@repeatable
def dismiss_suggestion(ledger: Ledger, *, call_id: UUID, order_id: UUID, reason: str) -> CallLead:
    """Say that a call and an order do not belong together, though it was suggested. Raises `CallLeadNotFound`."""
    lead = find_call(ledger, call_id)
    lead.dismiss_suggestion(order_id=order_id, reason=reason)
    ledger.record(lead)
    return lead


def dismiss_suggestions_of(ledger: Ledger, *, order_id: UUID, reason: str) -> None:
    """No call is suggested for an order any more, which may be forgotten."""
    for event in ledger.events(order_id):
        if isinstance(event, Order.MatchSuggested):
            with suppress(CallLeadNotFound):
                dismiss_suggestion(ledger, call_id=event.phone_lead_id, order_id=order_id, reason=reason)


@repeatable
def match_by_hand(ledger: Ledger, *, call_id: UUID, order_id: UUID, reason: str) -> CallLead:
    """Say that a call and an order belong together, whatever was thought of them before.

    Raises `CallLeadNotFound`, `OrderNotFound`, `AlreadyMatched`.
    """
    lead, order = find_call(ledger, call_id), find_order(ledger, order_id)
    if lead.match is not None:
        raise AlreadyMatched
    join(lead, order, evidence=evidence_of(lead, order), reason=reason)
    ledger.record(lead, order)
    return lead
