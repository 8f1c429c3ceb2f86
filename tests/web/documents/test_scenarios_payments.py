"""Payments: the way to the checkout, what Stripe tells of it in any order, and what follows once."""

import json
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prometheus_client import REGISTRY

from adapters.wiring import Services
from domain.documents.order import Order
from domain.documents.order_refusals import NothingToAccept
from domain.documents.payments import accept_payment
from domain.documents.price_list import PRICE_LIST_ID, PriceList
from domain.documents.quote import PackageOffer
from domain.ledger import acting
from domain.shared.errors import Unreachable
from domain.shared.payments import Checkout, OpenedCheckout, Payments
from projections.across.receipts import list_receipts
from projections.documents.orders import list_orders
from tests.vendors.stripe_server import SECRET_KEY, Fault, stripe_server
from tests.web.documents.hooks import COMPLETED, Vendors, verdict
from tests.web.site import asked, names, open_services, settle
from tests.world import Clock, sandbox
from web.app import create_app

RECORDED = Path(__file__).parents[2] / "recorded" / "stripe"
ENTRY = [("zoho", "enter_contact"), ("zoho", "enter_order")]
MAILS = [("mail", "staff_notice"), ("mail", "welcome"), ("mail", "payment_confirmation")]
THREE_MAILS = [
    "✅ New PAID FBI Order — 2026-02-09",
    "Your Order Status - FBI Apostille",
    "Payment received - FBI Apostille",
]
ALERT = "⚠ Payment needs attention — FBI — 2026-02-09"


def work(services: Services) -> list[tuple[str, str]]:
    """What was asked of vendors: everything but the judging of their messages."""
    return [effect for effect in asked(services) if effect[0] in ("zoho", "mail")]


def accept(vendors: Vendors, order_id: UUID, session_id: str) -> Order:
    with acting(by="manager", via="console", at=vendors.clock.now()):
        return accept_payment(
            vendors.services.ledger, order_id=order_id, session_id=session_id, reason="The bank took its fee."
        )


def test_scenario_14_the_checkout_asks_what_the_order_was_quoted_before_the_price_rose(vendors: Vendors) -> None:
    order_id, ledger = vendors.place(), vendors.services.ledger
    prices = ledger.load(PriceList, PRICE_LIST_ID)
    with acting(by="manager", via="console", at=vendors.clock.now()):
        prices.price_package(PackageOffer(code="standard", label="Standard", price_cents=19900), reason="costs")
    ledger.record(prices)
    session_id = vendors.open_checkout(order_id)
    assert vendors.payments.checkout(session_id).wanted.amount_cents == 25500
    assert vendors.payments.checkout(vendors.open_checkout(vendors.place())).wanted.amount_cents == 27900


class Watching:
    """A provider that notes what the ledger knew when it was asked; it can lose its answers."""

    def __init__(self, real: Payments, services: Services) -> None:
        self._real, self._services = real, services
        self.known: list[list[str]] = []
        self.lost = 0

    def open_checkout(self, wanted: Checkout, *, key: str) -> OpenedCheckout:
        self.known.append(names(self._services))
        opened = self._real.open_checkout(wanted, key=key)
        if self.lost:
            self.lost -= 1
            raise Unreachable("the connection failed")
        return opened

    def redact(self, reference: str) -> str:
        return self._real.redact(reference)


def test_scenario_17_the_checkout_carries_the_tracking_id_which_was_recorded_before_stripe_was_asked(
    vendors: Vendors, services: Services
) -> None:
    services.payments = watching = Watching(services.payments, services)
    order_id = vendors.place()
    answer = vendors.ask_checkout(order_id, order_type="fbi")
    assert answer.status_code == 200
    assert set(answer.json) == {"checkout_url", "expires_at"}
    tid = vendors.order(order_id).tracking_id
    assert tid is not None
    assert watching.known == [
        [f"documents.order.{name}" for name in ("Placed", "CheckoutRequested", "TrackingIdGiven")]
    ]
    [checkout] = vendors.payments.checkouts()
    assert checkout.wanted.metadata == {
        "order_id": str(order_id),
        "order_type": "fbi",
        "tracking_id": tid,
        "tid": tid,
        "line": "documents",
    }
    assert (checkout.wanted.reference, checkout.wanted.customer_email) == (str(order_id), "john@example.com")
    assert checkout.wanted.success_url.endswith(f"/tracking/{tid}/")
    assert checkout.wanted.cancel_url.endswith(f"/order/{order_id}/")
    assert work(services) == []


