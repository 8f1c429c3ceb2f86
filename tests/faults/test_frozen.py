"""Processes that stop in the middle of their work and wake up later, and an event that nobody can read."""

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests

from adapters.wiring import Services
from tests.running import Company, Started, company, same_after_rebuild, settled, until
from tests.vendors.resend_server import API_KEY, Fault, ResendServer, resend_server

pytestmark = pytest.mark.slow

POISON = """
    INSERT INTO daybook_log.events
    SELECT last.position + 1, stream, newest.version + 1, name,
        (data::jsonb || jsonb_build_object('version', newest.version + 1, 'stage', 7))::json
    FROM daybook_log.events,
        (SELECT max(position) AS position FROM daybook_log.events) AS last,
        (SELECT max(version) AS version FROM daybook_log.events WHERE stream = %(order)s) AS newest
    WHERE stream = %(order)s AND name = 'documents.order.StageReached' RETURNING position"""
MEND = """
    UPDATE daybook_log.events SET data = (data::jsonb || '{"stage": "quote_review"}')::json WHERE position = %s"""


@pytest.fixture
def resend() -> Iterator[ResendServer]:
    """The mail provider."""
    with resend_server() as resend:
        yield resend


@pytest.fixture
def firm(tmp_path: Path, postgres_database: str, resend: ResendServer) -> Iterator[Company]:
    """A ledger whose processes send mail to the provider, and lose what they have in hand after two seconds."""
    with company(
        tmp_path,
        postgres_database,
        DAYBOOK_RESEND_API_KEY=API_KEY,
        DAYBOOK_RESEND_API_BASE=resend.url,
        DAYBOOK_EFFECT_LEASE_SECONDS="2",
    ) as firm:
        yield firm


def outcomes(services: Services) -> Counter[str]:
    """How many effects were asked for, and what became of them."""
    names = (name.removeprefix("effect.") for _, name, _ in services.log.read(0, 10_000) if name.startswith("effect."))
    return Counter(name for name in names if name != "Prepared")


def test_a_worker_that_wakes_up_after_another_took_its_effect_does_nothing_twice(
    firm: Company, resend: ResendServer
) -> None:
    web, frozen = firm.web(), firm.start("work")
    firm.start("follow")
    resend.plan(Fault(accept=True, slow=True))
    web.post()
    until(lambda: resend.requests)
    frozen.tell(signal.SIGSTOP)
    firm.start("work")
    with firm.services() as services:
        until(lambda: settled(services))
        frozen.tell(signal.SIGCONT)
        web.post()
        until(lambda: settled(services))
        assert frozen.end() == 0
        happened = outcomes(services)
        assert happened == {"Requested": happened["Done"], "Done": happened["Requested"]}
    assert Counter(mail.key for mail in resend.sent).most_common(1)[0][1] == 1
    assert len(resend.sent) == 4
    assert len(resend.requests) > 4  # the one in hand was asked for twice


def test_an_event_that_cannot_be_read_holds_up_its_own_order_only_and_until_it_is_mended(
    firm: Company, postgres_database: str
) -> None:
    web, _, _ = firm.web(), firm.start("follow"), firm.start("work")
    spoilt = web.post()
    with firm.services() as services, psycopg.connect(postgres_database, autocommit=True) as server:
        until(lambda: settled(services))
        [position] = server.execute(POISON, {"order": spoilt["order_id"]}).fetchone() or [0]
        other = web.post()
        until(lambda: web.page(other) == 200)
        until(lambda: settled(services))
        assert web.page(spoilt) == 200
        assert stage(web, spoilt) == "document_received"
        parked = services.home.parked()
        assert {row["position"] for row in parked} == {position}
        assert web.ready()["follower"]["parked"] == len(parked)
        server.execute(MEND, [position])
        for row in parked:
            services.follower.retry_parked(next(view for view in services.views if view.name == row["view"]))
        assert services.home.parked() == []
        assert stage(web, spoilt) == "quote_review"
        assert same_after_rebuild(services)


def stage(web: Started, placed: dict[str, str]) -> str:
    """Where an order's page says that it is."""
    address = f"{web.address}/tracking/{placed['tracking_id']}/"
    page = requests.get(address, headers={"Accept": "application/json"}, timeout=60).json()
    return str(page["current_stage"])
