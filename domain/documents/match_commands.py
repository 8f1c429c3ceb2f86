"""What staff decide about calls and orders: these belong together, these do not."""

from contextlib import suppress
from uuid import UUID

from domain.documents.call_events import QUOTE, MatchedWithForm
from domain.documents.call_lead import CallLead
from domain.documents.call_refusals import AlreadyMatched, NotMatched
from domain.documents.calls import find_call, held_by_others
from domain.documents.commands import find_order
from domain.documents.matching import evidence_of, join, part
from domain.documents.order import Order
from domain.ledger import Ledger, repeatable
from domain.sealed import Erased


@repeatable
def undo_match(ledger: Ledger, *, call_id: UUID, reason: str) -> CallLead:
    """Part a call from its order, for good; the CRM's record stays with the order.

    Raises `CallLeadNotFound`, `NotMatched`.
    """
    lead = find_call(ledger, call_id)
    if lead.match is None:
        raise NotMatched
    order = _order_of(ledger, lead.match)
    same_module = lead.match.order_type == (lead.service or QUOTE)
    if order and order.crm_record is None and same_module and lead.crm_module and lead.crm_record:
        order.entered_in_crm(module=lead.crm_module, record_id=lead.crm_record, adopted=True)
    lead.undo_match(reason=reason, busy=held_by_others(ledger, lead))
    if order:
        part(order, lead.id, reason=reason)
    ledger.record(lead, *([order] if order else []))
    return lead


def _order_of(ledger: Ledger, match: MatchedWithForm) -> Order | None:
    """The other side of a match; None once its customer has been erased, since nothing happens to it after that."""
    with suppress(Erased):
        return ledger.load(Order, match.order_id)
    return None


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
