"""The real adapters over real HTTP, at servers that fail as the vendors do: nothing is lost and nothing is doubled."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from adapters.wiring import Services
from domain.documents.order import Order
from domain.ledger import acting
from domain.shared.effect import Effect, effect_id
from projections.across.effects import DEAD, list_effects
from tests.vendors.resend_server import API_KEY, Fault, ResendServer, resend_server
from tests.vendors.zoho_server import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, ZohoServer, zoho_server
from tests.web.documents.bodies import LEAST
from tests.web.site import JSON, PDF, get, open_services, post, post_files, settle
from tests.world import Clock, sandbox
from web.app import create_app

PAUSES = (3, 6, 12, 24, 48)
ATTRIBUTION = "Lead_Attribution_Record"


@pytest.fixture
def zoho() -> Iterator[ZohoServer]:
    with zoho_server() as zoho:
        yield zoho


@pytest.fixture
def resend() -> Iterator[ResendServer]:
    with resend_server() as resend:
        yield resend


@pytest.fixture
def services(
    database_url: str, tmp_path: Path, clock: Clock, zoho: ZohoServer, resend: ResendServer
) -> Iterator[Services]:
    """The product as an operator points it at these servers."""
    given = {
        "ZOHO_CLIENT_ID": CLIENT_ID,
        "ZOHO_CLIENT_SECRET": CLIENT_SECRET,
        "ZOHO_REFRESH_TOKEN": REFRESH_TOKEN,
        "ZOHO_ACCOUNTS_BASE": zoho.url,
        "ZOHO_API_BASE": zoho.url,
        "RESEND_API_KEY": API_KEY,
        "RESEND_API_BASE": resend.url,
    }
    with open_services(database_url, tmp_path, clock, **given) as services:
        yield services


class Office:
    """Places orders and looks at what has become of their effects."""

    def __init__(self, services: Services, clock: Clock) -> None:
        self.services, self.clock = services, clock
        self.client = create_app(services).test_client()

    def place(self, kind: str = "embassy") -> UUID:
        answer = post(self.client, kind, LEAST[kind] | {"attribution": {"source": "google"}})
        assert answer.status_code == 201
        return UUID(answer.json["order_id"])

    def effect(self, order_id: UUID, kind: str) -> Effect:
        return self.services.ledger.load(Effect, effect_id(order_id, kind=kind))

    def ring_again(self, effect: Effect) -> None:
        with acting(by="operator:ann", via="console", at=self.clock.now()):
            effect.ring_again()
            self.services.ledger.record(effect)

    def dead(self) -> list[tuple[str, str]]:
        """Kind and reason of everything that staff have to look at."""
        self.services.follower.catch_up()
        return [(row["kind"], row["reason"]) for row in list_effects(self.services.home, state=DEAD)]

    def page(self, order_id: UUID) -> int:
        """The status of the order's tracking page."""
        tid = self.services.ledger.load(Order, order_id).tracking_id
        status: int = get(self.client, f"/tracking/{tid}/", JSON).status_code
        return status


@pytest.fixture
def office(services: Services, clock: Clock) -> Office:
    return Office(services, clock)


def test_every_vendor_is_the_real_one_and_the_sandbox_gets_nothing(
    office: Office, services: Services, zoho: ZohoServer, resend: ResendServer
) -> None:
    office.place()
    settle(services)
    assert {module: len(zoho.records(module)) for module in zoho.modules} == {
        "Contacts": 1,
        "Embassy_Legalization": 1,
        ATTRIBUTION: 1,
    }
    assert len(resend.sent) == 2
    assert sandbox(services).crm.records() == []
    assert sandbox(services).mailer.mails() == []


def test_scenario_53_a_token_that_has_ended_is_renewed_once_within_the_attempt(
    office: Office, services: Services, zoho: ZohoServer
) -> None:
    office.place()
    settle(services)
    assert zoho.given == 1
    zoho.expire_tokens()
    order_id = office.place("i9")
    settle(services)
    assert zoho.given == 2
    entry = office.effect(order_id, "enter_order")
    assert (entry.attempts, entry.proof) == (0, zoho.records("I_9_Verification")[0]["id"])


@pytest.mark.parametrize("on", ["/Embassy_Legalization/upsert", "/Contacts/upsert", f"/{ATTRIBUTION}/upsert"])
def test_scenario_54_what_was_accepted_though_the_answer_was_lost_is_written_again_to_the_same_record(
    office: Office, services: Services, zoho: ZohoServer, clock: Clock, on: str
) -> None:
    zoho.next(on=on, accept=True)
    order_id = office.place()
    settle(services)
    clock.move(3)
    settle(services)
    assert {module: len(zoho.records(module)) for module in zoho.modules} == {
        "Contacts": 1,
        "Embassy_Legalization": 1,
        ATTRIBUTION: 1,
    }
    [order], [attribution] = zoho.records("Embassy_Legalization"), zoho.records(ATTRIBUTION)
    assert (order["Ledger_Id"], order["Attribution_Record"]) == (str(order_id), attribution["id"])
    assert attribution["Attribution_Record"] == order["id"]
    assert office.dead() == []


