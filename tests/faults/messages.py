"""What a client of the load asks, one method for each kind of request; every answer is noted."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

from domain.documents.calls import message_id
from domain.documents.catalogue import KINDS
from domain.documents.stages import Stage
from domain.shared.payments import stripe_signature
from tests.faults.asking import Asker, Enough

SECRET, HOOK_KEY = "whsec_sandbox", {"X-Webhook-Key": "sandbox"}
JSON_TYPE = {"Content-Type": "application/json"}
COMPLETED = "checkout.session.completed"


class Messages:
    """The requests of client `number`, asked by `asker` and noted in its book."""

    def __init__(self, number: int, asker: Asker) -> None:
        self._number, self._asker, self._book, self._count = number, asker, asker.book, 0

    def _next(self) -> str:
        self._count += 1
        return f"{self._number}-{self._count}"

    def _place(self, kind: str, key: str, **sent: Any) -> dict[str, Any]:
        path = KINDS[kind].path
        answer = self._asker.ask("POST", path, headers={"Idempotency-Key": key}, **sent)
        if answer.status_code != 201:
            self._book.note("refused", status=answer.status_code, expected=201, path=path)
            raise Enough
        placed: dict[str, Any] = answer.json()
        told = {name: placed.get(name) for name in ("order_id", "tracking_id")}
        self._book.note("order", kind=kind, path=path, key=key, files=len(sent.get("files", ())), **told)
        return placed

    def _read(self, tracking_id: str) -> None:
        """The page of an order that was answered is never denied."""
        answer = self._asker.ask("GET", f"/tracking/{tracking_id}/")
        self._book.note("refused" if answer.status_code != 200 else "read", status=answer.status_code, expected=200)

    def _pay(self, kind: str, order: Mapping[str, Any]) -> str:
        """Open the checkout, and let Stripe tell that it was paid; the word of the answer."""
        answer = self._asker.ask("POST", "/create-stripe-session/", json={"order_id": order["order_id"]})
        if answer.status_code != 200:
            self._book.note("refused", status=answer.status_code, expected=200, path="checkout")
            return "refused"
        session = answer.json()["checkout_url"].rstrip("/").rpartition("/")[2]
        self._book.note("checkout", order=order["order_id"], session=session)
        cents = int(Decimal(order["total_price"]) * 100)
        paid = {
            "id": session,
            "object": "checkout.session",
            "payment_status": "paid",
            "amount_total": cents,
            "currency": "usd",
            "payment_intent": f"pi_{session}",
            "client_reference_id": order["order_id"],
            "metadata": {"order_id": order["order_id"], "order_type": kind},
        }
        return self._tell_event(COMPLETED, paid, paid=order["order_id"], session=session)

    def _refund(self, order: Mapping[str, Any]) -> None:
        cents = int(Decimal(order["total_price"]) * 100)
        charge = {
            "id": f"ch_{order['order_id']}",
            "object": "charge",
            "amount": cents,
            "amount_refunded": cents,
            "refunded": True,
            "currency": "usd",
            "metadata": {"order_id": order["order_id"]},
        }
        self._tell_event("charge.refunded", charge, refunded=order["order_id"])

    def _event(self, type: str, thing: Mapping[str, Any]) -> bytes:
        event = {"id": f"evt_{self._next()}", "object": "event", "type": type, "created": int(time.time())}
        return json.dumps({**event, "livemode": False, "data": {"object": thing}}).encode()

    def _post_event(self, body: bytes, *, secret: str = SECRET) -> Any:
        def sign() -> dict[str, str]:  # Stripe signs each attempt anew
            signed_at = str(int(time.time()))
            return {"Stripe-Signature": f"t={signed_at},v1={stripe_signature(secret, signed_at, body)}"}

        return self._asker.ask("POST", "/webhook/stripe/", data=body, headers=JSON_TYPE, sign=sign)

    def _tell_event(self, type: str, thing: Mapping[str, Any], **more: Any) -> str:
        body = self._event(type, thing)
        return self._note_receipt(self._post_event(body), "stripe", json.loads(body)["id"], **more)

    def _tell_call(self, message: Mapping[str, Any]) -> None:
        body = json.dumps(message).encode()
        answer = self._asker.ask("POST", "/webhook/whatconverts/", data=body, headers={**JSON_TYPE, **HOOK_KEY})
        lead = answer.json().get("phone_lead_id") if answer.status_code == 200 else None
        self._note_receipt(answer, "whatconverts", message_id(body), lead_id=message["lead_id"], lead=lead)

    def _tell_stage(self, order_id: str, stage: Stage) -> str:
        """The CRM says that an order has come to a stage; the word of the answer."""
        at = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
        body = json.dumps({"order_id": order_id, "stage": stage.label, "modified_time": at}).encode()
        answer = self._asker.ask("POST", "/tracking/crm/update/", data=body, headers={**JSON_TYPE, **HOOK_KEY})
        digest = sha256(body).hexdigest()
        return self._note_receipt(answer, "zoho_update", digest, moved=order_id, stage=stage.code)

    def _note_receipt(self, answer: Any, source: str, vendor_id: str, **more: Any) -> str:
        if answer.status_code != 200:
            self._book.note("refused", status=answer.status_code, expected=200, path=source)
            return "refused"
        word: str = answer.json()["status"]
        self._book.note("receipt", source=source, vendor_id=vendor_id, word=word, **more)
        return word