def test_scenario_17_the_page_of_the_order_leads_to_the_checkout_and_back_only_to_hosts_that_are_ours(
    vendors: Vendors,
) -> None:
    order_id, client = vendors.place(), vendors.app.test_client()
    page = client.post("/create-stripe-session/", data={"order_id": str(order_id)}, headers={"Accept": "text/html"})
    assert (page.status_code, page.location) == (303, vendors.ask_checkout(order_id).json["checkout_url"])
    stranger = vendors.ask_checkout(order_id, success_url="https://evil.example/thanks")
    assert (stranger.status_code, set(stranger.json["fields"])) == (422, {"success_url"})
    assert vendors.ask_checkout(order_id, order_type="marriage").status_code == 422


def test_scenario_18_asked_again_the_same_open_checkout_is_the_answer(vendors: Vendors) -> None:
    order_id = vendors.place()
    first, again = vendors.ask_checkout(order_id), vendors.ask_checkout(order_id)
    assert first.json == again.json
    assert len(vendors.payments.checkouts()) == 1


def test_scenario_18_twice_in_parallel_is_one_checkout(vendors: Vendors) -> None:
    order_id, together = vendors.place(), threading.Barrier(6)

    def ask(_: int) -> Any:
        together.wait()
        return vendors.ask_checkout(order_id)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json["checkout_url"] for answer in answers}) == 1
    assert len(vendors.payments.checkouts()) == 1
    assert vendors.happened(order_id) == ["Placed", "CheckoutRequested", "TrackingIdGiven", "CheckoutOpened"]


def test_scenario_18_what_cannot_be_paid_is_refused_by_name(vendors: Vendors) -> None:
    paid = vendors.place()
    vendors.pay(paid)
    refused: dict[UUID | str, tuple[int, str]] = {
        vendors.place("embassy"): (422, "not_payable"),
        vendors.place("quote"): (422, "not_payable"),
        paid: (409, "already_paid"),
        uuid4(): (404, "not_found"),
        "no-id-at-all": (404, "not_found"),
    }
    for order_id, wanted in refused.items():
        answer = vendors.ask_checkout(order_id)
        assert (answer.status_code, answer.json["error"]) == wanted


@pytest.mark.parametrize(("faults", "attempt"), [((Fault(accept=True),) * 2, 1), ((Fault(500),), 2)])
def test_scenario_19_a_lost_answer_is_asked_for_again_and_a_broken_one_anew(
    database_url: str, tmp_path: Path, clock: Clock, faults: tuple[Fault, ...], attempt: int
) -> None:
    with (
        stripe_server(clock.now) as stripe,
        open_services(
            database_url, tmp_path, clock, STRIPE_API_BASE=stripe.url, STRIPE_SECRET_KEY=SECRET_KEY
        ) as services,
    ):
        vendors = Vendors(create_app(services), services, clock)
        order_id = vendors.place()
        stripe.plan(*faults)
        unanswered = vendors.ask_checkout(order_id)
        assert (unanswered.status_code, unanswered.json["error"]) == (503, "payment_provider_unavailable")
        assert unanswered.headers["Retry-After"] == "5"
        tid = vendors.order(order_id).tracking_id
        answer = vendors.ask_checkout(order_id)
        assert answer.status_code == 200
        keys = [request.key for request in stripe.requests]
        assert keys[0] == f"checkout-{order_id}-1"
        assert keys[-1] == f"checkout-{order_id}-{attempt}"
        [session] = stripe.sessions.values()
        assert answer.json["checkout_url"] == session["url"]
        assert (tid, vendors.happened(order_id).count("TrackingIdGiven")) == (vendors.order(order_id).tracking_id, 1)


def test_scenario_19_a_refusal_of_stripe_is_told_and_the_next_request_is_a_new_attempt(
    database_url: str, tmp_path: Path, clock: Clock
) -> None:
    with (
        stripe_server(clock.now) as stripe,
        open_services(
            database_url, tmp_path, clock, STRIPE_API_BASE=stripe.url, STRIPE_SECRET_KEY=SECRET_KEY
        ) as services,
    ):
        vendors = Vendors(create_app(services), services, clock)
        order_id = vendors.place()
        stripe.plan(Fault(402))
        answer = vendors.ask_checkout(order_id)
        assert (answer.status_code, answer.json["error"]) == (502, "payment_provider_refused")
        assert vendors.happened(order_id)[-1] == "CheckoutFailed"
        assert vendors.ask_checkout(order_id).status_code == 200
        assert [request.key[-1] for request in stripe.requests] == ["1", "2"]