def test_scenario_54_a_file_that_arrived_though_the_answer_was_lost_hangs_there_once(
    office: Office, services: Services, zoho: ZohoServer, clock: Clock
) -> None:
    zoho.next(on="/Attachments", method="POST", accept=True)
    post_files(office.client, "embassy", ("scan.pdf", PDF))
    settle(services)
    clock.move(3)
    settle(services)
    [files] = zoho.files.values()
    assert [(name, content) for _, name, _, content in files] == [("scan.pdf", PDF)]
    assert office.dead() == []


@contextmanager
def down(zoho: ZohoServer) -> Iterator[None]:
    """Whatever it is asked of records, it answers that it cannot."""
    for _ in range(100):
        zoho.next(status=503)
    yield
    zoho.web.ahead.clear()


def test_scenario_55_a_crm_that_is_down_for_an_hour_is_tried_six_times_and_entered_once_when_staff_ring(
    office: Office, services: Services, zoho: ZohoServer, resend: ResendServer, clock: Clock
) -> None:
    office.place("i9")
    settle(services)
    tried = []
    with down(zoho):
        order_id = office.place()
        for pause in (0, *PAUSES, *PAUSES, 3600 - 2 * sum(PAUSES)):
            clock.move(pause)
            before = len(zoho.web.asked)
            settle(services)
            tried.append(len(zoho.web.asked) > before)
        assert len(resend.sent) == 4
        assert tried == [True] * 11 + [False]
    given_up = ("enter_contact", "enter_order", "enter_attribution")
    assert {kind for kind, _ in office.dead()} == set(given_up)
    for kind in given_up:
        office.ring_again(office.effect(order_id, kind))
    settle(services)
    assert [record["Ledger_Id"] for record in zoho.records("Embassy_Legalization")] == [str(order_id)]
    assert len(zoho.records("Contacts")) == 1
    assert (office.dead(), len(resend.sent)) == ([], 4)


def test_scenario_56_an_attribution_that_is_declined_keeps_nothing_else_from_the_crm(
    office: Office, services: Services, zoho: ZohoServer
) -> None:
    zoho.next_error(400, "INVALID_DATA", on=ATTRIBUTION, record=True, api_name="Pages_Viewed")
    answer = post_files(office.client, "embassy", ("scan.pdf", PDF), attribution='{"source": "google"}')
    settle(services)
    [order] = zoho.records("Embassy_Legalization")
    assert (order["Ledger_Id"], order["Tracking_ID"]) == (answer.json["order_id"], answer.json["tracking_id"])
    assert [name for _, name, _, _ in zoho.files[order["id"]]] == ["scan.pdf"]
    [(kind, reason)] = office.dead()
    assert kind == "enter_attribution"
    assert "INVALID_DATA" in reason
    assert "Ann" not in reason


def test_scenario_57_a_welcome_mail_is_sent_at_the_sixth_try_with_the_same_body_and_key(
    office: Office, services: Services, resend: ResendServer, clock: Clock
) -> None:
    resend.plan(None, *[Fault(500)] * 5)
    order_id = office.place()
    for pause in (0, *PAUSES):
        assert len(resend.sent) <= 1
        clock.move(pause)
        settle(services)
    _, welcome = resend.sent
    assert welcome.mail["subject"] == "Your Order Status - Embassy Legalization"
    assert welcome.key == str(effect_id(order_id, kind="welcome"))
    assert office.effect(order_id, "welcome").proof == welcome.id


def test_scenario_57_every_try_sends_the_same_bytes(
    office: Office, services: Services, resend: ResendServer, clock: Clock
) -> None:
    lost = Fault(accept=True)  # it was taken, but the answer never came
    resend.plan(None, *[lost] * 5)
    order_id = office.place()
    for pause in (0, *PAUSES):
        clock.move(pause)
        settle(services)
    tries = [(headers["idempotency-key"], body) for _, path, headers, body in resend.requests if path == "/emails"]
    assert len(tries[1:]) == 6
    assert len(set(tries[1:])) == 1
    assert len(resend.sent) == 2
    assert office.effect(order_id, "welcome").proof == resend.sent[1].id


def test_scenario_57_a_mail_that_is_refused_is_given_up_at_once_and_the_order_is_fine(
    office: Office, services: Services, resend: ResendServer
) -> None:
    resend.plan(None, Fault(422, name="validation_error"))
    order_id = office.place()
    settle(services)
    assert len(resend.sent) == 1
    assert [kind for kind, _ in office.dead()] == ["welcome"]
    assert office.effect(order_id, "welcome").attempts == 0
    assert office.page(order_id) == 200
