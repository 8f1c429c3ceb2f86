"""The stories that are told to keep what they leave in the log: between them they let every event happen."""

from collections.abc import Mapping
from io import BytesIO
from uuid import UUID

from domain.documents.commands import give_tracking_id
from domain.documents.handing_over import hand_over
from domain.documents.payments import accept_payment
from domain.documents.price_list import PriceList, current_prices
from domain.documents.quote import PackageOffer, ShippingOffer
from domain.shared.effect import Effect
from domain.shared.export import Export
from domain.shared.receipt import Receipt, receive
from tests.corpus import call_stories
from tests.corpus.telling import Story
from tests.journeys.customer import AFTER, Customer
from tests.journeys.person import Person, erase
from tests.web.documents.hooks import Vendors
from tests.web.site import settle
from tests.wishes import acts

MINUTE = 61
DAY = 24 * 3600
WRONG = {"amount_total": 20000}


def prices(vendors: Vendors) -> None:
    """Staff change every price there is."""
    ledger = vendors.services.ledger
    with acts(vendors.clock.now(), by="operator:ada", via="console"):
        changed: PriceList = current_prices(ledger)
        changed.price_package(
            PackageOffer(code="standard", label="Standard", price_cents=19500, note="10 days"), reason="costs"
        )
        changed.price_package(PackageOffer(code="night", label="Overnight", price_cents=50000), reason="asked for")
        changed.withdraw_package("rush", reason="nobody wants it")
        changed.price_shipping(ShippingOffer(code="ups", label="UPS", price_cents=3200), reason="costs")
        changed.withdraw_shipping("mail", reason="too slow")
        changed.price_certificate(3000, reason="costs")
        changed.price_marriage(30000, reason="costs")
        ledger.record(changed)


def customer(vendors: Vendors) -> None:
    """A call, a form with a payment, a refund, and the CRM's messages, a minute between them."""
    person = Customer(vendors.services, vendors.app.test_client(), 7)
    for message in AFTER:
        person.send(message)
        settle(vendors.services)
        vendors.clock.move(MINUTE)
    settle(vendors.services)


def kinds(vendors: Vendors) -> None:
    """One order of every kind, some with a file; a quote gets its tracking id from staff."""
    for number, kind in enumerate(("embassy", "apostille", "translation", "i9", "marriage", "fbi")):
        order_id = vendors.place(kind, **_person(number))
        if kind in ("marriage", "fbi"):
            vendors.pay(order_id)
        _go_on(vendors)
    scan = {"files": [(BytesIO(b"%PDF-1.4 scan"), "diploma.pdf")], **_person(8)}
    body = {"document_type": "Diploma", "original_language": "French", "target_language": "English", **scan}
    answer = vendors.app.test_client().post("/translation/create-order/", data=body, content_type="multipart/form-data")
    assert answer.status_code == 201, answer.text
    quote = vendors.place("quote", **_person(9), attribution={"source": "bing", "gclid": "form-click"})
    with acts(vendors.clock.now(), by="operator:ada", via="console"):
        give_tracking_id(vendors.services.ledger, order_id=quote, draw_tracking_id=lambda: "0123456789ABCDEFGHJK")
    _go_on(vendors)


def odd_payments(vendors: Vendors) -> None:
    """Payments that do not fit, come twice, come late from a bank, or do not come at all."""
    accepted = vendors.place("fbi", **_person(1))
    session_id = vendors.open_checkout(accepted)
    vendors.tell_session(session_id, id="evt_1", but=WRONG)
    with acts(vendors.clock.now(), by="operator:ada", via="console"):
        accept_payment(vendors.services.ledger, order_id=accepted, session_id=session_id, reason="the rest in cash")
    bank = vendors.place("fbi", **_person(2))
    for ends in (vendors.payments.bank_fails, vendors.payments.bank_succeeds):
        session_id = vendors.open_checkout(bank)
        vendors.payments.pay_by_bank(session_id)
        ends(session_id)
    vendors.payments.refund(session_id, 25500)
    left = vendors.place("fbi", **_person(3))
    vendors.payments.expire(vendors.open_checkout(left))
    with acts(vendors.clock.now()):
        order = vendors.order(left)
        order.request_checkout(now=vendors.clock.now())
        order.checkout_failed(attempt=2, reason="no such currency")
        vendors.services.ledger.record(order)
    twice = vendors.place("marriage", **_person(4))
    first = vendors.open_checkout(twice)
    vendors.clock.move(DAY - 8 * 60)
    second = vendors.open_checkout(twice)
    vendors.tell_session(first, id="evt_2")
    vendors.tell_session(second, id="evt_3")
    vendors.tell_refund(second, id="evt_4", cents=vendors.payments.checkout(second).wanted.amount_cents)
    vendors.tell_session(vendors.open_checkout(vendors.place("fbi", **_person(5))), id="evt_5", but=WRONG)
    _go_on(vendors)


