"""What can happen to a call lead."""

from collections.abc import Iterator
from typing import Literal
from uuid import UUID

from domain.consequences import Free, Take
from domain.documents.call_facts import CallDetails, CallerWords, Told
from domain.ledger import Event
from domain.sealed import Sealed
from domain.shared.contact import Contact
from domain.shared.erasure import Forgotten

QUOTE = "quote"
Direction = Literal["form_after_call", "call_after_form"]


class Holding(Event, frozen=True, kw_only=True):
    """May take claims on the caller, by which the next call or form finds an open lead, or free them."""

    taken: tuple[str, ...] = ()
    freed: tuple[str, ...] = ()

    def claims(self) -> Iterator[Take | Free]:
        for key in self.freed:
            yield Free(key, self.stream)
        for key in self.taken:
            yield Take(key, self.stream)


class CallTold(Holding, frozen=True, kw_only=True):
    """All that is known of the call `lead_id` after one more message; `words` is None where none of them changed.

    `changed` names the fields with another value than before, `confirmed` those only told again by a newer message;
    `flags` is for staff; `introduces` is the claim of a number that nobody had called from before.
    """

    lead_id: str
    told: Told
    changed: tuple[str, ...]
    confirmed: tuple[str, ...] = ()
    words: Sealed[CallerWords] | None = None
    details: CallDetails
    flags: tuple[str, ...] = ()
    introduces: str | None = None

    def claims(self) -> Iterator[Take | Free]:
        if self.introduces:
            yield Take(self.introduces, self.stream)
        yield from Holding.claims(self)


class FirstTold(CallTold, frozen=True, kw_only=True):
    """The first message about a call: from now on its lead answers to the vendor's id."""

    def claims(self) -> Iterator[Take | Free]:
        yield Take(lead_claim(self.lead_id), self.stream)
        yield from CallTold.claims(self)


class CallReceived(FirstTold, frozen=True, kw_only=True):
    """`service` is a kind code, None where the pages name none."""

    service: str | None = None


class CalledAgain(FirstTold, frozen=True): ...


class CallUpdated(CallTold, frozen=True): ...


class CallCompleted(CallTold, frozen=True):
    """The call is over; the recording may have come along."""


class RecordingArrived(CallTold, frozen=True):
    """There was none before; other fields may have come along."""


class CallConfirmed(Event, frozen=True, kw_only=True):
    """A newer message told only what was known: these fields now withstand any older one."""

    lead_id: str
    told: Told
    confirmed: tuple[str, ...]


class ServiceCorrected(Holding, frozen=True, kw_only=True):
    service: str | None
    was: str | None


class MarkedSpam(Holding, frozen=True): ...


class SpamCleared(Holding, frozen=True): ...


class Lapsed(Holding, frozen=True):
    """Silent for longer than the window: the same number calling is a new lead."""


class MatchedWithForm(Holding, frozen=True, kw_only=True):
    """`contact` is what was typed in the form, where that wins over the call, sealed with the order's key so that it
    goes with the order; `evidence` names what agreed, and `reason` is why staff say so."""

    order_id: UUID
    order_type: str
    direction: Direction
    evidence: tuple[str, ...]
    confidence: float
    contact: Sealed[Contact] | None = None
    reason: str | None = None

    def sealed_for(self, field: str) -> UUID | None:
        return self.order_id if field == "contact" else None


class MatchSuggested(Event, frozen=True, kw_only=True):
    order_id: UUID
    order_type: str
    evidence: tuple[str, ...]
    confidence: float


class SuggestionDismissed(Event, frozen=True, kw_only=True):
    """Staff say no, or the order is forgotten: this pair is not suggested again."""

    order_id: UUID
    reason: str


class MatchUndone(Holding, frozen=True, kw_only=True):
    """`keeps_record` when the CRM record goes on with the call instead of staying with the order."""

    order_id: UUID
    order_type: str
    reason: str
    keeps_record: bool = False


class TwoRecordsFound(Event, frozen=True, kw_only=True):
    """Both had been entered before they were matched: the order's record stands, the call's is left to staff."""

    module: str
    orders: str
    calls: str


class EnteredInCrm(Event, frozen=True, kw_only=True):
    """`adopted` when the record had been made for an order."""

    module: str
    record_id: str
    adopted: bool = False


class RecordLeft(Event, frozen=True, kw_only=True):
    """The record shared with an order stays that order's, whose customer is forgotten: the call gets one of its own."""

    module: str
    record_id: str


class AttributionEnteredInCrm(Event, frozen=True, kw_only=True):
    record_id: str


class HandedOver(Event, frozen=True, kw_only=True):
    """All that is kept of the caller was put into an archive for them; `reason` is a named cause."""

    reason: str


class Erased(Forgotten, frozen=True, kw_only=True):
    """The caller is forgotten, and found by no claim any more; dates, durations and where the calls came from stay."""

    freed: tuple[str, ...] = ()

    def claims(self) -> Iterator[Free]:
        for key in self.freed:
            yield Free(key, self.stream)


def lead_claim(lead_id: str) -> str:
    """The claim on the vendor's id of a call."""
    return f"wc_lead:{lead_id}"


def caller_claim(phone_hash: str) -> str:
    """The claim that tells whether anybody has ever called from a number; it is never freed."""
    return f"caller:{phone_hash}"


def open_call_claims(service: str | None, *, phone_hash: str | None, email_hash: str | None = None) -> Iterator[str]:
    """The claims an open lead of this caller holds, that on the phone first.

    `service` is a kind code; a call without one counts as a quote.
    """
    if phone_hash:
        yield f"open_call:{service or QUOTE}:{phone_hash}"
    if email_hash:
        yield f"open_call_email:{service or QUOTE}:{email_hash}"
