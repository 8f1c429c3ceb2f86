"""An order for a document service. What can happen to it is in `order_facts`; here is what it decides."""

from datetime import datetime, timedelta
from typing import ClassVar, Self
from uuid import UUID

from domain.documents import order_facts as facts
from domain.documents.catalogue import KINDS, Kind
from domain.documents.files import StoredFile
from domain.documents.order_facts import Answers, Choices, TrackingIdReason
from domain.documents.quote import Quote
from domain.documents.stages import first_stage, stages_of
from domain.ledger import Aggregate, Event
from domain.sealed import Sealed
from domain.shared.attribution import Attribution, AttributionLinks
from domain.shared.contact import Contact
from domain.shared.errors import NotFound, Refused

TRANSLATED = "translated"
KEYS_KEPT = timedelta(hours=23)  # the provider forgets a key after a day, and would open a second checkout
STILL_OPEN = timedelta(minutes=5)  # a checkout with less time left is not handed out again


class OrderNotFound(NotFound):
    """No order has this id, or the person has been erased: callers cannot tell which."""


class NotPayable(Refused):
    """This kind is not paid online."""

    code: ClassVar[str] = "not_payable"
    status: ClassVar[int] = 422
    sentence: ClassVar[str] = "This order is not paid online."


class AlreadyPaid(Refused):
    """Paid, or paid and given back."""

    code: ClassVar[str] = "already_paid"
    sentence: ClassVar[str] = "This order has been paid."


class PaymentProcessing(Refused):
    """A bank payment is under way."""

    code: ClassVar[str] = "payment_processing"
    sentence: ClassVar[str] = "A payment for this order is being processed."


class PaymentUnderReview(Refused):
    """Money came that does not fit."""

    code: ClassVar[str] = "payment_under_review"
    sentence: ClassVar[str] = "A payment for this order is being checked."


class NothingToAccept(Refused):
    """No payment of this order is waiting for a decision."""

    code: ClassVar[str] = "nothing_to_accept"
    sentence: ClassVar[str] = "No payment of this order waits to be accepted."


