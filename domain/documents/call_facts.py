"""What is known of one phone call, put together from several messages in whatever order they came."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from domain.shared.attribution import Attribution, AttributionLinks, normal_attribution
from domain.shared.contact import Contact

IN_PROGRESS, COMPLETED = "in_progress", "completed"
RECORDING = "call_recording_url"

Group = TypeVar("Group", bound=msgspec.Struct)


class Told(msgspec.Struct, frozen=True, order=True):
    """When the vendor last changed what it tells (the arrival, if it does not say), then the receipt's position."""

    at: datetime
    position: int


NEVER = Told(datetime.min.replace(tzinfo=UTC), -1)


class CallerWords(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who called and what was said: personal. Addresses of pages are here since a query may carry an e-mail."""

    contact_name: str | None = None
    contact_email: str | None = None
    contact_phone: str | None = None
    contact_company: str | None = None
    call_recording_url: str | None = None
    lead_summary: str | None = None
    sentiment: str | None = None
    intent: str | None = None
    keywords: str | None = None
    topics: str | None = None
    landing_url: str | None = None
    lead_url: str | None = None
    ip_address: str | None = None


class CallDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What may be stored in clear text. A duration is in seconds, a score 0 to 100, amounts are as the vendor wrote
    them; `phone_hash` and `email_hash` find the caller without naming them."""

    phone_hash: str | None = None
    email_hash: str | None = None
    lead_state: str | None = None
    lead_status: str | None = None
    call_duration: int | None = None
    lead_score: int | None = None
    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    content: str | None = None
    keyword: str | None = None
    gclid: str | None = None
    msclkid: str | None = None
    fbclid: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    country: str | None = None
    device_type: str | None = None
    device_make: str | None = None
    operating_system: str | None = None
    browser: str | None = None
    date_created: datetime | None = None
    duplicate: bool | None = None
    spam: bool | None = None
    quotable: str | None = None
    quote_value: str | None = None
    sales_value: str | None = None
    answer_status: str | None = None
    tracking_number: str | None = None
    phone_name: str | None = None


class CallPost(msgspec.Struct, frozen=True, kw_only=True):
    """One message about a call, read: what it does not say, or says unreadably, is None."""

    lead_id: str | None = None
    lead_type: str | None = None
    last_updated: datetime | None = None
    words: CallerWords = CallerWords()
    details: CallDetails = CallDetails()

    def told(self, *, arrived_at: datetime, position: int) -> Told:
        """How new this message is; `position` is that of its receipt in the log."""
        return Told(self.last_updated or arrived_at, position)


class CallFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One call; `told` says how new the message was that each field comes from, `bare` the one that told no field."""

    lead_id: str
    words: CallerWords = CallerWords()
    details: CallDetails = CallDetails()
    told: Mapping[str, Told] = {}
    bare: Told = NEVER

    @property
    def order(self) -> tuple[datetime, int]:
        """Calls stand in the order they were made in."""
        return self.called_at, int(self.lead_id)

    @property
    def called_at(self) -> datetime:
        """When the call was made: what the vendor says, else the oldest it has told us."""
        return self.details.date_created or min(self.told.values(), default=self.bare).at


def fold(facts: CallFacts | None, post: CallPost, told: Told) -> CallFacts:
    """What is known after one more message: field by field the newest value that is not blank.

    The same messages in any order, with any repeats, lead to the same facts; a call never goes back to "in progress".
    """
    known = facts or CallFacts(lead_id=post.lead_id or "")
    words, words_told = _newest(known.words, post.words, known.told, told)
    details, details_told = _newest(known.details, post.details, known.told, told)
    states = known.details.lead_state, post.details.lead_state
    details = msgspec.structs.replace(details, lead_state=COMPLETED if COMPLETED in states else details.lead_state)
    newest = {**known.told, **words_told, **details_told}
    bare = NEVER if newest else known.bare if facts else told
    return CallFacts(lead_id=known.lead_id, words=words, details=details, told=newest, bare=bare)


def _newest(known: Group, said: Group, known_told: Mapping[str, Told], told: Told) -> tuple[Group, dict[str, Told]]:
    newer = {
        name: value
        for name in said.__struct_fields__
        if (value := getattr(said, name)) is not None and known_told.get(name, NEVER) < told
    }
    return msgspec.structs.replace(known, **newer), dict.fromkeys(newer, told)


def changes(before: CallFacts | None, after: CallFacts) -> frozenset[str]:
    """The names of the fields whose values differ."""
    known = before or CallFacts(lead_id=after.lead_id)
    return frozenset(
        name
        for old, new in ((known.words, after.words), (known.details, after.details))
        for name in new.__struct_fields__
        if getattr(old, name) != getattr(new, name)
    )


def shown(calls: Iterable[CallFacts]) -> CallFacts:
    """Several calls of one lead as one: where it came from is the first call's, duration and recording the last's.

    Name, e-mail, phone and company are those of the earliest call that has them. There must be one call at least.
    """
    in_order = sorted(calls, key=lambda call: call.order)
    contact = ("contact_name", "contact_email", "contact_phone", "contact_company")
    words = {name: _first(in_order, "words", name) for name in contact}
    words[RECORDING] = _first(in_order[::-1], "words", RECORDING)
    first = in_order[0]
    details = {"call_duration": _first(in_order[::-1], "details", "call_duration")}
    return msgspec.structs.replace(
        first,
        words=msgspec.structs.replace(first.words, **words),
        details=msgspec.structs.replace(first.details, **details),
    )


def _first(calls: Iterable[CallFacts], group: str, name: str) -> object:
    values = (getattr(getattr(call, group), name) for call in calls)
    return next((value for value in values if value is not None), None)


def caller(said: CallerWords, typed: Contact | None = None) -> Contact:
    """Whom to write to: name and e-mail as typed in a form, if there is one, the rest as the call told it."""
    form = typed or Contact("", "", "")
    return Contact(
        name=form.name or said.contact_name or "",
        email=form.email or said.contact_email or "",
        phone=said.contact_phone or form.phone,
        company=said.contact_company or form.company,
    )


def call_attribution(facts: CallFacts) -> tuple[Attribution, AttributionLinks]:
    """Where the call came from, in the terms of a form's attribution (spec: attribution, priority)."""
    told = msgspec.structs.asdict(facts.details) | {
        "landing_page": facts.words.landing_url,
        "lead_url": facts.words.lead_url,
        RECORDING: facts.words.call_recording_url,
        "first_visit_at": facts.called_at.isoformat(),
    }
    return normal_attribution(told, lead_type="phone")
