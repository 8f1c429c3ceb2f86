"""What customers, callers and vendors do in a load: short stories, drawn by chance, told with every id they need."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from domain.documents.catalogue import KINDS
from domain.documents.stages import stages_of
from tests.faults.asking import Asker, Enough
from tests.faults.messages import COMPLETED, Messages
from tests.web.documents.bodies import LEAST
from tests.web.documents.phoning import body_of
from tests.web.site import PDF

FREE, PAID, CALLED_ABOUT = ("embassy", "apostille", "translation", "quote"), ("fbi", "marriage"), ("fbi", "embassy")
DONE = ("acted_on", "repeat")


class Teller(Messages):
    """The stories of a client, one after the other."""

    def __init__(self, number: int, asker: Asker, *, seed: int) -> None:
        super().__init__(number, asker)
        self._chance = random.Random(f"{seed}-{number}")

    def tell(self) -> None:
        """Tell stories until no more is wanted."""
        stories = (self._free, self._free, self._paid, self._call, self._refusal)
        try:
            while True:
                self._chance.choice(stories)()
        except Enough:
            pass

    def _person(self) -> dict[str, str]:
        """Somebody new, or now and then somebody who has been here before."""
        known = self._count and self._chance.random() < 0.2
        nth = self._chance.randrange(self._count) if known else self._count
        return {
            "name": "Ann Lee",
            "email": f"ann-{self._number}-{nth}@example.com",
            "phone": f"+1 55{self._number} {nth // 10_000:03d} {nth % 10_000:04d}",
        }

    def _free(self) -> None:
        kind = self._chance.choice(FREE)
        order = self._order(kind, self._person())
        if order.get("tracking_id"):
            self._read(order["tracking_id"])
            self._stages(kind, order["order_id"])

    def _paid(self) -> None:
        kind = self._chance.choice(PAID)
        order = self._order(kind, self._person())
        if self._chance.random() < 0.8 and self._pay(kind, order) in DONE:
            self._stages(kind, order["order_id"])
            if self._chance.random() < 0.2:
                self._refund(order)

    def _call(self) -> None:
        """Somebody calls, and mostly orders before or after."""
        service, person = self._chance.choice(CALLED_ABOUT), self._person()
        if ordered := self._chance.random() < 0.3:
            self._order(service, person)
        lead_id, began = int(self._next().replace("-", "0")), datetime.now(UTC)
        told: dict[str, Any] = {"lead_id": lead_id, "caller_number": person["phone"]}
        going_on = {**told, "lead_state": "In Progress", "call_duration_seconds": None}
        self._tell_call(body_of(service, at=began, **going_on, last_updated=None))
        self._tell_call(body_of(service, at=began, **told))
        if not ordered and self._chance.random() < 0.7:
            order = self._order(service, person)
            if service in PAID and self._chance.random() < 0.5:
                self._pay(service, order)

    def _refusal(self) -> None:
        """What must leave nothing: a bad form, a forged event, a message without its secret, a key used twice."""
        match self._chance.randrange(4):
            case 0:
                key, path = self._next(), KINDS["embassy"].path
                answer = self._asker.ask("POST", path, json={"name": "Ann Lee"}, headers={"Idempotency-Key": key})
                self._book.note("refused", status=answer.status_code, expected=422)
            case 1:
                forged = self._event(COMPLETED, {"id": "cs_forged", "object": "checkout.session"})
                answer = self._post_event(forged, secret="whsec_forged")
                self._book.note("refused", status=answer.status_code, expected=400)
            case 2:
                answer = self._asker.ask("POST", "/tracking/crm/update/", json={"tid": self._next()})
                self._book.note("refused", status=answer.status_code, expected=401)
            case 3:
                kind = self._chance.choice(FREE)
                key, body = self._next(), {**LEAST[kind], **self._person()}
                self._place(kind, key, json=body)
                other = {**body, "name": "Somebody Else"}
                headers = {"Idempotency-Key": key}
                answer = self._asker.ask("POST", KINDS[kind].path, json=other, headers=headers)
                self._book.note("refused", status=answer.status_code, expected=422)

    def _order(self, kind: str, person: Mapping[str, str]) -> dict[str, Any]:
        """Place an order, some with a file; some browsers send the form again after the answer."""
        key, body = self._next(), {**LEAST[kind], **person}
        sent: dict[str, Any] = {"json": body}
        if KINDS[kind].takes_files and self._chance.random() < 0.2:
            sent = {"data": body, "files": [("files", ("scan.pdf", PDF + key.encode(), "application/pdf"))]}
        order = self._place(kind, key, **sent)
        if self._chance.random() < 0.1:
            again = self._place(kind, key, **sent)
            if again["order_id"] != order["order_id"]:
                self._book.note("contradiction", key=key)
        return order

    def _stages(self, kind: str, order_id: str) -> None:
        """The CRM moves an order on, step by step, until somebody stops."""
        for stage in stages_of(KINDS[kind].service, translated=False)[1:]:
            if self._chance.random() < 0.5 or self._tell_stage(order_id, stage) not in DONE:
                return