def test_scenario_20_a_payment_sets_everything_going(vendors: Vendors, services: Services) -> None:
    order_id = vendors.place()
    session_id = vendors.pay(order_id)
    [answer] = vendors.answers
    assert (answer.status_code, verdict(answer)) == (200, ("acted_on", None))
    paid = vendors.order(order_id).paid
    assert paid is not None
    assert (paid.session_id, paid.amount_cents, paid.currency) == (session_id, 25500, "usd")
    assert vendors.happened(order_id)[-2:] == ["Paid", "StageReached"]
    assert work(services) == [*ENTRY, *MAILS]
    settle(services)
    assert vendors.subjects() == THREE_MAILS
    tid = vendors.order(order_id).tracking_id
    record = vendors.record()
    assert (record["Tracking_ID"], record["Payment_Status"], record["Total_Price"]) == (tid, "Paid", 255.0)
    page = vendors.page(order_id)
    assert (page["current_stage"], page["stage_label"]) == ("document_received", "Order Received")


def test_scenario_20_every_mail_to_the_customer_is_in_the_welcomes_thread(vendors: Vendors) -> None:
    order_id = vendors.begin_paid()
    welcome, confirmation = [
        mail.message for mail in vendors.mailer.mails() if mail.message["To"] == "john@example.com"
    ]
    anchor = f"<tracking-{vendors.order(order_id).tracking_id}@documents.example>"
    assert (welcome["Message-ID"], confirmation["In-Reply-To"], confirmation["References"]) == (anchor,) * 3


def test_scenario_21_an_event_told_five_times_is_one_payment(vendors: Vendors, services: Services) -> None:
    order_id = vendors.place()
    session_id = vendors.pay(order_id)
    for _ in range(4):
        assert verdict(vendors.post_stripe(vendors.bodies[0])) == ("repeat", None)
    assert verdict(vendors.tell_session(session_id, id="evt_other")) == ("ignored", "already_known")
    settle(services)
    assert vendors.happened(order_id).count("Paid") == 1
    assert vendors.subjects() == THREE_MAILS
    assert [record.module for record in vendors.crm.records()] == ["Contacts", "FBI_Apostille"]


def test_scenario_21_the_same_id_with_another_body_does_nothing_and_is_shown_to_staff(vendors: Vendors) -> None:
    order_id, other = vendors.place(), vendors.place()
    vendors.pay(order_id)
    id = json.loads(vendors.bodies[0])["id"]
    session_id = vendors.open_checkout(other)
    assert verdict(vendors.tell_session(session_id, id=id))[0] == "repeat"
    assert vendors.order(other).paid is None
    vendors.services.follower.catch_up()
    [row] = list_receipts(vendors.services.home, source="stripe")
    assert row["other_bodies"] == 1


def counted(endpoint: str, reason: str) -> float:
    labels = {"endpoint": endpoint, "field": "signature", "reason": reason}
    return REGISTRY.get_sample_value("daybook_refusals_total", labels) or 0.0


def test_scenario_22_a_wrong_or_old_signature_leaves_nothing_but_a_count(vendors: Vendors) -> None:
    session_id = vendors.open_checkout(vendors.place())
    sandbox(vendors.services).deliver = lambda body, signature: vendors.bodies.append(body)
    vendors.payments.pay(session_id)
    [body] = vendors.bodies
    before = counted("/webhook/stripe/", "bad_signature")
    refused = [
        vendors.post_stripe(body, secret="whsec_wrong"),
        vendors.post_stripe(body, age=600),
        vendors.post_stripe(body, age=-600),
        vendors.app.test_client().post("/webhook/stripe/", data=body),
    ]
    assert {(answer.status_code, answer.json["error"]) for answer in refused} == {(400, "bad_signature")}
    assert vendors.receipts() == 0
    assert counted("/webhook/stripe/", "bad_signature") == before + 4
    assert verdict(vendors.post_stripe(body, age=290)) == ("acted_on", None)


MISMATCHES = [
    ({"amount_total": 20000}, (25500, 20000, "usd")),
    ({"currency": "eur"}, (25500, 25500, "eur")),
    ({"amount_total": None}, (25500, 0, "usd")),
]


