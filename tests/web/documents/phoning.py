"""A caller, as the call-tracking service tells of one, and what the CRM then holds."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient

from adapters.wiring import Services
from domain.documents.call_lead import CallLead
from domain.documents.order import Order
from tests.web.site import settle
from tests.wishes import NOW
from tests.world import Clock

PATH = "/webhook/whatconverts/"
KEY = {"X-Webhook-Key": "sandbox"}
SITE = "https://documents.example"
CALL: Mapping[str, Any] = {
    "trigger": "new",
    "lead_id": 204417,
    "lead_type": "Phone Call",
    "lead_state": "Completed",
    "landing_url": f"{SITE}/apostille-fbi",
    "caller_number": "(555) 123-4567",
    "caller_name": "A CALLER",
    "call_duration_seconds": 133,
    "lead_source": "google",
    "lead_medium": "cpc",
    "gclid": "click-1",
    "city": "Austin",
    "lead_score": 82,
    "lead_analysis": {"Lead Summary": "Wants two apostilles."},
}
PAGES = {
    "fbi": "/apostille-fbi",
    "marriage": "/triple-seal-marriage",
    "embassy": "/embassy-legalization",
    "apostille": "/apostille",
    "quote": "/",
}


def written(moment: datetime) -> str:
    """A time as the service writes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def body_of(service: str = "fbi", *, at: datetime = NOW, **changes: Any) -> dict[str, Any]:
    """A message about a call of this time that began on the service's page; None takes a key away."""
    told = {"date_created": written(at), "last_updated": written(at + timedelta(minutes=3))}
    body = {**CALL, **told, "landing_url": f"{SITE}{PAGES[service]}", **changes}
    return {name: value for name, value in body.items() if value is not None}


def tell(client: FlaskClient, body: Mapping[str, Any]) -> dict[str, Any]:
    """What the service is answered; it must be a 200."""
    answer = client.post(PATH, json=body, headers=KEY)
    assert answer.status_code == 200, answer.json
    said: Any = answer.json
    return dict(said)


def call(client: FlaskClient, service: str = "fbi", **changes: Any) -> UUID:
    """Somebody calls; the id of the lead."""
    return UUID(tell(client, body_of(service, **changes))["phone_lead_id"])


def lead(services: Services, id: UUID) -> CallLead:
    return services.ledger.load(CallLead, id)


def order(services: Services, id: str | UUID) -> Order:
    return services.ledger.load(Order, UUID(str(id)))


def leads(services: Services) -> set[UUID]:
    """Every lead there is."""
    events = (services.log.decode(name, data) for _, name, data in services.log.read(0, 100_000))
    return {event.stream for event in events if isinstance(event, CallLead.CallReceived)}


def happenings(services: Services, id: UUID | str) -> list[str]:
    """The names of a stream's events."""
    return [type(event).__name__ for event in services.log.events_of(UUID(str(id)))]


def finish(services: Services, clock: Clock) -> None:
    """Carry everything out, also what waits for something else."""
    for _ in range(6):
        settle(services)
        clock.move(10)


def records(services: Services, module: str = "FBI_Apostille") -> list[dict[str, Any]]:
    """The fields of every record of a module, with their id."""
    assert services.sandbox is not None
    return [{"id": r.id, **r.fields} for r in services.sandbox.crm.records() if r.module == module]


def attributions(services: Services) -> dict[str, dict[str, Any]]:
    """The attribution records by id."""
    return {record["id"]: record for record in records(services, "Lead_Attribution_Record")}
