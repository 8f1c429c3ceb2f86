"""Everything that can happen to an order, in the order of its life."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec

from domain.consequences import Free, Take
from domain.documents.files import StoredFile
from domain.documents.quote import Quote
from domain.ledger import Event
from domain.sealed import Sealed
from domain.shared.attribution import Attribution, AttributionLinks
from domain.shared.contact import Contact
from domain.shared.erasure import Forgotten

TrackingIdReason = Literal["form", "checkout", "staff", "crm"]
Direction = Literal["form_after_call", "call_after_form"]


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


class Placed(Event, frozen=True, kw_only=True):
    """`phone_hash` and `email_hash` find the person without naming them, who may have `called_before`; `request` is
    the digest of the idempotency key and `fingerprint` that of the body it came with."""

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
    called_before: bool = False
    request: str | None = None
    fingerprint: str | None = None

    def claims(self) -> Iterator[Take]:
        if self.request:
            yield Take(request_claim(self.request), self.stream)
        for file in self.files:
            yield Take(f"file:{file.key}", self.stream)


class TakenInCrm(Event, frozen=True, kw_only=True):
    """Staff made the record in the CRM first; it is billed outside. `custom` are its other fields."""

    kind: str
    module: str
    record_id: str
    contact: Sealed[Contact]
    custom: Sealed[dict[str, str]] | None = None
    shipping: str | None = None
    choices: Choices = Choices()
    phone_hash: str | None = None
    email_hash: str | None = None

    def claims(self) -> Iterator[Take]:
        yield Take(crm_record_claim(self.module, self.record_id), self.stream)


class MatchedWithCall(Event, frozen=True, kw_only=True):
    """The person had called before: the call's attribution is in force from now on, the form's is kept beside it."""

    phone_lead_id: UUID
    attribution: Attribution
    evidence: tuple[str, ...]


class CallLinked(Event, frozen=True):
    """The customer called after ordering; nothing else changes."""

    phone_lead_id: UUID


class MatchSuggested(Event, frozen=True):
    """Probably the same person; staff decide."""

    phone_lead_id: UUID
    evidence: tuple[str, ...]


class MatchUndone(Event, frozen=True):
    """`freed` are the claims on a CRM record that goes on with the call, to a newer order."""

    phone_lead_id: UUID
    reason: str
    freed: tuple[str, ...] = ()

    def claims(self) -> Iterator[Free]:
        for key in self.freed:
            yield Free(key, self.stream)


class TrackingIdGiven(Event, frozen=True):
    """`notify` is false when nobody wants a welcome mail for it."""

    tracking_id: str
    reason: TrackingIdReason
    notify: bool = True

    def claims(self) -> Iterator[Take]:
        yield Take(tracking_id_claim(self.tracking_id), self.stream)


class CheckoutRequested(Event, frozen=True):
    """Recorded before the provider is asked, with all it is asked for: a repeat under the same `key` is the same.

    `return_to` are the addresses after paying and after leaving, when others than ours were wished for.
    """

    attempt: int
    amount_cents: int
    currency: str
    key: str
    return_to: Sealed[tuple[str | None, str | None]] | None = None


class CheckoutOpened(Event, frozen=True):
    session_id: str
    url: Sealed[str] | None
    expires_at: datetime | None

    def claims(self) -> Iterator[Take]:
        yield Take(f"checkout:{self.session_id}", self.stream)


class CheckoutFailed(Event, frozen=True):
    attempt: int
    reason: str


class CheckoutExpired(Event, frozen=True):
    session_id: str


class PaymentPending(Event, frozen=True):
    """A bank payment is under way."""

    session_id: str


class Paid(Event, frozen=True):
    session_id: str
    payment_intent: str | None
    amount_cents: int
    currency: str

    def claims(self) -> Iterator[Take]:
        if self.payment_intent:
            yield Take(payment_claim(self.payment_intent), self.stream)


class PaymentFailed(Event, frozen=True):
    session_id: str
    reason: str


class PaymentMismatched(Event, frozen=True, kw_only=True):
    """Money came, but not what was asked for: staff decide."""

    session_id: str
    payment_intent: str | None
    expected_cents: int
    got_cents: int
    currency: str


class MismatchAccepted(Event, frozen=True, kw_only=True):
    """A manager took the payment as it is."""

    session_id: str
    payment_intent: str | None
    amount_cents: int
    currency: str
    reason: str

    def claims(self) -> Iterator[Take]:
        if self.payment_intent:
            yield Take(payment_claim(self.payment_intent), self.stream)


class PaidAgain(Event, frozen=True):
    """A second payment through another checkout: to be given back by staff."""

    session_id: str
    amount_cents: int
    currency: str
    payment_intent: str | None = None


class PaymentReturned(Event, frozen=True):
    """All of a payment that never counted, since it did not fit or was a `second` one, has been given back."""

    session_id: str
    charge_id: str
    returned_cents: int
    second: bool


class Refunded(Event, frozen=True):
    charge_id: str
    refunded_cents_total: int
    full: bool


class StageReached(Event, frozen=True):
    """`skipped` are the stages passed without a word."""

    stage: str
    skipped: tuple[str, ...] = ()


class StageCorrected(Event, frozen=True):
    """The CRM says that an earlier stage was the true one."""

    was: str
    stage: str


class CrmFieldsNoted(Event, frozen=True):
    """Fields of the CRM's record that we only keep."""

    fields: Sealed[dict[str, str]]


class EnteredInCrm(Event, frozen=True):
    """`adopted` when the record had been made by somebody else, such as an earlier call."""

    module: str
    record_id: str
    adopted: bool = False

    def claims(self) -> Iterator[Take]:
        yield Take(crm_record_claim(self.module, self.record_id), self.stream)


class AttributionEnteredInCrm(Event, frozen=True):
    record_id: str


class HandedOver(Event, frozen=True):
    """All that is kept of the customer was put into an archive for them; `reason` is a named cause."""

    reason: str


class Erased(Forgotten, frozen=True):
    """The customer is forgotten; files and sealed fields are gone, amounts, stages and dates stay."""


def request_claim(request: str) -> str:
    """The claim on an idempotency key; `request` is its digest."""
    return f"request:{request}"


def tracking_id_claim(tracking_id: str) -> str:
    """The claim on a tracking id."""
    return f"tracking_id:{tracking_id}"


def crm_record_claim(module: str, record_id: str) -> str:
    """The claim on a record of the CRM."""
    return f"crm_record:{module}:{record_id}"


def payment_claim(payment_intent: str) -> str:
    """The claim on a payment, by which a refund finds its order."""
    return f"payment:{payment_intent}"
