"""Which CRM record is whose: a call and its order share one."""

from datetime import timedelta
from uuid import UUID

from domain.documents.call_crm import module_of_call
from domain.documents.call_lead import CallLead
from domain.documents.crm import module_of
from domain.documents.office import Office
from domain.documents.order import Order
from domain.ledger import Ledger, UnknownStream, present
from domain.shared.effect import Effect, NotYet, effect_id

LOOK_AGAIN_AFTER = timedelta(seconds=1)
FIRST = "1"  # a call is entered first because of the first event of its lead


class CrmRecords:
    """Decides when an effect is carried out: own record, else the partner's, else wait for it, else a new one."""

    def __init__(self, ledger: Ledger, office: Office) -> None:
        self._ledger, self._office = ledger, office

    def calls_of(self, order: Order) -> list[CallLead]:
        """The calls matched with or linked to an order, that with its attribution first."""
        ids = [order.matched_call] if order.matched_call else []
        return [self._ledger.load(CallLead, id) for id in (*ids, *order.linked_calls) if id is not None]

    def of_order(self, order: Order, effect: Effect) -> str | None:
        """The record of somebody else's making that this order is written to, None for one of its own.

        Raises `NotYet`.
        """
        if order.crm_record is not None:
            return order.crm_record if order.crm_adopted else None
        self._after_matching(effect_id(order.id, kind="match_order"))
        module = module_of(order, self._office).name
        for lead in self.calls_of(order):
            if module_of_call(lead, self._office).name != module:
                continue
            if lead.crm_record is not None:
                return lead.crm_record
            self._wait_for(effect_id(lead.id, kind="enter_call", key=FIRST), effect)
        return None

    def of_call(self, lead: CallLead, effect: Effect) -> tuple[str | None, Order | None]:
        """(record, order that shares it): no record when the call gets a new one; raises `NotYet`."""
        self._after_matching(effect_id(lead.id, kind="match_call", key=effect.about["version"]))
        order = self._ledger.load(Order, lead.match.order_id) if lead.match else None
        if order is None or module_of(order, self._office).name != module_of_call(lead, self._office).name:
            return lead.crm_record, None
        if order.crm_record is not None:
            return order.crm_record, order
        if lead.crm_record is None:
            self._wait_for(effect_id(order.id, kind="enter_order"), effect)
        return lead.crm_record, order

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
            raise NotYet(f"waits for {known.kind}", until=present() + LOOK_AGAIN_AFTER)

    def _effect(self, id: UUID) -> Effect | None:
        try:
            return self._ledger.load(Effect, id)
        except UnknownStream:
            return None
