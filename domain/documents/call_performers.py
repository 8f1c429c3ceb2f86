"""How the effects of a call are carried out: its records in the CRM, alone or shared with an order."""

from collections.abc import Callable, Mapping

from domain.documents.call_crm import (
    JUNK,
    LEAD_STATUS,
    call_attribution_fields,
    call_fields,
    kept_stages,
    module_of_call,
    upgraded_fields,
)
from domain.documents.call_lead import CallLead
from domain.documents.crm import ATTRIBUTION_LINK, module_of
from domain.documents.crm_records import CrmRecords
from domain.documents.office import Office
from domain.documents.order import Order
from domain.ledger import Ledger
from domain.shared.effect import Effect, Outcome
from domain.shared.errors import Declined
from domain.shared.ports import Crm

NOT_ENTERED = "not entered"


class CallPerformers:
    """The effects of calls at the CRM."""

    def __init__(self, *, ledger: Ledger, crm: Crm, office: Office) -> None:
        self._ledger, self._crm, self._office = ledger, crm, office
        self._records = CrmRecords(ledger, office)

    @property
    def by_kind(self) -> Mapping[tuple[str, str], Callable[[Effect], Outcome]]:
        """(channel, kind) to what carries it out."""
        return {
            ("zoho", "enter_call"): self.enter_call,
            ("zoho", "enter_call_attribution"): self.enter_call_attribution,
            ("zoho", "upgrade_record"): self.upgrade_record,
        }

    def enter_call(self, effect: Effect) -> Outcome:
        """Make or update the call's record; one that an order has taken over is that order's to write."""
        lead, office = self._ledger.load(CallLead, effect.subject), self._office
        if lead.spam:
            return self._junk(lead)
        record_id, order = self._records.of_call(lead, effect)
        module = module_of_call(lead, office).name
        if order is not None and lead.crm_record is None:
            # An attempt before the match may have made one without our learning of it.
            made = self._crm.find(module, office.ledger_field, lead.crm_name)
            if made is not None:
                lead.entered_in_crm(module=module, record_id=made.id)
                record_id = record_id or made.id
        if record_id is not None and order is not None:
            lead.share_record(module=module, record_id=record_id)
            return Outcome(record_id, (lead,))
        ledger_id = str(order.id) if order is not None and order.worked_on else lead.crm_name
        wanted = call_fields(lead, office, ledger_id=ledger_id)
        known = self._crm.find(module, "id", record_id) if record_id is not None else None
        if record_id is None or (known is None and effect.rung_again):
            record_id = self._crm.upsert(module, wanted, unique=office.ledger_field)
        else:
            theirs = kept_stages(lead, office, known)
            ours = {name: value for name, value in wanted.items() if name not in theirs}
            self._crm.update(module, record_id, ours)
        lead.entered_in_crm(module=module, record_id=record_id)
        return Outcome(record_id, (lead,))

    def _junk(self, lead: CallLead) -> Outcome:
        if lead.crm_record is None or lead.crm_module is None or lead.match is not None:
            return Outcome(lead.crm_record or NOT_ENTERED)
        junk: dict[str, str] = {LEAD_STATUS: JUNK}
        return Outcome(self._crm.update(lead.crm_module, lead.crm_record, junk))

    def enter_call_attribution(self, effect: Effect) -> Outcome:
        """Write where the call came from; the record names it too, unless an order came before the call."""
        lead, office = self._ledger.load(CallLead, effect.subject), self._office
        if lead.spam:
            return Outcome(lead.crm_attribution or NOT_ENTERED)
        if lead.crm_record is None or lead.crm_module is None:
            raise Declined("the call has no record in the CRM")
        wanted = call_attribution_fields(lead, office)
        attribution_id = self._crm.upsert(office.attribution_module, wanted, unique=office.ledger_field)
        if lead.match is None or lead.match.direction == "form_after_call":
            link: dict[str, str] = {ATTRIBUTION_LINK: attribution_id}
            self._crm.update(lead.crm_module, lead.crm_record, link)
        lead.attribution_entered_in_crm(record_id=attribution_id)
        return Outcome(attribution_id, (lead,))

    def upgrade_record(self, effect: Effect) -> Outcome:
        """Make the call's record that of an order still to be paid."""
        order, office = self._ledger.load(Order, effect.subject), self._office
        if order.worked_on or order.matched_call is None or not self._records.has_call_there(order):
            return Outcome("no longer needed")
        record_id = self._records.of_order(order, effect)
        if record_id is None:
            raise Declined("the call has no record in the CRM")
        module = module_of(order, office).name
        known = self._crm.find(module, "id", record_id)
        self._crm.update(module, record_id, upgraded_fields(order, office, known))
        order.entered_in_crm(module=module, record_id=record_id, adopted=True)
        return Outcome(record_id, (order, *self._records.shared(order, module=module, record_id=record_id)))
