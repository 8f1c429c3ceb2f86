"""The calls of one lead as its events have told them so far, their words still sealed."""

from datetime import datetime
from typing import Any

import msgspec

from domain.documents.call_events import (
    CallCompleted,
    CallConfirmed,
    CallTold,
    CallUpdated,
    RecordingArrived,
    open_call_claims,
)
from domain.documents.call_facts import (
    COMPLETED,
    NEVER,
    RECORDING,
    CallDetails,
    CallerWords,
    CallFacts,
    Told,
    changes,
    shown,
)
from domain.sealed import Sealed


class HeardCall(msgspec.Struct):
    """One call."""

    lead_id: str
    details: CallDetails = CallDetails()
    words: Sealed[CallerWords] | None = None
    told: dict[str, Told] = {}
    bare: Told = NEVER

    def hear(self, event: CallTold | CallConfirmed) -> None:
        """Take in what an event tells."""
        names = event.confirmed
        if isinstance(event, CallTold):
            names += event.changed
            self.details, self.words = event.details, event.words or self.words
        # Being over may have been told by an older message than the last word on it.
        self.told.update({name: max(event.told, self.told.get(name, NEVER)) for name in names})
        self.bare = NEVER if self.told else event.told

    @property
    def plain(self) -> CallFacts:
        """What can be known without opening anything."""
        return CallFacts(lead_id=self.lead_id, details=self.details, told=self.told, bare=self.bare)

    @property
    def facts(self) -> CallFacts:
        """Everything known of the call; raises `Erased`."""
        words = self.words.open() if self.words else CallerWords()
        return msgspec.structs.replace(self.plain, words=words)


class HeardCalls(msgspec.Struct):
    """All calls of a lead, by the vendor's id."""

    by_id: dict[str, HeardCall] = {}

    def hear(self, event: CallTold | CallConfirmed) -> None:
        """Take in what an event tells of one call."""
        self.by_id.setdefault(event.lead_id, HeardCall(event.lead_id)).hear(event)

    @property
    def first_id(self) -> str:
        """The call that was made first, whichever was told first."""
        return min(self.by_id.values(), key=lambda call: call.plain.order).lead_id

    @property
    def last_heard(self) -> datetime:
        """The time of the newest message."""
        return max(told.at for call in self.by_id.values() for told in (*call.told.values(), call.bare))

    @property
    def spam(self) -> bool:
        """Every one of them is called spam."""
        return all(call.details.spam for call in self.by_id.values())

    def facts_of(self, lead_id: str | None) -> CallFacts:
        """Everything known of one call; raises KeyError where it is not this lead's."""
        return self.by_id[lead_id or ""].facts

    def shown(self) -> CallFacts:
        """All calls as one; raises `Erased`."""
        return shown(call.facts for call in self.by_id.values())

    def claims(self, service: str | None, *, but: CallFacts | None = None) -> frozenset[str]:
        """What an open lead of this service holds; `but` are facts about to stand in place of the known ones."""
        known = {lead_id: call.details for lead_id, call in self.by_id.items()}
        known |= {but.lead_id: but.details} if but else {}
        return frozenset(
            claim
            for details in known.values()
            for claim in open_call_claims(service, phone_hash=details.phone_hash, email_hash=details.email_hash)
        )


def news(before: CallFacts | None, after: CallFacts, told: Told) -> dict[str, Any]:
    """The fields of the event that tells of this change."""
    changed = changes(before, after)
    told_before = before.told if before else {}
    confirmed = {name for name, newest in after.told.items() if newest != told_before.get(name)} - changed
    return {
        "lead_id": after.lead_id,
        "told": told,
        "changed": tuple(sorted(changed)),
        "confirmed": tuple(sorted(confirmed)),
        "words": Sealed(after.words) if changed.intersection(CallerWords.__struct_fields__) else None,
        "details": after.details,
    }


def event_for(before: CallFacts, after: CallFacts) -> type[CallTold]:
    """Which event a change of a known call is."""
    if before.details.lead_state != after.details.lead_state == COMPLETED:
        return CallCompleted
    if before.words.call_recording_url is None and RECORDING in changes(before, after):
        return RecordingArrived
    return CallUpdated
