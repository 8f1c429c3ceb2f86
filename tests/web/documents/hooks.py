"""Vendors as they call us: Stripe's signed events out of the sandbox, and Zoho's messages."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Flask

from adapters.sandbox.checkouts import StoredCheckout, charge_object, session_object
from adapters.wiring import Services
from domain.documents.order import Order
from domain.shared.errors import Unreachable
from domain.shared.payments import stripe_signature
from tests.web.documents.bodies import LEAST
from tests.web.site import JSON, history, path_of, settle
from tests.world import Clock, sandbox

SECRET = "whsec_sandbox"
ZOHO_KEY = {"X-Webhook-Key": "sandbox"}
COMPLETED = "checkout.session.completed"


class Vendors:
    """The other end of every webhook, and the office's view of what they led to.

    What the sandbox provider says is posted to the app as it would be over HTTP; `bodies` are those posts, `answers`
    what they were answered.
    """

    def __init__(self, app: Flask, services: Services, clock: Clock) -> None:
        self.app, self.services, self.clock = app, services, clock
        self.payments = sandbox(services).payments
        self.crm, self.mailer = sandbox(services).crm, sandbox(services).mailer
        self.bodies: list[bytes] = []
        self.answers: list[Any] = []
        sandbox(services).deliver = self._deliver

    def _deliver(self, body: bytes, signature: str) -> None:
        answer = self._post("/webhook/stripe/", data=body, headers={"Stripe-Signature": signature})
        self.bodies.append(body)
        self.answers.append(answer)
        if answer.status_code != 200:
            raise Unreachable(f"HTTP {answer.status_code}")

    def _post(self, path: str, **sent: Any) -> Any:
        return self.app.test_client().post(path, **sent)

    def place(self, kind: str = "fbi", **changes: object) -> UUID:
        """An order by its form; its id."""
        answer = self._post(path_of(kind), json=LEAST[kind] | changes)
        assert answer.status_code == 201, answer.json
        return UUID(answer.json["order_id"])

    def ask_checkout(self, order_id: UUID | str, **more: str) -> Any:
        """Ask for the way to the checkout."""
        return self._post("/create-stripe-session/", json={"order_id": str(order_id), **more})

    def open_checkout(self, order_id: UUID) -> str:
        """Open the order's checkout; its session id."""
        answer = self.ask_checkout(order_id)
        assert answer.status_code == 200, answer.json
        return str(answer.json["checkout_url"]).rstrip("/").rpartition("/")[2]

    def pay(self, order_id: UUID) -> str:
        """Pay an order by card; the session id."""
        session_id = self.open_checkout(order_id)
        self.payments.pay(session_id)
        return session_id

    def begin_paid(self, **changes: object) -> UUID:
        """An fbi order that has been paid and worked on; its id."""
        order_id = self.place("fbi", **changes)
        self.pay(order_id)
        settle(self.services)
        return order_id

    def post_stripe(self, body: bytes, *, age: float = 0, secret: str = SECRET) -> Any:
        """Post an event, signed so many seconds ago."""
        signed_at = str(int((self.clock.now() - timedelta(seconds=age)).timestamp()))
        signature = f"t={signed_at},v1={stripe_signature(secret, signed_at, body)}"
        return self._post("/webhook/stripe/", data=body, headers={"Stripe-Signature": signature})

    def tell_session(
        self, session_id: str, *, id: str, type: str = COMPLETED, but: Mapping[str, object] | None = None
    ) -> Any:
        """An event of our own making about a checkout: paid in full `but` for what is changed."""
        known = self.payments.checkout(session_id)
        paid = StoredCheckout(known.id, known.wanted, known.opened_at, "paid", 0)
        return self.tell(session_object(paid, url="") | dict(but or {}), id=id, type=type)

    def tell_refund(self, session_id: str, *, id: str, cents: int) -> Any:
        """So many cents in all have been given back."""
        known = self.payments.checkout(session_id)
        charge = charge_object(StoredCheckout(known.id, known.wanted, known.opened_at, "paid", cents))
        return self.tell(charge, id=id, type="charge.refunded")

    def tell(self, thing: Mapping[str, object], *, id: str, type: str, livemode: bool = False) -> Any:
        """Any event about any object."""
        event = {
            "id": id,
            "object": "event",
            "type": type,
            "created": int(self.clock.now().timestamp()),
            "livemode": livemode,
            "data": {"object": dict(thing)},
        }
        return self.post_stripe(json.dumps(event).encode())

    def zoho(self, what: str, **message: object) -> Any:
        """A message of the CRM to `create` or `update`; the answer's body."""
        answer = self._post(f"/tracking/crm/{what}/", json=message, headers=ZOHO_KEY)
        assert answer.status_code == 200, answer.json
        return answer.json

    def move(self, order_id: UUID, stage: str, **more: object) -> Any:
        """The CRM says that an order has come to a stage."""
        answer = self.zoho("update", tid=self.order(order_id).tracking_id, stage=stage, **more)
        settle(self.services)
        return answer

    def order(self, order_id: UUID) -> Order:
        """As it is now."""
        return self.services.ledger.load(Order, order_id)

    def happened(self, order_id: UUID) -> list[str]:
        """What was recorded on an order, by name."""
        return [type(event).__name__ for event in self.services.ledger.events(order_id)]

    def last(self, order_id: UUID) -> Any:
        """What was recorded on an order last."""
        return self.services.ledger.events(order_id)[-1]

    def subjects(self, to: str = "") -> list[str]:
        """The subjects of the mails sent, of those to one address when it is given."""
        mails = [mail.message for mail in self.mailer.mails()]
        return [str(mail["Subject"]) for mail in mails if to in str(mail["To"])]

    def record(self, module: str = "FBI_Apostille") -> Mapping[str, Any]:
        """The fields of the only record of a module."""
        [record] = [record for record in self.crm.records() if record.module == module]
        return record.fields

    def page(self, order_id: UUID) -> Any:
        """What the tracking page says of an order."""
        self.services.follower.catch_up()
        tid = self.order(order_id).tracking_id
        return self.app.test_client().get(f"/tracking/{tid}/", headers=JSON).json

    def receipts(self) -> int:
        """How many messages were stored."""
        return sum(event.stored_name == "receipt.Arrived" for event in history(self.services))


def verdict(answer: Any) -> tuple[str, str | None]:
    """Word and cause of a webhook's answer."""
    body = answer if isinstance(answer, dict) else answer.json
    assert set(body) >= {"status", "cause", "receipt_id"}
    return body["status"], body["cause"]