class Order(Aggregate, name="documents.order"):
    """One order, from the form to the last stage."""

    Placed = facts.Placed
    TakenInCrm = facts.TakenInCrm
    MatchedWithCall = facts.MatchedWithCall
    CallLinked = facts.CallLinked
    MatchSuggested = facts.MatchSuggested
    MatchUndone = facts.MatchUndone
    TrackingIdGiven = facts.TrackingIdGiven
    CheckoutRequested = facts.CheckoutRequested
    CheckoutOpened = facts.CheckoutOpened
    CheckoutFailed = facts.CheckoutFailed
    CheckoutExpired = facts.CheckoutExpired
    PaymentPending = facts.PaymentPending
    Paid = facts.Paid
    PaymentFailed = facts.PaymentFailed
    PaymentMismatched = facts.PaymentMismatched
    MismatchAccepted = facts.MismatchAccepted
    PaidAgain = facts.PaidAgain
    Refunded = facts.Refunded
    StageReached = facts.StageReached
    StageCorrected = facts.StageCorrected
    CrmFieldsNoted = facts.CrmFieldsNoted
    EnteredInCrm = facts.EnteredInCrm
    AttributionEnteredInCrm = facts.AttributionEnteredInCrm

    kind: Kind
    placed_at: datetime
    contact: Sealed[Contact]
    choices: Choices = Choices()
    answers: Sealed[Answers]
    files: tuple[StoredFile, ...] = ()
    file_names: Sealed[tuple[str, ...]] | None = None
    quote: Quote | None = None
    shipping: str | None = None
    form_attribution: Attribution = Attribution()
    attribution: Attribution = Attribution()
    links: Sealed[AttributionLinks] | None = None
    phone_hash: str | None = None
    email_hash: str | None = None
    fingerprint: str | None = None
    born_in_crm = False
    matched_call: UUID | None = None
    linked_calls: tuple[UUID, ...] = ()
    apart_from: frozenset[UUID] = frozenset()
    tracking_id: str | None = None
    checkout: facts.CheckoutRequested | None = None
    asked = False
    opened: facts.CheckoutOpened | None = None
    pending_session: str | None = None
    mismatch: facts.PaymentMismatched | None = None
    paid: facts.Paid | facts.MismatchAccepted | None = None
    failed_sessions: frozenset[str] = frozenset()
    extra_sessions: frozenset[str] = frozenset()
    refunded_cents = 0
    stage: str | None = None
    stage_moved_at: datetime | None = None
    stage_version = 0
    crm_fields: Sealed[dict[str, str]] | None = None
    crm_module: str | None = None
    crm_record: str | None = None
    crm_adopted = False
    crm_attribution: str | None = None

    @classmethod
    def place(cls, id: UUID, placed: facts.Placed) -> Self:
        """A new order, as the form says. Free kinds are worked on at once, paid ones after payment."""
        order = cls(id)
        order.happened(placed)
        return order

    @classmethod
    def take_in_crm(cls, id: UUID, taken: facts.TakenInCrm) -> Self:
        """A new order that staff began in the CRM."""
        order = cls(id)
        order.happened(taken)
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

    def request_checkout(
        self, *, now: datetime, return_to: tuple[str | None, str | None] = (None, None)
    ) -> facts.CheckoutOpened | None:
        """The open checkout with time left, or None when the provider has to be asked (again, with `checkout.key`).

        Raises `NotPayable`, `AlreadyPaid`, `PaymentProcessing`, `PaymentUnderReview`.
        """
        if not self.kind.paid or self.quote is None or self.born_in_crm:
            raise NotPayable
        if self.paid is not None:
            raise AlreadyPaid
        if self.mismatch is not None:
            raise PaymentUnderReview
        if self.pending_session is not None:
            raise PaymentProcessing
        if self.opened and self.opened.expires_at and self.opened.expires_at > now + STILL_OPEN:
            return self.opened
        forgotten = self.checkout is not None and self.checkout.at + KEYS_KEPT < now
        if not self.asked or self.opened is not None or forgotten:
            attempt = self.checkout.attempt + 1 if self.checkout else 1
            self.happened(
                facts.CheckoutRequested(
                    attempt=attempt,
                    amount_cents=self.quote.total_cents,
                    currency=self.quote.currency,
                    key=f"checkout-{self.id}-{attempt}",
                    return_to=Sealed(return_to) if any(return_to) else None,
                )
            )
        return None

    def checkout_opened(self, *, session_id: str, url: str | None, expires_at: datetime | None) -> None:
        """The provider has opened the checkout asked for."""
        if self.opened is None or self.opened.session_id != session_id:
            sealed = Sealed(url) if url else None
            self.happened(facts.CheckoutOpened(session_id=session_id, url=sealed, expires_at=expires_at))

    def checkout_failed(self, *, attempt: int, reason: str) -> None:
        """The provider refused or broke; the next request is a new attempt."""
        if self.asked and self.checkout and self.checkout.attempt == attempt and self.opened is None:
            self.happened(facts.CheckoutFailed(attempt=attempt, reason=reason))

    def accept_mismatch(self, *, session_id: str, reason: str) -> None:
        """Take a payment that did not fit; raises `NothingToAccept`."""
        wrong = self.mismatch
        if wrong is None or wrong.session_id != session_id or self.paid is not None:
            raise NothingToAccept
        self.happened(
            facts.MismatchAccepted(
                session_id=session_id,
                payment_intent=wrong.payment_intent,
                amount_cents=wrong.got_cents,
                currency=wrong.currency,
                reason=reason,
            )
        )
        self.begin()

    def move_to(self, stage: str, *, happened_at: datetime | None, correction: bool) -> str | None:
        """Move to a stage of the service as the CRM says; None when moved, else why nothing happened.

        Jumping ahead is accepted, since a lost message must not freeze the page; going back only as a correction.
        """
        if not self.worked_on:
            return "awaiting_payment"
        if stage == self.stage:
            return "unchanged"
        known = self.stage_moved_at
        if happened_at and known and happened_at < known:
            return "out_of_date"
        own = stages_of(self.kind.service, translated=self.choices.translation_r or stage == TRANSLATED)
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
                self.stage_version = event.version
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
                self._apply_payment(event)

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

    def _apply_payment(self, event: Event) -> None:
        match event:
            case facts.CheckoutRequested():
                self.checkout, self.opened, self.asked = event, None, True
            case facts.CheckoutOpened():
                self.opened = event
            case facts.CheckoutFailed():
                self.asked = False
            case facts.PaymentPending(session_id=session_id):
                self.pending_session = session_id
            case facts.CheckoutExpired():
                self.opened, self.asked = None, False
            case facts.PaymentFailed(session_id=session_id):
                self.failed_sessions |= {session_id}
                if self.pending_session == session_id:
                    self.pending_session = None
                if self.opened is None or self.opened.session_id == session_id:
                    self.opened, self.asked = None, False
            case facts.PaymentMismatched():
                self.mismatch, self.pending_session = event, None
            case facts.Paid() | facts.MismatchAccepted():
                self.paid, self.pending_session = event, None
            case facts.PaidAgain(session_id=session_id):
                self.extra_sessions |= {session_id}
            case facts.Refunded(refunded_cents_total=total):
                self.refunded_cents = total