def crm(vendors: Vendors) -> None:
    """An order that staff took in the CRM, one whose stages jump and are corrected, and fields that are kept."""
    taken = {"service": "FBI", "id": "77", "stage": "Order Received", "name": "Ann Lee", "email": "ann@example.com"}
    vendors.zoho("create", **taken, phone="+1 555 200 0001", remark="A remark of the office")
    order_id = vendors.begin_paid(**_person(2))
    vendors.move(order_id, "Out for Delivery", shipping="courier", translation_r="yes")
    vendors.move(order_id, "Submission in Progress")
    vendors.move(order_id, "Submission in Progress", correction="true")
    vendors.move(order_id, "No such stage")
    vendors.zoho("update", tid="0123456789ABCDEFGHJK", stage="Delivered")
    _go_on(vendors)


def troubles(vendors: Vendors) -> None:
    """Vendors that fail, messages that come twice or too early, and staff who try again."""
    ledger, order_id = vendors.services.ledger, vendors.place("embassy", **_person(1))
    effects = [ledger.load(Effect, id) for id in ledger.open_effects(order_id)]
    for effect in effects:
        with acts(vendors.clock.now(), by="runner", via="effects"):
            effect.fail(reason="timeout", now=vendors.clock.now())
            effect.put_off(reason="waits for the record", until=vendors.clock.now())
            effect.give_up(reason="no such module")
        ledger.record(effect)
        with acts(vendors.clock.now(), by="operator:ada", via="console"):
            effect.ring_again()
        ledger.record(effect)
    _go_on(vendors)
    [mail, *_] = [one for one in effects if one.channel == "mail"]
    with acts(vendors.clock.now(), by="resend", via="resend"):
        done = ledger.load(Effect, mail.id)
        done.report(outcome="bounced", reason="Permanent: General", wire_id="<1@example.com>", happened_at=None)
        ledger.record(done)
    _messages(vendors)


def _messages(vendors: Vendors) -> None:
    """What a vendor may say of an order nobody knows, twice, and differently."""
    ledger = vendors.services.ledger
    for body in (b'{"id": "evt_1"}', b'{"id": "evt_1", "more": 1}'):
        with acts(vendors.clock.now(), by="stripe", via="stripe"):
            receipt, _ = receive(ledger, source="stripe", vendor_id="evt_1", body=body, headers={})
    with acts(vendors.clock.now(), by="stripe", via="stripe"):
        known = ledger.load(Receipt, receipt.id)
        known.put_off("paid order 7")
        known.refuse("unknown_order")
        known.run_again()
        known.ignore("not_ours")
        ledger.record(known)


def forgotten(vendors: Vendors) -> None:
    """Two persons who call, order, pay and are moved along; one of them is forgotten."""
    people = [Person(vendors, word, number) for word, number in (("Quillon", 4001), ("Bramwell", 4002))]
    for person in people:
        person.live()
    erase(vendors.services, people[0])
    _go_on(vendors)
    vendors.move(people[1].paid, "Out for Delivery")


def handed_over(vendors: Vendors) -> None:
    """Somebody calls, orders, and is given all that is kept of them."""
    person = Person(vendors, "Ostrander", 4003)
    person.live()
    with acts(vendors.clock.now(), by="operator:ada", via="console"):
        hand_over(vendors.services.ledger, subjects=person.subjects, reason="asked by customer")


def analysts(vendors: Vendors) -> None:
    """Somebody of the staff takes personal data out of the ledger."""
    with acts(vendors.clock.now(), by="operator:ada", via="console"):
        taken = Export.take(UUID(int=7), reason="the survey of March", upto=1, views=("orders",))
    vendors.services.ledger.record(taken)


def _person(number: int) -> Mapping[str, object]:
    """Somebody with a number and an address of their own."""
    return {"name": "John Doe", "email": f"john{number}@example.com", "phone": f"+1 555 300 {number:04d}"}


def _go_on(vendors: Vendors) -> None:
    """Let everything be carried out that is due within a minute."""
    for _ in range(6):
        settle(vendors.services)
        vendors.clock.move(10)


STORIES: Mapping[str, Story] = {
    "prices": prices,
    "customer": customer,
    "kinds": kinds,
    "odd-payments": odd_payments,
    "crm": crm,
    "troubles": troubles,
    "calls": call_stories.calls,
    "matches": call_stories.matches,
    "forgotten": forgotten,
    "analysts": analysts,
    "handed-over": handed_over,
}