@pytest.mark.parametrize(("changes", "found"), MISMATCHES)
def test_scenario_23_money_that_does_not_fit_is_no_payment(
    vendors: Vendors, services: Services, changes: Mapping[str, object], found: tuple[int, int, str]
) -> None:
    order_id = vendors.place()
    answer = vendors.tell_session(vendors.open_checkout(order_id), id="evt_1", but=changes)
    assert (answer.status_code, verdict(answer)) == (200, ("acted_on", None))
    event, order = vendors.last(order_id), vendors.order(order_id)
    assert isinstance(event, Order.PaymentMismatched)
    assert (event.expected_cents, event.got_cents, event.currency) == found
    assert (order.paid, order.stage) == (None, None)
    settle(services)
    assert (vendors.subjects(), vendors.crm.records()) == ([ALERT], [])
    assert vendors.page(order_id)["message"] == "Your payment is being checked."
    again = vendors.ask_checkout(order_id)
    assert (again.status_code, again.json["error"]) == (409, "payment_under_review")
    [row] = list_orders(services.home)
    assert (row["payment"], row["mismatch"]["got"]) == ("mismatched", found[1])


def test_scenario_24_an_accepted_mismatch_causes_what_a_payment_does_exactly_once(
    vendors: Vendors, services: Services
) -> None:
    order_id = vendors.place()
    session_id = vendors.open_checkout(order_id)
    vendors.tell_session(session_id, id="evt_1", but={"amount_total": 25000})
    settle(services)
    accept(vendors, order_id, session_id)
    with pytest.raises(NothingToAccept):
        accept(vendors, order_id, session_id)
    assert verdict(vendors.tell_session(session_id, id="evt_2", but={"amount_total": 25000})) == (
        "ignored",
        "already_known",
    )
    settle(services)
    assert vendors.happened(order_id)[-2:] == ["StageReached", "EnteredInCrm"]
    assert work(services) == [("mail", "payment_alert"), *ENTRY, *MAILS]
    assert vendors.subjects() == [ALERT, *THREE_MAILS]
    assert vendors.record()["Payment_Status"] == "Paid"
    assert vendors.page(order_id)["current_stage"] == "document_received"


def test_scenario_25_a_bank_payment_is_pending_until_the_bank_has_paid(vendors: Vendors, services: Services) -> None:
    order_id = vendors.place()
    session_id = vendors.open_checkout(order_id)
    vendors.payments.pay_by_bank(session_id)
    settle(services)
    assert vendors.happened(order_id)[-1] == "PaymentPending"
    assert (vendors.subjects(), work(services)) == ([], [])
    assert vendors.page(order_id)["message"] == "Your payment is being processed."
    assert vendors.ask_checkout(order_id).json["error"] == "payment_processing"
    vendors.payments.bank_succeeds(session_id)
    settle(services)
    assert vendors.happened(order_id)[-4:] == ["PaymentPending", "Paid", "StageReached", "EnteredInCrm"]
    assert vendors.subjects() == THREE_MAILS


def test_scenario_25_after_a_bank_has_refused_the_order_is_paid_in_a_second_checkout(
    vendors: Vendors, services: Services
) -> None:
    order_id = vendors.place()
    first = vendors.open_checkout(order_id)
    vendors.payments.pay_by_bank(first)
    vendors.payments.bank_fails(first)
    settle(services)
    assert vendors.happened(order_id)[-2:] == ["PaymentPending", "PaymentFailed"]
    assert (vendors.subjects(), vendors.order(order_id).paid) == ([], None)
    second = vendors.open_checkout(order_id)
    assert second != first
    vendors.payments.pay(second)
    checkout = vendors.order(order_id).checkout
    assert checkout is not None
    assert checkout.attempt == 2
    settle(services)
    assert vendors.subjects() == THREE_MAILS


def test_scenario_26_what_comes_before_or_after_the_payment_ends_in_the_same_state(
    vendors: Vendors, services: Services
) -> None:
    order_id = vendors.place()
    session_id = vendors.open_checkout(order_id)
    early = vendors.tell_refund(session_id, id="evt_refund", cents=5000)
    assert verdict(early) == ("waiting", None)
    assert verdict(vendors.post_stripe(b"{}", secret="whsec_sandbox"))[0] == "refused"
    assert verdict(vendors.tell_session(session_id, id="evt_paid")) == ("acted_on", None)
    assert vendors.happened(order_id)[-3:] == ["Paid", "StageReached", "Refunded"]
    expired = vendors.tell_session(session_id, id="evt_expired", type="checkout.session.expired")
    assert verdict(expired) == ("ignored", "already_paid")
    settle(services)
    assert vendors.record()["Payment_Status"] == "Partially Refunded"


