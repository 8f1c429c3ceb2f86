"""Which CRM record is whose: a call and its order share one."""

from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from domain.documents.call_crm import module_of_call
from domain.documents.call_lead import CallLead
from domain.documents.crm import module_of
from domain.documents.office import Office
from domain.documents.order import Order
from domain.ledger import Ledger, UnknownStream, present
from domain.sealed import Erased
from domain.shared.effect import Effect, NotYet, effect_id
from domain.shared.ports import Crm

LOOK_AGAIN_AFTER, AT_LATEST = timedelta(seconds=1), timedelta(minutes=1)
FIRST = "1"  # a call is entered first because of the first event of its lead


class CrmRecords:
    """Decides when an effect is carried out: own record, else the partner's, else wait for it, else a new one."""

    def __init__(self, ledger: Ledger, office: Office) -> None:
        self._ledger, self._office = ledger, office

    def calls_of(self, order: Order) -> list[CallLead]:
        """The calls matched with or linked to an order and not erased, that with its attribution first."""
        calls: list[CallLead] = []
        for id in (order.matched_call, *order.linked_calls):
            with suppress(Erased):
                calls += [self._ledger.load(CallLead, id)] if id else []
        return calls

    def of_order(self, order: Order, effect: Effect) -> str | None:
        """The record of somebody else's making that this order is written to, None for one of its own.

        Raises `NotYet`.
        """
        if order.crm_record is not None:
            return order.crm_record if order.crm_adopted else None
        self._after_matching(effect_id(order.id, kind="match_order"))
        for lead in self._calls_there(order):
            if lead.crm_record is not None:
                return lead.crm_record
            self._wait_for(effect_id(lead.id, kind="enter_call", key=FIRST), effect)
        return None

    def lost_record(self, crm: Crm, order: Order) -> str | None:
        """The record that was made for an order's call though the CRM's answer to it never came."""
        module = module_of(order, self._office).name
        if order.crm_record is not None:
            return None
        for lead in self._calls_there(order):
            if lead.crm_record is None:
                found = crm.find(module, self._office.ledger_field, lead.crm_name)
                if found is not None:
                    return found.id
        return None

    def of_call(self, lead: CallLead, effect: Effect) -> tuple[str | None, Order | None]:
        """(record, order that shares it): no record when the call gets a new one; raises `NotYet`."""
        self._after_matching(effect_id(lead.id, kind="match_call", key=effect.about["version"]))
        order = self._ledger.load(Order, lead.match.order_id, even_erased=True) if lead.match else None
        if order is not None and order.erased:
            if lead.crm_record is not None and lead.crm_record == order.crm_record:
                lead.leave_record()
            return lead.crm_record, None
        if order is None or module_of(order, self._office).name != module_of_call(lead, self._office).name:
            return lead.crm_record, None
        if order.crm_record is not None:
            return order.crm_record, order
        if lead.crm_record is None:
            self._wait_for(effect_id(order.id, kind="enter_order"), effect)
            return self._of_other_calls(lead, order, effect), order
        return lead.crm_record, order

    def _of_other_calls(self, lead: CallLead, order: Order, effect: Effect) -> str | None:
        """The record that another call of an order not entered yet has made, or is about to make."""
        for other in self._calls_there(order):
            if other.crm_record is not None:
                return other.crm_record
            if other.id != lead.id:
                self._wait_for(effect_id(other.id, kind="enter_call", key=FIRST), effect)
        return None

    def shared(self, order: Order, *, module: str, record_id: str) -> list[CallLead]:
        """The order's calls that have another record: this one stands for all, and staff are told of theirs."""
        others = [lead for lead in self._calls_there(order) if lead.crm_record not in (None, record_id)]
        for lead in others:
            lead.share_record(module=module, record_id=record_id)
        return others

    def has_call_there(self, order: Order) -> bool:
        """Whether any of its calls has its record in the module where the order's goes."""
        return bool(self._calls_there(order))

    def _calls_there(self, order: Order) -> list[CallLead]:
        module = module_of(order, self._office).name
        return [lead for lead in self.calls_of(order) if module_of_call(lead, self._office).name == module]

    def _after_matching(self, matching: UUID) -> None:
        """Matching waits for no record, so it may always be waited for."""
        known = self._effect(matching)
        if known is not None and not known.settled:
            raise NotYet(f"waits for {known.kind}", until=present() + LOOK_AGAIN_AFTER)

    def _wait_for(self, other: UUID, effect: Effect) -> None:
        """Let the partner's entry go first if it was asked for earlier: one of two always goes on."""
        known = self._effect(other)
        if known is None or known.settled:
            return
        asked, before = effect.requested, known.requested
        if (before.at, before.effect.int) < (asked.at, asked.effect.int):
            raise NotYet(f"waits for {known.kind}", until=look_again_at(effect))

    def _effect(self, id: UUID) -> Effect | None:
        try:
            return self._ledger.load(Effect, id)
        except UnknownStream:
            return None


def look_again_at(effect: Effect) -> datetime:
    """When an effect that waits for another looks again: soon, and the later the longer it has waited already.

    Every look is an event on the log, and a CRM that is out of reach may keep many waiting for hours.
    """
    waited = present() - effect.requested.at
    return present() + min(max(LOOK_AGAIN_AFTER, waited / 10), AT_LATEST)
