"""One customer's story as messages that may come late, repeated, and in many orders."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient

from adapters.wiring import Services
from domain.documents.order import Order
from domain.documents.order_facts import request_claim
from domain.shared.payments import stripe_signature
from tests.wishes import NOW
from web.documents.placing import request_digest

KEY = {"X-Webhook-Key": "sandbox"}
PATH = "/fbi/create-order/"
CALLED = NOW - timedelta(hours=4)

# What can only come after something else has been: Stripe knows a session that was opened, the CRM a record it holds.
AFTER: Mapping[str, tuple[str, ...]] = {
    "ringing": (),
    "completed": (),
    "recorded": (),
    "form": (),
    "session": ("form",),
    "paid": ("session",),
    "refunded": ("session",),
    "echo": ("paid",),
    "submitted": ("paid",),
    "delivered": ("paid",),
}


class Customer:
    """Number `number`: a call told in three posts, a form, a payment, a refund, and the CRM's messages."""

    def __init__(self, services: Services, client: FlaskClient, number: int) -> None:
        self._services, self._client, self.number = services, client, number
        self.phone = f"+1 555 {200 + number // 10000:03d} {number % 10000:04d}"
        self.email = f"customer{number}@example.com"
        self.session = ""

    def messages(self, chance: Random) -> Iterator[str]:
        """Every message at least once, some again, in an order that could be."""
        left, sent = set(AFTER), list[str]()
        while left:
            ready = sorted(name for name in left if all(before in sent for before in AFTER[name]))
            if sent and chance.random() < 0.3:
                yield chance.choice(sent)
            name = chance.choice(ready)
            left.discard(name)
            sent.append(name)
            yield name
        for _ in range(chance.randrange(4)):
            yield chance.choice(sent)

    def send(self, name: str) -> None:
        """Let one message arrive."""
        deliver: Callable[[], Any] = getattr(self, f"_{name}")
        answer = deliver()
        assert answer is None or answer.status_code in (200, 201, 409), answer.text

    def order(self) -> Order:
        """The one order of this customer."""
        owner = self._services.ledger.owner(request_claim(request_digest(PATH, f"form-{self.number}")))
        assert owner is not None
        return self._services.ledger.load(Order, owner)

    def _call(self, *, minute: int, **facts: object) -> Any:
        body = {
            "lead_id": 700_000 + self.number,
            "lead_type": "Phone Call",
            "caller_number": self.phone,
            "landing_url": "https://documents.example/apostille-fbi",
            "lead_source": "google",
            "gclid": f"click-{self.number}",
            "date_created": f"{CALLED:%Y-%m-%dT%H:%M:%SZ}",
            "last_updated": f"{CALLED + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}",
            **facts,
        }
        return self._client.post("/webhook/whatconverts/", json=body, headers=KEY)

    def _ringing(self) -> Any:
        return self._call(minute=0, trigger="new", lead_state="In Progress")

    def _completed(self) -> Any:
        return self._call(minute=3, trigger="new", lead_state="Completed", call_duration_seconds=133)

    def _recorded(self) -> Any:
        recording = f"https://calls.example/{self.number}.mp3"
        return self._call(
            minute=9, trigger="update", lead_state="Completed", call_duration_seconds=133, recording=recording
        )

    def _form(self) -> Any:
        body = {
            "name": "Ann Lee",
            "email": self.email,
            "phone": self.phone,
            "package": "standard",
            "count": 1,
            "shipping": "ups",
        }
        return self._client.post(PATH, json=body, headers={"Idempotency-Key": f"form-{self.number}"})

    def _session(self) -> Any:
        answer = self._client.post("/create-stripe-session/", json={"order_id": str(self.order().id)})
        if answer.status_code == 200 and not self.session:
            assert answer.json
            self.session = answer.json["checkout_url"].rstrip("/").rpartition("/")[2]
        return answer

    def _stripe(self, id: str, type: str, thing: Mapping[str, object]) -> Any:
        now = self._services.now()
        event = {
            "id": f"evt_{id}_{self.number}",
            "object": "event",
            "type": type,
            "created": int(now.timestamp()),
            "livemode": False,
            "data": {"object": {**thing, "metadata": self._metadata()}},
        }
        body, at = json.dumps(event).encode(), str(int(now.timestamp()))
        secret = self._services.settings.stripe_webhook_secrets[0]
        signature = f"t={at},v1={stripe_signature(secret, at, body)}"
        return self._client.post("/webhook/stripe/", data=body, headers={"Stripe-Signature": signature})

    def _metadata(self) -> dict[str, str]:
        order = self.order()
        return {"order_id": str(order.id), "order_type": "fbi", "tid": order.tracking_id or "", "line": "documents"}

    def _paid(self) -> Any:
        session = {
            "id": self.session,
            "payment_status": "paid",
            "amount_total": 23000,
            "currency": "usd",
            "payment_intent": f"pi_{self.number}",
        }
        return self._stripe("paid", "checkout.session.completed", session)

    def _refunded(self) -> Any:
        charge = {
            "id": f"ch_{self.number}",
            "payment_intent": f"pi_{self.number}",
            "amount": 23000,
            "amount_refunded": 3000,
            "refunded": False,
        }
        return self._stripe("refunded", "charge.refunded", charge)

    def _echo(self) -> Any:
        body = {"service": "FBI", "order_id": str(self.order().id), "name": "Ann Lee", "email": self.email}
        return self._client.post("/tracking/crm/create/", json=body, headers=KEY)

    def _stage(self, stage: str, *, minute: int) -> Any:
        moment = NOW + timedelta(minutes=minute)
        body = {"tid": self.order().tracking_id, "stage": stage, "modified_time": moment.isoformat()}
        return self._client.post("/tracking/crm/update/", json=body, headers=KEY)

    def _submitted(self) -> Any:
        return self._stage("Submission in Progress", minute=60)

    def _delivered(self) -> Any:
        return self._stage("Out for Delivery", minute=120)


def summary(services: Services, customer: Customer) -> dict[str, Any]:
    """Where a story has come to, without what is different by nature: ids, times, who was told of what when."""
    order = customer.order()
    records = [record for record in services.sandbox.crm.records() if services.sandbox] if services.sandbox else []
    own = [record for record in records if customer.phone in str(record.fields.get("Phone", ""))]
    return {
        "stage": order.stage,
        "paid": order.paid.amount_cents if order.paid else None,
        "refunded": order.refunded_cents,
        "matched": order.matched_call is not None,
        "attribution": (order.attribution.lead_type, order.attribution.source),
        "records": sorted(record.module for record in own),
        "crm": [
            (record.fields.get("Payment_Status"), record.fields.get("Tracking_ID") == order.tracking_id)
            for record in own
            if record.module == "FBI_Apostille"
        ],
    }


def order_id(customer: Customer) -> UUID:
    """The id of the customer's order."""
    return customer.order().id