def test_scenario_26_a_waiting_refund_is_looked_at_again_by_itself_and_refused_after_a_day(
    vendors: Vendors, services: Services, clock: Clock
) -> None:
    paid, never = vendors.place(), vendors.place()
    for number, order_id in enumerate((paid, never)):
        vendors.tell_refund(vendors.open_checkout(order_id), id=f"evt_{number}", cents=5000)
    known = vendors.order(paid).opened
    assert known is not None
    answer = vendors.tell_session(known.session_id, id="evt_wrong", but={"amount_total": 25000})
    assert verdict(answer) == ("acted_on", None)
    accept(vendors, paid, known.session_id)
    clock.move(61)
    settle(services)
    assert vendors.order(paid).refunded_cents == 5000
    clock.move(24 * 3600)
    settle(services)
    assert vendors.order(never).refunded_cents == 0
    causes = [row["reason"] for row in list_receipts(services.home, verdict="refused")]
    assert causes == ["payment_never_seen"]


def test_scenario_26_money_counts_even_when_its_checkout_had_expired(vendors: Vendors) -> None:
    order_id = vendors.place()
    first = vendors.open_checkout(order_id)
    vendors.payments.expire(first)
    second = vendors.open_checkout(order_id)
    assert first != second
    assert verdict(vendors.tell_session(first, id="evt_late")) == ("acted_on", None)
    paid = vendors.order(order_id).paid
    assert paid is not None
    assert paid.session_id == first


def test_scenario_26_a_second_payment_is_an_alert_and_nothing_more(vendors: Vendors, services: Services) -> None:
    order_id = vendors.place()
    first = vendors.open_checkout(order_id)
    vendors.payments.expire(first)
    second = vendors.pay(order_id)
    settle(services)
    assert verdict(vendors.tell_session(first, id="evt_late")) == ("acted_on", None)
    assert verdict(vendors.tell_session(first, id="evt_later")) == ("ignored", "already_known")
    settle(services)
    assert vendors.happened(order_id)[-1] == "PaidAgain"
    assert vendors.subjects() == [*THREE_MAILS, ALERT]
    paid = vendors.order(order_id).paid
    assert paid is not None
    assert paid.session_id == second


def test_scenario_28_a_payment_of_a_checkout_we_lost_sight_of_is_accepted(vendors: Vendors, services: Services) -> None:
    services.payments = watching = Watching(services.payments, services)
    order_id = vendors.place()
    watching.lost = 1
    assert vendors.ask_checkout(order_id).status_code == 503
    [checkout] = vendors.payments.checkouts()
    vendors.payments.pay(checkout.id)
    assert verdict(vendors.answers[0]) == ("acted_on", None)
    assert vendors.happened(order_id)[-3:] == ["CheckoutOpened", "Paid", "StageReached"]


def test_scenario_28_a_payment_that_names_no_order_of_ours_is_refused_and_listed(
    vendors: Vendors, services: Services
) -> None:
    strange = (RECORDED / "test_event_without_metadata.json").read_bytes()
    assert verdict(vendors.post_stripe(strange)) == ("refused", "no_order_named")
    unknown = {"id": "cs_1", "payment_status": "paid", "metadata": {"order_id": str(uuid4())}}
    assert verdict(vendors.tell(unknown, id="evt_2", type=COMPLETED)) == ("refused", "unknown_order")
    order_id = vendors.place()
    session_id = vendors.open_checkout(order_id)
    metadata = dict(vendors.payments.checkout(session_id).wanted.metadata)
    for number, wrong in enumerate(({"order_type": "marriage"}, {"tracking_id": "0" * 20})):
        answer = vendors.tell_session(session_id, id=f"evt_{number + 3}", but={"metadata": metadata | wrong})
        assert verdict(answer) == ("refused", "metadata_differs")
    live = vendors.tell({"id": session_id, "metadata": metadata}, id="evt_5", type=COMPLETED, livemode=True)
    assert verdict(live) == ("refused", "wrong_mode")
    settle(services)
    assert (vendors.order(order_id).paid, vendors.subjects()) == (None, [])
    assert [row["reason"] for row in reversed(list_receipts(services.home, verdict="refused"))].count(
        "no_order_named"
    ) == 1


def test_scenario_60_the_page_of_an_unpaid_order_awaits_its_payment(vendors: Vendors) -> None:
    order_id = vendors.place()
    vendors.open_checkout(order_id)
    page = vendors.page(order_id)
    assert (page["current_stage"], page["stage_label"]) == ("awaiting_payment", "Awaiting Payment")
    assert {step["state"] for step in page["timeline"]} == {"upcoming"}


def test_a_type_that_says_nothing_to_us_is_stored_and_ignored(vendors: Vendors) -> None:
    body = (RECORDED / "payment_intent_succeeded.json").read_bytes()
    assert verdict(vendors.post_stripe(body)) == ("ignored", "not_needed")
    assert vendors.receipts() == 1
