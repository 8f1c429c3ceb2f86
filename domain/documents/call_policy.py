"""What follows from a call's events: a look for its order, and the CRM's records of it."""

from collections.abc import Iterator
from datetime import timedelta

from domain.documents import call_events as events
from domain.documents.call_lead import CallLead
from domain.documents.matching import SUPERSEDED
from domain.ledger import Event
from domain.shared.effect import Effect

ZOHO, MATCHING, LATER = "zoho", "matching", "later"
ORDERS_UNDER_WAY = timedelta(seconds=30)  # an order being placed when the call came is recorded by then
FINDS_ORDERS = frozenset({"phone_hash", "email_hash", "date_created"})


def effects(event: Event, lead: CallLead) -> Iterator[Effect]:
    """Matching comes first, since an order's record may be there to share; spam is shown to nobody."""
    match event:
        case events.MarkedSpam():
            if lead.crm_record is not None:
                yield _of_this_event(event, ZOHO, "enter_call")
        case events.CallReceived() | events.CalledAgain() | events.SpamCleared() | events.ServiceCorrected():
            yield from _match(event)
            yield from _enter(event)
        case events.CallTold(changed=changed):
            if FINDS_ORDERS.intersection(changed):
                yield from _match(event)
            yield from _enter(event)
        case events.MatchedWithForm():
            yield from _enter(event)
        case events.MatchUndone(reason=reason) if reason != SUPERSEDED:
            yield from _enter(event)
        case events.Erased():
            yield Effect.request(event, channel=ZOHO, kind="delete_records")


def _match(event: Event) -> Iterator[Effect]:
    """At once, and once more: neither of two things recorded at the same moment has seen the other."""
    yield _of_this_event(event, MATCHING, "match_call")
    yield Effect.request(
        event, channel=LATER, kind="match_call_again", key=str(event.version), due_at=event.at + ORDERS_UNDER_WAY
    )


def _enter(event: Event) -> Iterator[Effect]:
    yield _of_this_event(event, ZOHO, "enter_call")
    yield _of_this_event(event, ZOHO, "enter_call_attribution")


def _of_this_event(event: Event, channel: str, kind: str) -> Effect:
    version = str(event.version)
    return Effect.request(event, channel=channel, kind=kind, key=version, about={"version": version})
