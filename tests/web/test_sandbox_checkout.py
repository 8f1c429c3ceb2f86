"""The sandbox checkout's pages: only what can be done is offered, and every button does what it says."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from flask.testing import FlaskClient

from adapters.sandbox.payments import SandboxPayments
from adapters.wiring import Services
from domain.shared.errors import Unreachable
from domain.shared.payments import Checkout, StripeEvent, read_stripe_event
from tests.web.site import HTML, Page, get
from tests.wishes import NOW
from tests.world import Clock, sandbox
from web import sandbox_checkout
from web.app import create_app

WANTED = Checkout(
    amount_cents=25_500,
    currency="usd",
    label="FBI Apostille",
    customer_email="ann@example.com",
    reference="7d0c",
    metadata={"order_id": "7d0c", "line": "documents"},
    success_url="http://localhost:8000/tracking/T1/",
    cancel_url="http://localhost:8000/order/7d0c/",
    expires_at=NOW + timedelta(hours=24),
)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """The sandbox vendors' pages do not depend on the database."""
    return f"sqlite:///{tmp_path}/daybook.sqlite"


@pytest.fixture
def told() -> list[StripeEvent]:
    """What the webhook was told."""
    return []


@pytest.fixture
def broken() -> list[Exception]:
    """What the webhook does instead, one for each post."""
    return []


@pytest.fixture
def payments(services: Services, clock: Clock, told: list[StripeEvent], broken: list[Exception]) -> SandboxPayments:
    def deliver(body: bytes, signature: str) -> None:
        if broken:
            raise broken.pop()
        told.append(read_stripe_event(body))

    return SandboxPayments(
        sandbox(services).store, webhook_secret="whsec_1", deliver=deliver, now=clock.now, base_url=""
    )


@pytest.fixture
def client(services: Services, payments: SandboxPayments) -> FlaskClient:
    app = create_app(services)
    if sandbox_checkout.bp.name not in app.blueprints:
        app.register_blueprint(sandbox_checkout.bp)
    app.extensions["daybook"] = SimpleNamespace(sandbox=SimpleNamespace(payments=payments))
    return app.test_client()


@pytest.fixture
def path(payments: SandboxPayments) -> str:
    return payments.open_checkout(WANTED, key="k").url


def buttons(client: FlaskClient, path: str) -> list[str]:
    return [button.attrs["value"] for button in Page(get(client, path)).all("button")]


def press(client: FlaskClient, path: str, action: str, **fields: str) -> int:
    return client.post(path, data={"action": action, **fields}, headers=HTML).status_code


def test_the_page_says_what_is_paid_and_how_much(client: FlaskClient, path: str) -> None:
    page = Page(get(client, path))
    assert page.one("h1").text == "FBI Apostille"
    assert page.one("tfoot").text == "Total255.00 USD"
    assert not page.all("script")
    assert len(page.ids) == len(set(page.ids))


def test_an_open_checkout_can_be_paid_or_left(client: FlaskClient, path: str) -> None:
    assert buttons(client, path) == ["pay", "pay_by_bank", "expire"]


def test_a_paid_one_can_be_refunded_until_nothing_is_left(
    client: FlaskClient, path: str, told: list[StripeEvent]
) -> None:
    answer = client.post(path, data={"action": "pay"}, headers=HTML)
    assert (answer.status_code, answer.location) == (303, path)
    assert buttons(client, path) == ["refund_part", "refund_all"]
    assert press(client, path, "refund_part", amount="55.5") == 303
    assert "Refunded in part" in Page(get(client, path)).text
    assert press(client, path, "refund_all") == 303
    assert buttons(client, path) == []
    assert [event.object.get("amount_refunded") for event in told] == [None, 5_550, 25_500]


@pytest.mark.parametrize(("action", "state"), [("bank_succeeds", "Paid"), ("bank_fails", "Refused by the bank")])
def test_a_bank_payment_waits_for_the_bank(client: FlaskClient, path: str, action: str, state: str) -> None:
    assert press(client, path, "pay_by_bank") == 303
    assert buttons(client, path) == ["bank_succeeds", "bank_fails"]
    assert press(client, path, action) == 303
    assert state in Page(get(client, path)).text


def test_an_expired_one_offers_nothing(client: FlaskClient, path: str) -> None:
    assert press(client, path, "expire") == 303
    assert buttons(client, path) == []


def test_when_its_time_has_run_out_it_can_only_expire(client: FlaskClient, path: str, clock: Clock) -> None:
    clock.move(24 * 3600)
    assert buttons(client, path) == ["expire"]


def test_what_the_webhook_did_not_take_is_shown_and_delivered_again(
    client: FlaskClient, path: str, told: list[StripeEvent], broken: list[Exception]
) -> None:
    broken.append(Unreachable("no answer"))
    assert press(client, path, "pay") == 303
    assert "Our webhook has not taken: checkout.session.completed." in Page(get(client, path)).text
    assert press(client, path, "deliver_again") == 303
    assert [event.type for event in told] == ["checkout.session.completed"]
    assert buttons(client, path) == ["refund_part", "refund_all"]


@pytest.mark.parametrize("amount", ["", "-5", "five", "1.234"])
def test_an_unreadable_amount_is_refused(client: FlaskClient, path: str, amount: str) -> None:
    press(client, path, "pay")
    assert press(client, path, "refund_part", amount=amount) == 422


@pytest.mark.parametrize(("action", "status"), [("", 422), ("close", 422), ("bank_fails", 409), ("refund_all", 409)])
def test_what_is_not_offered_is_refused(client: FlaskClient, path: str, action: str, status: int) -> None:
    assert press(client, path, action) == status


def test_an_unknown_checkout_is_not_found(client: FlaskClient) -> None:
    assert get(client, "/sandbox/checkout/cs_test_unknown/").status_code == 404
    assert press(client, "/sandbox/checkout/cs_test_unknown/", "pay") == 404


def test_the_list_shows_every_checkout(client: FlaskClient, path: str, payments: SandboxPayments) -> None:
    payments.open_checkout(msgspec.structs.replace(WANTED, label="Triple <Seal>"), key="other")
    page = Page(get(client, "/sandbox/checkout/"))
    links = {link.text: link.attrs["href"] for link in page.all("a")}
    assert links["FBI Apostille"] == path
    assert "Triple <Seal>" in links


def test_an_empty_list_says_what_to_do(client: FlaskClient) -> None:
    assert "No checkouts yet" in Page(get(client, "/sandbox/checkout/")).text
