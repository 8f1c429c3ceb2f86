"""What the call-tracking service posts about a call, how new each message is, and the leads they make."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from domain.documents.call_facts import CallPost, Told
from domain.documents.call_lead import CallLead
from domain.documents.call_post import identified, read_call
from domain.documents.landing import Site
from tests.wishes import NOW, acts

IN_PROGRESS: Mapping[str, Any] = {
    "trigger": "new",
    "lead_id": 204417,
    "lead_type": "Phone Call",
    "lead_state": "In Progress",
    "call_status": "In Progress",
    "lead_status": "Unique",
    "last_updated": "2026-02-09T15:00:03Z",
    "date_created": "2026-02-09T15:00:01Z",
    "landing_url": "https://documents.example/apostille-fbi?email=ann@example.com",
    "lead_url": "https://documents.example/contact",
    "device_type": "Smartphone",
    "caller_number": "+15551234567",
    "caller_name": "A LEE",
    "city": "Austin",
    "state": "TX",
    "lead_source": "google",
    "lead_medium": "cpc",
    "gclid": "abc",
}
COMPLETED: Mapping[str, Any] = {
    **IN_PROGRESS,
    "lead_state": "Completed",
    "call_status": "Completed Call",
    "last_updated": "2026-02-09T15:03:00Z",
    "call_duration": "00:02:13",
    "call_duration_seconds": 133,
    "contact_name": "Ann Lee",
    "contact_email_address": "Ann@Example.com",
    "spam": False,
}
RECORDED: Mapping[str, Any] = {
    "trigger": "update",
    "lead_id": 204417,
    "lead_type": "Phone Call",
    "last_updated": "2026-02-09T15:10:00Z",
    "recording": "https://recordings.example/204417",
    "lead_score": 82,
    "lead_analysis": {"Lead Summary": "Wants two apostilles.", "Keyword Detection": ""},
    "spotted_keywords": "apostille",
}


def blind(value: str) -> str:
    """A digest, as a log would make it."""
    return sha256(value.encode()).hexdigest()[:32]


def post(body: Mapping[str, Any], **changes: Any) -> CallPost:
    """A message as it is read, with these keys of the body changed."""
    read = read_call({**body, **changes})
    assert read is not None
    return identified(read, blind=blind)


def told(post: CallPost, position: int = 1, *, arrived_at: datetime = NOW) -> Told:
    """How new a message is whose receipt stands at this position."""
    return post.told(arrived_at=arrived_at, position=position)


def after(minutes: float) -> str:
    """A time so many minutes after the call began, as the service writes it."""
    return (datetime.fromisoformat(IN_PROGRESS["date_created"]) + timedelta(minutes=minutes)).isoformat()


LEAD_ID, ORDER, OTHER_ORDER = UUID(int=1), UUID(int=2), UUID(int=3)
SITE = Site()
PHONE, EMAIL = blind("phone:5551234567"), blind("email:ann@example.com")
FBI_PHONE, FBI_EMAIL = f"open_call:fbi:{PHONE}", f"open_call_email:fbi:{EMAIL}"
BOTH = frozenset({FBI_PHONE, FBI_EMAIL})
FORM: dict[str, Any] = {"direction": "form_after_call", "evidence": ("phone", "service"), "confidence": 1.0}
MARRIAGE = "https://documents.example/triple-seal-marriage"


def lead_of(*posts: CallPost, id: UUID = LEAD_ID, busy: Sequence[str] = ()) -> CallLead:
    """A new lead from these messages about one call."""
    with acts(via="whatconverts"):
        return CallLead.begin(id, [(message, told(message)) for message in posts], site=SITE, busy=busy)


def receive(lead: CallLead, message: CallPost, position: int = 1) -> frozenset[str]:
    """The lead hears one more message."""
    with acts(via="whatconverts"):
        return lead.receive(message, told(message, position), site=SITE)


def matched(lead: CallLead, order_id: UUID = ORDER, order_type: str = "fbi", **changes: Any) -> CallLead:
    """The lead, matched with an order."""
    with acts():
        lead.match_with_form(order_id=order_id, order_type=order_type, **FORM | changes)
    return lead


def happened(lead: CallLead) -> list[str]:
    """The names of the events not recorded yet."""
    return [type(event).__name__ for event in lead.pending]


def state(lead: CallLead) -> dict[str, Any]:
    """What the lead remembers."""
    return {name: value for name, value in vars(lead).items() if name not in ("pending", "version", "id")}
