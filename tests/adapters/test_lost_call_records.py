"""A call's record whose making was never acknowledged is found again, so that a customer never has two."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from adapters.wiring import Services
from domain.shared.effect import Effect
from tests.vendors.loopback import Answer, Fault
from tests.vendors.zoho_server import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, ZohoServer, zoho_server
from tests.web.documents.phoning import call, finish
from tests.web.site import history, open_services, post, settle
from tests.wishes import NOW
from tests.world import Clock
from web.app import create_app

MODULE = "Apostille_Services"
UPSERT = f"/{MODULE}/upsert"


@pytest.fixture
def zoho(monkeypatch: pytest.MonkeyPatch) -> Iterator[ZohoServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")  # whatever proxy this machine has is not asked for loopback
    with zoho_server() as zoho:
        yield zoho


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def services(zoho: ZohoServer, clock: Clock, tmp_path: Path) -> Iterator[Services]:
    credentials = {
        "ZOHO_CLIENT_ID": CLIENT_ID,
        "ZOHO_CLIENT_SECRET": CLIENT_SECRET,
        "ZOHO_REFRESH_TOKEN": REFRESH_TOKEN,
        "ZOHO_ACCOUNTS_BASE": zoho.url,
    }
    with open_services(f"sqlite:///{tmp_path / 'daybook.sqlite'}", tmp_path, clock, **credentials) as services:
        yield services


@pytest.fixture
def client(services: Services) -> FlaskClient:
    return create_app(services).test_client()


def call_unacknowledged(zoho: ZohoServer, services: Services, client: FlaskClient, clock: Clock) -> None:
    """A call whose record the CRM makes without being able to say so."""
    zoho.next(method="POST", on=UPSERT, accept=True)
    call(client, "apostille")
    settle(services)
    clock.move(1)
    assert len(zoho.records(MODULE)) == 1


def the_only_record(zoho: ZohoServer, order_id: str) -> bool:
    """Whether the module holds one record, and that is the order's."""
    return [record["Ledger_Id"] for record in zoho.records(MODULE)] == [order_id]


def test_a_call_that_was_matched_meanwhile_finds_the_record_it_had_made(
    zoho: ZohoServer, services: Services, client: FlaskClient, clock: Clock
) -> None:
    call_unacknowledged(zoho, services, client, clock)
    order_id = post(client, "apostille").json["order_id"]
    finish(services, clock)
    assert the_only_record(zoho, order_id)
    assert services.log.open_work() == (0, None)


def test_an_order_finds_the_record_that_its_call_was_given_up_on(
    zoho: ZohoServer, services: Services, client: FlaskClient, clock: Clock
) -> None:
    call_unacknowledged(zoho, services, client, clock)
    zoho.web.weather = lambda asked: Fault(answer=Answer(503))
    for _ in range(5):
        clock.move(60)
        settle(services)
    assert any(isinstance(event, Effect.GivenUp) for event in history(services))
    zoho.web.weather = lambda asked: None
    order_id = post(client, "apostille").json["order_id"]
    finish(services, clock)
    assert the_only_record(zoho, order_id)


def test_an_order_that_waits_an_hour_for_its_call_looks_for_it_some_dozen_times(
    zoho: ZohoServer, services: Services, client: FlaskClient, clock: Clock
) -> None:
    call(client, "quote")
    clock.move(1)
    post(client, "quote")
    zoho.web.weather = lambda asked: Fault("/crm/", answer=Answer(429, headers={"X-API-CREDITS-REMAINING": "0"}))
    while clock.now() < NOW + timedelta(hours=1):
        settle(services)
        clock.move(1)
    looks = [event for event in history(services) if isinstance(event, Effect.PutOff) and "waits" in event.reason]
    assert 50 < len(looks) < 150
