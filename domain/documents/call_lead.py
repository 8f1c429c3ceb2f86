"""A person who telephoned: one lead, however many calls and messages, until a form or the time closes it."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

from domain.documents import call_events as events
from domain.documents.call_events import QUOTE, Direction
from domain.documents.call_facts import CallFacts, CallPost, Told, call_attribution, caller, fold
from domain.documents.call_record import RecordedCall
from domain.documents.call_refusals import AlreadyMatched, NotForThisCall, NotMatched
from domain.documents.catalogue import NOTARY
from domain.documents.heard_calls import HeardCalls, event_for, news
from domain.documents.landing import Site
from domain.ledger import Event
from domain.sealed import Erased, Sealed
from domain.shared.attribution import Attribution, AttributionLinks
from domain.shared.contact import Contact

SERVICE_DIFFERS = "service_differs"
PAGES = frozenset({"landing_url", "lead_url"})


class CallLead(RecordedCall, name="documents.call_lead"):
    """One caller's calls about one service. Whoever decides what may take claims says which are `busy`: held by others.

    A lead is open while a form or another call may find it: neither matched nor spam, and heard of within the window.
    """

    CallReceived = events.CallReceived
    CallUpdated = events.CallUpdated
    CallCompleted = events.CallCompleted
    RecordingArrived = events.RecordingArrived
    CalledAgain = events.CalledAgain
    CallConfirmed = events.CallConfirmed
    ServiceCorrected = events.ServiceCorrected
    MarkedSpam = events.MarkedSpam
    SpamCleared = events.SpamCleared
    Lapsed = events.Lapsed
    MatchedWithForm = events.MatchedWithForm
    MatchSuggested = events.MatchSuggested
    SuggestionDismissed = events.SuggestionDismissed
    MatchUndone = events.MatchUndone
    HandedOver = events.HandedOver
    Erased = events.Erased

    service: str | None = None
    spam = lapsed = False
    match: events.MatchedWithForm | None = None

    def __init__(self, id: UUID) -> None:
        super().__init__(id)
        self.calls = HeardCalls()
        self.held: frozenset[str] = frozenset()
        self.suggested: frozenset[UUID] = frozenset()
        self.undone: frozenset[UUID] = frozenset()

    @classmethod
    def begin(
        cls,
        id: UUID,
        posts: Sequence[tuple[CallPost, Told]],
        *,
        site: Site,
        busy: Collection[str] = (),
        introduces: str | None = None,
    ) -> Self:
        """A new lead from all messages about one call: most often a single one, more where spam was taken back."""
        (post, told), *later = posts
        lead = cls(id)
        facts = fold(None, post, told)
        service = site.service_of(facts.words.landing_url, facts.words.lead_url)
        heard = news(None, facts, told) | lead._hold(service, but=facts, busy=busy)
        lead.happened(events.CallReceived(**heard, service=service, introduces=introduces, happened_at=facts.called_at))
        for post, told in later:
            lead.receive(post, told, site=site, busy=busy)
        if lead.calls.spam:
            lead.mark_spam()
        return lead

    @property
    def standing(self) -> bool:
        """Neither matched nor spam nor lapsed."""
        return not (self.match or self.spam or self.lapsed)

    def is_open(self, now: datetime, window_days: int) -> bool:
        """Standing, and the vendor's last word of it is not older than the window."""
        return self.standing and now - self.calls.last_heard <= timedelta(days=window_days)

    @property
    def contact(self) -> Contact:
        """Whom to write to: name and e-mail as typed in a form that came after the call, the rest from the calls.

        Only what the calls told once the order is forgotten. Raises `Erased`.
        """
        typed: Contact | None = None
        with suppress(Erased):
            typed = self.match.contact.open() if self.match and self.match.contact else None
        return caller(self.calls.shown().words, typed)

    @property
    def attribution(self) -> tuple[Attribution, AttributionLinks]:
        """Where the caller came from; raises `Erased`."""
        return call_attribution(self.calls.shown())

    def receive(
        self, post: CallPost, told: Told, *, site: Site, busy: Collection[str] = (), introduces: str | None = None
    ) -> frozenset[str]:
        """Take in one more message about a call of this lead; the names of the fields it changed, none if no news."""
        before = self.calls.facts_of(post.lead_id)
        after = fold(before, post, told)
        if after == before:
            return frozenset()
        heard = news(before, after, told)
        if not heard["changed"]:
            self.happened(events.CallConfirmed(lead_id=after.lead_id, told=told, confirmed=heard["confirmed"]))
            return frozenset()
        service = self._service_now(after, heard["changed"], site)
        fixed = self.match is not None or self.crm_record is not None
        flags = (SERVICE_DIFFERS,) if fixed and service != self.service else ()
        held = self._hold(self.service, but=after, busy=busy) if self.standing else {}
        self.happened(event_for(before, after)(**heard, **held, introduces=introduces, flags=flags))
        if service != self.service and not fixed:
            held = self._hold(service, busy=busy) if self.standing else {}
            self.happened(events.ServiceCorrected(service=service, was=self.service, **held))
        if "spam" in heard["changed"]:
            self.mark_spam() if self.calls.spam else self.clear_spam(busy=busy)
        return frozenset(heard["changed"])

    def call_again(
        self, post: CallPost, told: Told, *, busy: Collection[str] = (), introduces: str | None = None
    ) -> None:
        """The same person calls once more, under a new id of the vendor's; raises `NotForThisCall`."""
        if not self.standing:
            raise NotForThisCall
        facts = fold(None, post, told)
        heard = news(None, facts, told) | self._hold(self.service, but=facts, busy=busy)
        self.happened(events.CalledAgain(**heard, introduces=introduces, happened_at=facts.called_at))

    def mark_spam(self) -> None:
        """The vendor says it was no customer."""
        if not self.spam:
            self.happened(events.MarkedSpam(freed=tuple(sorted(self.held))))

    def clear_spam(self, *, busy: Collection[str] = ()) -> None:
        """The vendor takes that back."""
        if self.spam:
            held = {} if self.match or self.lapsed else self._hold(self.service, busy=busy)
            self.happened(events.SpamCleared(**held))

    def lapse(self) -> None:
        """Make room for a new lead of the same caller once the window has passed."""
        if self.standing:
            self.happened(events.Lapsed(freed=tuple(sorted(self.held))))

    def may_match(self, *, order_id: UUID, order_type: str) -> bool:
        """Whether an order of this kind may be matched without anybody being asked; a pair undone stays undone."""
        same_service = order_type == (self.service or QUOTE) and self.service != NOTARY.code
        return self.standing and same_service and order_id not in self.undone

    def match_with_form(
        self,
        *,
        order_id: UUID,
        order_type: str,
        direction: Direction,
        evidence: Iterable[str],
        confidence: float,
        contact: Contact | None = None,
        by_hand: bool = False,
        reason: str | None = None,
    ) -> None:
        """Belong to this order; `contact` is the form's.

        Raises `AlreadyMatched`, and, unless staff decide it `by_hand`, `NotForThisCall` where it may not match.
        """
        if self.match and self.match.order_id == order_id:
            return
        if self.match:
            raise AlreadyMatched
        if not by_hand and not self.may_match(order_id=order_id, order_type=order_type):
            raise NotForThisCall
        matched = events.MatchedWithForm(
            order_id=order_id,
            order_type=order_type,
            direction=direction,
            evidence=tuple(evidence),
            confidence=confidence,
            contact=Sealed(contact) if contact and direction == "form_after_call" else None,
            freed=tuple(sorted(self.held)),
            reason=reason,
        )
        self.happened(matched)

    def suggest_match(self, *, order_id: UUID, order_type: str, evidence: Iterable[str], confidence: float) -> None:
        """Ask staff whether they belong together: once per order, and never about a pair they have parted."""
        if self.standing and order_id not in self.suggested | self.undone:
            about: dict[str, Any] = {"order_id": order_id, "order_type": order_type}
            self.happened(events.MatchSuggested(**about, evidence=tuple(evidence), confidence=confidence))

    def dismiss_suggestion(self, *, order_id: UUID, reason: str) -> None:
        """This call and this order have nothing to do with each other."""
        if order_id in self.suggested - self.undone:
            self.happened(events.SuggestionDismissed(order_id=order_id, reason=reason))

    def undo_match(self, *, reason: str, keeps_record: bool = False, busy: Collection[str] = ()) -> None:
        """Part from the order; a CRM record shared with it stays with it unless it is kept, and ours is ours again.

        Raises `NotMatched`.
        """
        if self.match is None:
            raise NotMatched
        pair: dict[str, Any] = {"order_id": self.match.order_id, "order_type": self.match.order_type}
        held = {} if self.spam or self.lapsed else self._hold(self.service, busy=busy)
        module, own = self.crm_module, self.own_record
        self.happened(events.MatchUndone(**pair, reason=reason, keeps_record=keeps_record, **held))
        if own is not None and module is not None and not keeps_record:
            self.entered_in_crm(module=module, record_id=own)

    def farewell(self, reason: str) -> events.Erased:
        """Whoever calls from the number next is new to us."""
        return events.Erased(reason=reason, freed=tuple(sorted(self.held)))

    def _service_now(self, facts: CallFacts, changed: Collection[str], site: Site) -> str | None:
        """The lead's service is that of its first call, as the pages tell it now."""
        if facts.lead_id != self.calls.first_id or not PAGES.intersection(changed):
            return self.service
        return site.service_of(facts.words.landing_url, facts.words.lead_url)

    def _hold(self, service: str | None, *, but: CallFacts | None = None, busy: Collection[str] = ()) -> dict[str, Any]:
        """What to take and to free so as to hold all that is free of an open lead's claims."""
        wanted = self.calls.claims(service, but=but)
        return {
            "taken": tuple(sorted(wanted.difference(self.held, busy))),
            "freed": tuple(sorted(self.held - wanted)),
        }

    def apply(self, event: Event) -> None:
        if isinstance(event, events.Holding):
            self.held = self.held.difference(event.freed).union(event.taken)
        if isinstance(event, events.CallTold | events.CallConfirmed):
            self.calls.hear(event)
        self.apply_record(event)
        match event:
            case events.CallReceived(service=service):
                self.service = service
            case events.ServiceCorrected(service=service):
                self.service = service
            case events.MarkedSpam():
                self.spam = True
            case events.SpamCleared():
                self.spam = False
            case events.Lapsed():
                self.lapsed = True
            case events.MatchedWithForm():
                self.match = event
            case events.MatchSuggested(order_id=order_id):
                self.suggested |= {order_id}
            case events.MatchUndone(order_id=order_id):
                self.match, self.undone = None, self.undone | {order_id}
            case events.SuggestionDismissed(order_id=order_id):
                self.undone |= {order_id}
            case events.Erased():
                self.held = frozenset()
