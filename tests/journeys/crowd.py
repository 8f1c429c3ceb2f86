"""A crowd of customers: orders of many kinds, with files, calls and payments, each telling what has to become of it."""

import io
import json
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient

from adapters.wiring import Services
from domain.documents.catalogue import KINDS
from domain.documents.order import Order
from domain.shared.payments import stripe_signature
from tests.web.documents.bodies import LEAST
from tests.web.site import PDF, path_of
from tests.wishes import NOW
from tests.world import Clock

KEY = {"X-Webhook-Key": "sandbox"}
AD = {"source": "google", "medium": "cpc"}
A_MOMENT = 0.2  # seconds from one customer to the next, and from a call to the form
PATIENCE = 60  # how often a customer or a service asks again before it counts as a fault
# (kind, files, with an advertisement, called before): one of each ten
MIX: tuple[tuple[str, int, bool, bool], ...] = (
    ("embassy", 1, True, False),
    ("embassy", 0, False, False),
    ("apostille", 2, True, False),
    ("translation", 1, False, False),
    ("i9", 0, False, False),
    ("quote", 0, False, False),
    ("fbi", 0, True, False),
    ("fbi", 1, False, False),
    ("apostille", 0, True, True),
    ("fbi", 0, True, True),
)
PAGES = {"apostille": "/apostille", "fbi": "/apostille-fbi"}


class Buyer:
    """Number `number` of the crowd; of each ten the second is the first again, with another telephone."""

    def __init__(self, services: Services, client: FlaskClient, clock: Clock, number: int) -> None:
        self._services, self._client, self._clock, self.number = services, client, clock, number
        kind, files, self.has_ad, self.called = MIX[number % len(MIX)]
        self.kind, self.files = KINDS[kind], [f"scan-{number}-{nth}.pdf" for nth in range(files)]
        self.phone = f"+1 555 {200 + number // 10000:03d} {number % 10000:04d}"
        self.email = f"buyer{number - (number % len(MIX) == 1)}@example.com"
        self.order_id = UUID(int=0)
        self.lead_id: UUID | None = None
        self.stages: list[str] = []

    @property
    def order(self) -> Order:
        """As it is now."""
        return self._services.ledger.load(Order, self.order_id)

    def buy(self) -> None:
        """Call, fill in the form, and pay what has to be paid."""
        if self.called:
            self._call()
        self._clock.move(A_MOMENT)
        self._fill_in()
        if self.kind.paid:
            self._pay()

    def _call(self) -> None:
        body = {
            "trigger": "new",
            "lead_id": 700_000 + self.number,
            "lead_type": "Phone Call",
            "lead_state": "Completed",
            "call_duration_seconds": 133,
            "caller_number": self.phone,
            "landing_url": f"https://documents.example{PAGES[self.kind.code]}",
            "lead_source": "google",
            "date_created": f"{NOW - timedelta(hours=4):%Y-%m-%dT%H:%M:%SZ}",
            "last_updated": f"{NOW - timedelta(hours=3):%Y-%m-%dT%H:%M:%SZ}",
        }
        for _ in range(PATIENCE):  # a busy Daybook judges later what it stored now; a repeat asks again
            said = _good(self._client.post("/webhook/whatconverts/", json=body, headers=KEY))
            if said["phone_lead_id"] is not None:
                break
        self.lead_id = UUID(said["phone_lead_id"])

    def _fill_in(self) -> None:
        body = {**LEAST[self.kind.code], "email": self.email, "phone": self.phone}
        if self.kind.code == "i9":
            body["appointment_date"] = "2026-03-02"
        if self.kind.code == "fbi":
            body["count"] = 1
        if self.has_ad:
            body["attribution"] = json.dumps(AD)
        sent: Mapping[str, Any] = {"json": body}
        if self.files:
            files = [(io.BytesIO(PDF), name) for name in self.files]
            sent = {"data": {**body, "files": files}, "content_type": "multipart/form-data"}
        answer = self._client.post(path_of(self.kind.code), **sent)
        self.order_id = UUID(_good(answer, status=201)["order_id"])

    def _pay(self) -> None:
        """Ask for the checkout until the provider answers; then its signed word of the payment comes, twice."""
        for _ in range(PATIENCE):
            answer = self._client.post("/create-stripe-session/", json={"order_id": str(self.order_id)})
            if answer.status_code != 503:
                break
        session = _good(answer)["checkout_url"].rpartition("/")[2]
        now = int(self._services.now().timestamp())
        paid = {
            "id": session,
            "payment_status": "paid",
            "amount_total": 23000,
            "currency": "usd",
            "payment_intent": f"pi_{self.number}",
            "metadata": {"order_id": str(self.order_id), "line": "documents"},
        }
        event = {
            "id": f"evt_{self.number}",
            "object": "event",
            "type": "checkout.session.completed",
            "created": now,
            "livemode": False,
            "data": {"object": paid},
        }
        body, secret = json.dumps(event).encode(), self._services.settings.stripe_webhook_secrets[0]
        signature = f"t={now},v1={stripe_signature(secret, str(now), body)}"
        for _ in range(2):
            _good(self._client.post("/webhook/stripe/", data=body, headers={"Stripe-Signature": signature}))

    def move_on(self) -> None:
        """The office moves the order to its next stage in the CRM; a quote has no tracking page."""
        if self.kind.code == "quote":
            return
        stage = self.order.kind.stages[len(self.stages) + 1]
        body = {"tid": self.order.tracking_id, "stage": stage.label}
        said = _good(self._client.post("/tracking/crm/update/", json=body, headers=KEY))
        assert said["status"] not in ("ignored", "refused"), said
        self.stages.append(stage.label)

    def mails(self) -> Counter[str]:
        """The kinds of mail that have to be sent for this order, and how many of each."""
        if self.kind.code == "quote":
            return Counter(staff_notice=1)
        paid = {"payment_confirmation": 1} if self.kind.paid else {}
        return +Counter(staff_notice=1, welcome=1, stage_update=len(self.stages), **paid)


def _good(answer: Any, *, status: int = 200) -> Any:
    assert answer.status_code == status, (answer.status_code, answer.text)
    return answer.json
