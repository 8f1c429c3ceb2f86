"""A customer whose every personal value is one of its own, and who leaves traces wherever there can be any."""

from io import BytesIO
from typing import Any
from uuid import UUID

import msgspec

from adapters.wiring import Services
from domain.documents.erasure import Erasure
from domain.documents.order import Order
from domain.ledger import acting
from domain.shared.effect import effect_id
from domain.shared.receipt import Receipt, receive
from tests.web.documents.bodies import LEAST
from tests.web.documents.hooks import Vendors
from tests.web.documents.phoning import KEY, PATH, body_of
from tests.web.site import path_of, settle


class Person:
    """`word` stands in every text of theirs; `number` makes their phone and the ids of their calls."""

    def __init__(self, vendors: Vendors, word: str, number: int) -> None:
        self.vendors, self.services = vendors, vendors.services
        self.word, self.number = word, number
        self.email, self.phone = f"{word}@planted.example", f"+1 555 817 {number}"
        self.content = f"%PDF-1.7 {word} scan".encode()

    @property
    def secrets(self) -> list[str]:
        """Everything that names them, in lower case."""
        return [self.word.lower(), f"555 817 {self.number}", f"555817{self.number}"]

    def live(self) -> None:
        """Call, order, send files, pay, be moved along, and be spoken of by every vendor."""
        self.lead = UUID(self.call()["phone_lead_id"])
        self.paid = self.fill_in("fbi")
        self.session = self.vendors.pay(self.paid)
        self.free = self.fill_in("embassy", document_type=f"{self.word} deed", comments=f"For {self.word}")
        for _ in range(3):
            settle(self.services)
            self.vendors.clock.move(2)
        self.vendors.move(self.paid, "Submission in Progress", remark=f"Told {self.word}")
        self.vendors.zoho("update", tid=self.order(self.paid).tracking_id, stage="No such stage", name=self.word)
        self.vendors.zoho("create", service="FBI", id="77", stage="Phone Call Received", name="A", email=self.email)
        settle(self.services)

    @property
    def subjects(self) -> tuple[UUID, ...]:
        return self.lead, self.paid, self.free

    def order(self, id: UUID) -> Order:
        """One of their orders, forgotten or not."""
        return self.services.ledger.load(Order, id, even_erased=True)

    def call(self, **changes: Any) -> Any:
        """What the call-tracking service is answered."""
        said: dict[str, Any] = {
            "lead_id": 300_000 + self.number,
            "caller_number": self.phone,
            "caller_name": self.word,
            "lead_analysis": {"Lead Summary": f"{self.word} wants two."},
            "recording": f"https://recordings.example/{self.word}",
        }
        answer = self.vendors.app.test_client().post(PATH, json=body_of(**said | changes), headers=KEY)
        assert answer.status_code == 200, answer.json
        return answer.json

    def fill_in(self, kind: str, **changes: str) -> UUID:
        """Send a form with a file; the id of the order."""
        body: dict[str, Any] = LEAST[kind] | changes
        body |= {"name": f"{self.word} Doe", "email": self.email, "phone": self.phone}
        body["attribution"] = msgspec.json.encode(
            {"source": "google", "landing_page": f"https://x.example/?for={self.word}"}
        ).decode()
        body["files"] = [(BytesIO(self.content), f"{self.word}.pdf")]
        answer = self.vendors.app.test_client().post(path_of(kind), data=body, content_type="multipart/form-data")
        assert answer.status_code == 201, answer.text
        said: Any = answer.json
        return UUID(said["order_id"])

    def mail_report(self, effect: UUID, *, id: str) -> Receipt:
        """The mail provider tells what became of a mail to them; the message as it is then."""
        body = {
            "type": "email.delivered",
            "created_at": "2026-02-09T20:31:00.000Z",
            "data": {"email_id": str(effect), "to": [self.email], "tags": {"key": str(effect)}},
        }
        ledger = self.services.ledger
        with acting(by="resend", via="resend", at=self.services.now()):
            receipt, _ = receive(ledger, source="resend", vendor_id=id, body=msgspec.json.encode(body), headers={})
        self.services.runner.run_at_once(effect_id(receipt.id, kind="judge"))
        return ledger.load(Receipt, receipt.id, even_erased=True)

    def links(self) -> list[str]:
        """The paths of their files."""
        orders = [self.order(id) for id in (self.paid, self.free)]
        return [f"/{file.key}/{name}" for order in orders for file, name in zip(order.files, names(order), strict=True)]


def names(order: Order) -> tuple[str, ...]:
    """The names of an order's files."""
    assert order.file_names is not None
    return order.file_names.open()


def erase(services: Services, person: Person, *subjects: UUID) -> Erasure:
    """Forget all that is a person's, or these subjects of theirs, as staff do."""
    with acting(by="operator:ada", via="console", at=services.now()):
        return services.forgetting.forget(subjects or person.subjects, reason="asked by customer")
