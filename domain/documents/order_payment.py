"""The paying side of an order: one checkout at a time, one payment, and what is odd about others."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from domain.documents import order_facts as facts
from domain.documents.catalogue import Kind
from domain.documents.order_refusals import (
    AlreadyPaid,
    NothingToAccept,
    NotPayable,
    PaymentProcessing,
    PaymentUnderReview,
)
from domain.documents.quote import Quote
from domain.ledger import Event
from domain.sealed import Sealed
from domain.shared.erasure import Forgettable

KEYS_KEPT = timedelta(hours=23)  # the provider forgets a key after a day, and would open a second checkout
STILL_OPEN = timedelta(minutes=5)  # a checkout with less time left is not handed out again


class PaidOnline(Forgettable):
    """What an order knows and decides about its money; `Order` is the whole of it."""

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
    PaymentReturned = facts.PaymentReturned
    Refunded = facts.Refunded

    kind: Kind
    quote: Quote | None = None
    born_in_crm = False
    checkout: facts.CheckoutRequested | None = None
    asked = False
    opened: facts.CheckoutOpened | None = None
    pending_session: str | None = None
    paid: facts.Paid | facts.MismatchAccepted | None = None
    failed_sessions: frozenset[str] = frozenset()
    odd_payments: Mapping[str, facts.PaymentMismatched | facts.PaidAgain] = MappingProxyType({})
    returned_sessions: frozenset[str] = frozenset()
    refunded_cents = 0

    @property
    def mismatch(self) -> facts.PaymentMismatched | None:
        """The newest payment that did not fit and was neither accepted nor given back."""
        open_ones = [odd for odd in self.odd_payments.values() if isinstance(odd, facts.PaymentMismatched)]
        settled = self.returned_sessions | ({self.paid.session_id} if self.paid else set())
        return next((odd for odd in reversed(open_ones) if odd.session_id not in settled), None)

    def begin(self) -> None:
        """The office has the order."""
        raise NotImplementedError

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
        wrong = self.odd_payments.get(session_id)
        acceptable = self.kind.paid and self.paid is None and session_id not in self.returned_sessions
        if not isinstance(wrong, facts.PaymentMismatched) or not acceptable:
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

    def apply_payment(self, event: Event) -> None:
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
                self._used_up(session_id)
            case facts.PaymentMismatched(session_id=session_id):
                self.odd_payments = {**self.odd_payments, session_id: event}
                self._used_up(session_id)
            case facts.Paid() | facts.MismatchAccepted():
                self.paid, self.pending_session = event, None
            case facts.PaidAgain(session_id=session_id):
                self.odd_payments = {**self.odd_payments, session_id: event}
            case facts.PaymentReturned(session_id=session_id):
                self.returned_sessions |= {session_id}
            case facts.Refunded(refunded_cents_total=total):
                self.refunded_cents = total

    def _used_up(self, session_id: str) -> None:
        """A checkout that brought its one payment, or failed, is not handed out again."""
        if self.pending_session == session_id:
            self.pending_session = None
        if self.opened is None or self.opened.session_id == session_id:
            self.opened, self.asked = None, False
