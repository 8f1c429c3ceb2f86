"""An order for a document service."""

from collections.abc import Iterator
from datetime import date
from typing import Literal, Self
from uuid import UUID

import msgspec

from domain.documents.catalogue import KINDS, Kind
from domain.documents.files import StoredFile
from domain.documents.quote import Quote
from domain.documents.stages import first_stage
from domain.ledger import Aggregate, Event, Take
from domain.sealed import Sealed
from domain.shared.attribution import Attribution, AttributionLinks
from domain.shared.contact import Contact
from domain.shared.errors import NotFound

TrackingIdReason = Literal["form", "checkout", "staff", "crm"]


class OrderNotFound(NotFound):
    """No order has this id, or the person has been erased: callers cannot tell which."""


class Choices(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was ticked, counted or dated on the form: nothing here can name a person."""

    translation_r: bool = False
    notarization: bool = False
    notarization_required: bool = False
    services: tuple[str, ...] = ()
    appointment_date: date | None = None
    appointment_time: str | None = None


class Answers(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was written on the form in the customer's own words."""

    shipping_address: str | None = None
    husband_name: str | None = None
    wife_name: str | None = None
    marriage_date: date | None = None
    country: str | None = None
    certificate_number: str | None = None
    document_type: str | None = None
    state: str | None = None
    original_language: str | None = None
    target_language: str | None = None
    special_instructions: str | None = None
    comments: str | None = None


class Order(Aggregate, name="documents.order"):
    """One order, from the form to the last stage."""

    class Placed(Event, frozen=True, kw_only=True):
        """`phone_hash` and `email_hash` find the person without naming them; `request` is the digest of the
        idempotency key and `fingerprint` that of the body it came with."""

        kind: str
        contact: Sealed[Contact]
        choices: Choices
        answers: Sealed[Answers]
        files: tuple[StoredFile, ...] = ()
        file_names: Sealed[tuple[str, ...]] | None = None
        attribution: Attribution
        links: Sealed[AttributionLinks] | None = None
        quote: Quote | None = None
        phone_hash: str | None = None
        email_hash: str | None = None
        request: str | None = None
        fingerprint: str | None = None

        def claims(self) -> Iterator[Take]:
            if self.request:
                yield Take(request_claim(self.request), self.stream)
            for file in self.files:
                yield Take(f"file:{file.key}", self.stream)

    class TrackingIdGiven(Event, frozen=True):
        tracking_id: str
        reason: TrackingIdReason

        def claims(self) -> Iterator[Take]:
            yield Take(tracking_id_claim(self.tracking_id), self.stream)

    class StageReached(Event, frozen=True):
        """`skipped` are the stages passed without a word."""

        stage: str
        skipped: tuple[str, ...] = ()

    class EnteredInCrm(Event, frozen=True):
        """`adopted` when the record had been made by somebody else, such as an earlier call."""

        module: str
        record_id: str
        adopted: bool = False

    class AttributionEnteredInCrm(Event, frozen=True):
        record_id: str

    placed: Placed
    kind: Kind
    contact: Sealed[Contact]
    attribution: Attribution
    links: Sealed[AttributionLinks] | None = None
    tracking_id: str | None = None
    stage: str | None = None
    crm_record: str | None = None
    crm_attribution: str | None = None

    @classmethod
    def place(cls, id: UUID, placed: Placed) -> Self:
        """A new order, as the form says. Free kinds are worked on at once, paid ones after payment."""
        order = cls(id)
        order.happened(placed)
        return order

    @property
    def worked_on(self) -> bool:
        """The office begins without waiting for a payment."""
        return not self.kind.paid

    def give_tracking_id(self, tracking_id: str, *, reason: TrackingIdReason) -> None:
        """An order has one tracking id for life."""
        if self.tracking_id is None:
            self.happened(self.TrackingIdGiven(tracking_id=tracking_id, reason=reason))

    def begin(self) -> None:
        """The office has the order: the first stage of its service."""
        if self.stage is None:
            self.happened(self.StageReached(stage=first_stage(self.kind.service).code))

    def entered_in_crm(self, *, module: str, record_id: str) -> None:
        """The CRM holds a record of this order."""
        if self.crm_record != record_id:
            self.happened(self.EnteredInCrm(module=module, record_id=record_id))

    def attribution_entered_in_crm(self, *, record_id: str) -> None:
        """The CRM holds the record of where this order came from."""
        if self.crm_attribution != record_id:
            self.happened(self.AttributionEnteredInCrm(record_id=record_id))

    def apply(self, event: Event) -> None:
        match event:
            case Order.Placed():
                self.placed = event
                self.kind = KINDS[event.kind]
                self.contact = event.contact
                self.attribution, self.links = event.attribution, event.links
            case Order.TrackingIdGiven(tracking_id=tracking_id):
                self.tracking_id = tracking_id
            case Order.StageReached(stage=stage):
                self.stage = stage
            case Order.EnteredInCrm(record_id=record_id):
                self.crm_record = record_id
            case Order.AttributionEnteredInCrm(record_id=record_id):
                self.crm_attribution = record_id


def request_claim(request: str) -> str:
    """The claim on an idempotency key; `request` is its digest."""
    return f"request:{request}"


def tracking_id_claim(tracking_id: str) -> str:
    """The claim on a tracking id."""
    return f"tracking_id:{tracking_id}"
