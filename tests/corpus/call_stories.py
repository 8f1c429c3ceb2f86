"""Stories of calls: what the call-tracking service tells of them, and the orders they are matched with."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from domain.documents.calls import find_call
from domain.documents.match_commands import dismiss_suggestion, match_by_hand, undo_match
from tests.web.documents.hooks import Vendors
from tests.web.documents.phoning import SITE, body_of, finish, tell
from tests.wishes import acts

DAY = 24 * 3600


class Caller:
    """Somebody with a number of their own, whose calls are told a minute apart."""

    def __init__(self, vendors: Vendors, number: int) -> None:
        self._vendors, self.number = vendors, number
        self.person = {
            "name": "Ann Lee",
            "email": f"ann{number}@example.com",
            "phone": f"+1 555 400 {number:04d}",
        }

    def call(self, service: str = "fbi", *, minute: int = 3, id: int | None = None, **changes: Any) -> UUID:
        """One message about a call of theirs; the id of its lead."""
        at = self._vendors.clock.now()
        said = {
            "lead_id": id or 500_000 + self.number,
            "caller_number": self.person["phone"],
            "last_updated": f"{at + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}",
        }
        answer = tell(self._vendors.app.test_client(), body_of(service, at=at, **said | changes))
        return UUID(answer["phone_lead_id"])

    def order(self, kind: str) -> UUID:
        """Their order of a kind."""
        return self._vendors.place(kind, **self.person)


def calls(vendors: Vendors) -> None:
    """Everything that is told of calls: begun, ended, recorded, corrected, spam, again, and too late."""
    caller = Caller(vendors, 1)
    caller.call(minute=0, lead_state="In Progress", call_duration_seconds=None)
    caller.call(minute=1, lead_state="In Progress", city="Dallas", call_duration_seconds=None)
    caller.call(minute=2)
    caller.call(minute=3)
    caller.call(minute=4, trigger="update", recording="https://recordings.example/1")
    caller.call(id=600_001, contact_email_address="ann1@example.com")
    spammer = Caller(vendors, 2)
    spammer.call(minute=1)
    spammer.call(minute=2, trigger="update", landing_url=f"{SITE}/triple-seal-marriage")
    spammer.call(minute=3, trigger="update", spam=True)
    spammer.call(minute=4, trigger="update", spam=False)
    finish(vendors.services, vendors.clock)
    vendors.clock.move(200 * DAY)
    caller.call(id=600_002)
    finish(vendors.services, vendors.clock)


def matches(vendors: Vendors) -> None:
    """Calls before forms and after them, suggested, decided by hand, undone, and left by a forgotten customer."""
    services, clock = vendors.services, vendors.clock
    ledger = services.ledger
    before, after, other, hand, gone = (Caller(vendors, number) for number in range(1, 6))
    parted = before.call("embassy")
    before.order("embassy")
    after.order("embassy")
    finish(services, clock)
    linked = [after.call("embassy"), after.call("embassy", id=600_003)]
    suggested, ordered = other.call("fbi"), other.order("embassy")
    by_hand, chosen = hand.call("apostille"), hand.order("embassy")
    finish(services, clock)
    with acts(clock.now(), by="operator:ada", via="console"):
        undo_match(ledger, call_id=parted, reason="a namesake")
        dismiss_suggestion(ledger, call_id=suggested, order_id=ordered, reason="a namesake")
        match_by_hand(ledger, call_id=by_hand, order_id=chosen, reason="said so")
        for lead in {find_call(ledger, id).id for id in linked}:
            undo_match(ledger, call_id=lead, reason="two of them")
    finish(services, clock)
    _two_records(vendors, Caller(vendors, 6))
    gone.call("embassy")
    forgotten = gone.order("embassy")
    finish(services, clock)
    with acts(clock.now(), by="operator:ada", via="console"):
        services.forgetting.forget([forgotten], reason="asked by customer")
    gone.call("embassy", minute=9, trigger="update", lead_score=90)
    finish(services, clock)


def _two_records(vendors: Vendors, caller: Caller) -> None:
    """A call and an order have been entered before anybody saw that they belong together."""
    call = caller.call("embassy")
    vendors.services.runner.run_due()
    with acts(vendors.clock.now(), by="operator:ada", via="console"):
        ledger = vendors.services.ledger
        lead = find_call(ledger, call)
        lead.entered_in_crm(module="Embassy_Legalization", record_id="901")
        lead.share_record(module="Embassy_Legalization", record_id="902")
        ledger.record(lead)
