"""A call's records in the CRM: its own, or one shared with an order."""

from domain.documents import call_events as events
from domain.ledger import Event
from domain.shared.erasure import Forgettable


class RecordedCall(Forgettable):
    """What a call lead knows of its records."""

    EnteredInCrm = events.EnteredInCrm
    RecordLeft = events.RecordLeft
    AttributionEnteredInCrm = events.AttributionEnteredInCrm
    TwoRecordsFound = events.TwoRecordsFound

    crm_module: str | None = None
    crm_record: str | None = None
    own_record: str | None = None
    records_left = 0
    crm_attribution: str | None = None

    @property
    def crm_name(self) -> str:
        """Our id in the CRM's record: another one after a record has been left to an order."""
        return f"{self.id}.{self.records_left}" if self.records_left else str(self.id)

    def entered_in_crm(self, *, module: str, record_id: str, adopted: bool = False) -> None:
        """The CRM holds a record of this lead."""
        if self.crm_record != record_id:
            self.happened(events.EnteredInCrm(module=module, record_id=record_id, adopted=adopted))

    def share_record(self, *, module: str, record_id: str) -> None:
        """The order's record stands for both; one that the call has already is left, and staff are told."""
        if self.crm_record is None:
            self.entered_in_crm(module=module, record_id=record_id, adopted=True)
        elif self.crm_record != record_id:
            self.happened(events.TwoRecordsFound(module=module, orders=record_id, calls=self.crm_record))

    def leave_record(self) -> None:
        """Get a record of its own: the shared one is that of a forgotten customer, to be deleted by staff."""
        if self.crm_module is not None and self.crm_record is not None:
            self.happened(events.RecordLeft(module=self.crm_module, record_id=self.crm_record))

    def attribution_entered_in_crm(self, *, record_id: str) -> None:
        """The CRM holds the record of where this lead came from."""
        if self.crm_attribution != record_id:
            self.happened(events.AttributionEnteredInCrm(record_id=record_id))

    def apply_record(self, event: Event) -> None:
        """Move on by an event about the records."""
        match event:
            case events.EnteredInCrm(module=module, record_id=record_id):
                self.crm_module, self.crm_record, self.own_record = module, record_id, None
            case events.TwoRecordsFound(module=module, orders=record_id, calls=own):
                self.crm_module, self.crm_record, self.own_record = module, record_id, own
            case events.AttributionEnteredInCrm(record_id=record_id):
                self.crm_attribution = record_id
            case events.RecordLeft() | events.MatchUndone(keeps_record=False):
                # Another name for the next record, unless an earlier one of its own is still there under this name.
                if self.crm_record is not None and self.own_record is None:
                    self.records_left += 1
                self.crm_record = self.own_record = None
