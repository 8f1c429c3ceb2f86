"""An order for a document service. What can happen to it is in `order_facts`, its money in `order_payment`."""

from datetime import datetime
from typing import Self
from uuid import UUID

from domain.documents import order_facts as facts
from domain.documents.catalogue import KINDS
from domain.documents.files import StoredFile
from domain.documents.order_facts import Answers, Choices, TrackingIdReason
from domain.documents.order_payment import PaidOnline
from domain.documents.stages import TRANSLATED, first_stage, stages_of
from domain.ledger import Event
from domain.sealed import Sealed
from domain.shared.attribution import Attribution, AttributionLinks
from domain.shared.contact import Contact


class Order(PaidOnline, name="documents.order"):
    """One order, from the form to the last stage."""

    Placed = facts.Placed
    TakenInCrm = facts.TakenInCrm
    MatchedWithCall = facts.MatchedWithCall
    CallLinked = facts.CallLinked
    MatchSuggested = facts.MatchSuggested
    MatchUndone = facts.MatchUndone
    TrackingIdGiven = facts.TrackingIdGiven
    StageReached = facts.StageReached
    StageCorrected = facts.StageCorrected
    CrmFieldsNoted = facts.CrmFieldsNoted
    EnteredInCrm = facts.EnteredInCrm
    AttributionEnteredInCrm = facts.AttributionEnteredInCrm
    HandedOver = facts.HandedOver
    Erased = facts.Erased

    placed_at: datetime
    contact: Sealed[Contact]
    choices: Choices = Choices()
    answers: Sealed[Answers]
    files: tuple[StoredFile, ...] = ()
    file_names: Sealed[tuple[str, ...]] | None = None
    shipping: str | None = None
    form_attribution: Attribution = Attribution()
    attribution: Attribution = Attribution()
    links: Sealed[AttributionLinks] | None = None
    phone_hash: str | None = None
    email_hash: str | None = None
    fingerprint: str | None = None
    matched_call: UUID | None = None
    linked_calls: tuple[UUID, ...] = ()
    apart_from: frozenset[UUID] = frozenset()
    tracking_id: str | None = None
    stage: str | None = None
    stage_moved_at: datetime | None = None
    crm_fields: Sealed[dict[str, str]] | None = None
    crm_module: str | None = None
    crm_record: str | None = None
    crm_adopted = False
    crm_attribution: str | None = None

    @classmethod
    def place(cls, id: UUID, placed: facts.Placed | facts.TakenInCrm) -> Self:
        """A new order, as a form or the CRM says."""
        order = cls(id)
        order.happened(placed)
        return order

    @property
    def worked_on(self) -> bool:
        """The office has begun, or begins without waiting for a payment."""
        return not self.kind.paid or self.born_in_crm or self.paid is not None

    def give_tracking_id(self, tracking_id: str, *, reason: TrackingIdReason, notify: bool = True) -> None:
        """An order has one tracking id for life."""
        if self.tracking_id is None:
            self.happened(facts.TrackingIdGiven(tracking_id=tracking_id, reason=reason, notify=notify))

    def begin(self) -> None:
        """The office has the order: the first stage of its service."""
        if self.stage is None:
            self.happened(facts.StageReached(stage=first_stage(self.kind.service).code))

    def move_to(self, stage: str, *, happened_at: datetime | None, correction: bool) -> str | None:
        """Move to a stage of the service as the CRM says; None when moved, else why nothing happened.

        Jumping ahead is accepted, since a lost message must not freeze the page; going back only as a correction.
        """
        if not self.worked_on:
            return "awaiting_payment"
        if self.tracking_id is None:  # a quote that nobody follows
            return "no_tracking_id"
        if stage == self.stage:
            return "unchanged"
        known = self.stage_moved_at
        if happened_at and known and happened_at < known:
            return "out_of_date"
        own = stages_of(self.kind.service, translated=self.choices.translation_r or TRANSLATED in (stage, self.stage))
        codes = [known.code for known in own]
        here = codes.index(self.stage) if self.stage in codes else -1
        there = codes.index(stage)
        if there > here:
            skipped = tuple(codes[here + 1 : there])
            self.happened(facts.StageReached(stage=stage, skipped=skipped, happened_at=happened_at))
        elif correction or (happened_at and known and happened_at > known):
            self.happened(facts.StageCorrected(was=self.stage or "", stage=stage, happened_at=happened_at))
        else:
            return "backward_without_correction"
        return None

    def note_crm_fields(self, fields: dict[str, str]) -> None:
        """Keep fields of the CRM's record that mean nothing to us; only when they changed."""
        kept = self.crm_fields.open() if self.crm_fields else {}
        if fields and kept | fields != kept:
            self.happened(facts.CrmFieldsNoted(fields=Sealed(kept | fields)))

    def entered_in_crm(self, *, module: str, record_id: str, adopted: bool = False) -> None:
        """The CRM holds a record of this order."""
        if self.crm_record != record_id:
            self.happened(facts.EnteredInCrm(module=module, record_id=record_id, adopted=adopted))

    def attribution_entered_in_crm(self, *, record_id: str) -> None:
        """The CRM holds the record of where this order came from."""
        if self.crm_attribution != record_id:
            self.happened(facts.AttributionEnteredInCrm(record_id=record_id))

    def apply(self, event: Event) -> None:
        match event:
            case facts.Placed() | facts.TakenInCrm():
                self._born(event)
            case facts.TrackingIdGiven(tracking_id=tracking_id):
                self.tracking_id = tracking_id
            case facts.StageReached(stage=stage) | facts.StageCorrected(stage=stage):
                self.stage, self.stage_moved_at = stage, event.happened_at or self.stage_moved_at
            case facts.CrmFieldsNoted(fields=noted):
                self.crm_fields = noted
            case facts.EnteredInCrm(module=module, record_id=record_id, adopted=adopted):
                self.crm_module, self.crm_record, self.crm_adopted = module, record_id, adopted
            case facts.AttributionEnteredInCrm(record_id=record_id):
                self.crm_attribution = record_id
            case facts.MatchedWithCall(phone_lead_id=call, attribution=attribution):
                self.matched_call, self.attribution = call, attribution
            case facts.CallLinked(phone_lead_id=call):
                self.linked_calls = (*self.linked_calls, call)
            case facts.MatchUndone(phone_lead_id=call, freed=freed):
                self.apart_from |= {call}
                if freed:
                    self.crm_module = self.crm_record = None
                self.linked_calls = tuple(linked for linked in self.linked_calls if linked != call)
                if self.matched_call == call:
                    self.matched_call, self.attribution = None, self.form_attribution
            case _:
                self.apply_payment(event)

    def _born(self, event: facts.Placed | facts.TakenInCrm) -> None:
        self.kind, self.placed_at, self.contact = KINDS[event.kind], event.at, event.contact
        self.choices, self.phone_hash, self.email_hash = event.choices, event.phone_hash, event.email_hash
        if isinstance(event, facts.TakenInCrm):
            self.born_in_crm, self.crm_fields, self.shipping = True, event.custom, event.shipping
            self.crm_module, self.crm_record = event.module, event.record_id
            self.answers = Sealed(Answers())
            return
        self.answers, self.files, self.file_names = event.answers, event.files, event.file_names
        self.quote, self.fingerprint, self.links = event.quote, event.fingerprint, event.links
        self.shipping = event.quote.shipping_label if event.quote else None
        self.form_attribution = self.attribution = event.attribution
