"""Redis or the database stopped: no order is lost, none is half kept, and the customer is told to come back."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from flask.testing import FlaskClient
from psycopg.sql import SQL, Identifier

from adapters.store.postgres import PostgresLog
from adapters.wiring import Services
from tests.servers import free_port
from tests.web.documents.hooks import Vendors, verdict
from tests.web.site import (
    HTML,
    PDF,
    Page,
    get,
    history,
    locked,
    names,
    nothing_stored,
    open_services,
    post,
    post_files,
    stored_files,
)
from tests.world import Clock, sandbox
from web.app import create_app

KEY = {"Idempotency-Key": "K"}


def test_scenario_61_without_redis_an_order_is_answered_and_the_sweep_does_its_work(
    database_url: str, tmp_path: Path, clock: Clock
) -> None:
    dead = f"redis://127.0.0.1:{free_port()}/0"
    with open_services(database_url, tmp_path, clock, REDIS_URL=dead) as services:
        client = create_app(services).test_client()
        assert [post(client, "embassy").status_code for _ in range(3)] == [201] * 3
        assert sandbox(services).mailer.mails() == []
        services.runner.run_due()
        assert len(sandbox(services).mailer.mails()) == 6


@contextmanager
def closed(services: Services, server_url: str) -> Iterator[None]:
    """The database lets nobody in and has thrown everybody out; waiting for it is cut short."""
    assert isinstance(services.log, PostgresLog)
    pool, database = services.log._pool, urlsplit(services.settings.database_url).path.removeprefix("/")
    allow = SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}")
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(allow.format(Identifier(database), SQL("false")))
        server.execute("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", (database,))
        patience, pool.timeout = pool.timeout, 0.2
        try:
            yield
        finally:
            pool.timeout = patience
            server.execute(allow.format(Identifier(database), SQL("true")))


@contextmanager
def stopped(services: Services, request: pytest.FixtureRequest) -> Iterator[None]:
    """The log's database cannot be written to."""
    if isinstance(services.log, PostgresLog):
        with closed(services, request.getfixturevalue("postgres_url")):
            yield
    else:
        with locked(services):
            yield


def test_scenario_61_without_the_database_a_form_is_asked_to_come_back_and_nothing_is_half_stored(
    client: FlaskClient, services: Services, request: pytest.FixtureRequest
) -> None:
    with stopped(services, request):
        answer = post_files(client, "embassy", ("scan.pdf", PDF), headers=KEY)
        page = post_files(client, "embassy", ("scan.pdf", PDF), headers=KEY | HTML)
    for refused in (answer, page):
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert answer.json["error"] == "unavailable"
    assert answer.json["message"] in Page(page).text
    assert stored_files(services) == []
    repeated = post_files(client, "embassy", ("scan.pdf", PDF), headers=KEY)
    assert repeated.status_code == 201
    assert "Idempotent-Replayed" not in repeated.headers
    assert names(services) == [f"documents.order.{name}" for name in ("Placed", "TrackingIdGiven", "StageReached")]
    assert {event.stream for event in history(services) if not event.cause} == {history(services)[0].stream}


def test_scenario_61_without_the_database_stripe_is_asked_to_come_back_and_its_repeat_succeeds(
    vendors: Vendors, services: Services, request: pytest.FixtureRequest
) -> None:
    order_id = vendors.place()
    session_id = vendors.open_checkout(order_id)
    before = len(history(services))
    with stopped(services, request):
        vendors.payments.pay(session_id)
    [refused] = vendors.answers
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert refused.json["error"] == "unavailable"
    assert len(history(services)) == before
    vendors.payments.deliver_again(session_id)
    assert verdict(vendors.answers[-1]) == ("acted_on", None)
    assert vendors.happened(order_id)[-2:] == ["Paid", "StageReached"]


def test_a_broken_connection_is_made_anew_before_the_customer_notices(
    postgres_database: str, tmp_path: Path, clock: Clock
) -> None:
    with open_services(postgres_database, tmp_path, clock) as services:
        client = create_app(services).test_client()
        with psycopg.connect(postgres_database, autocommit=True) as rival:
            rival.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        tid = post(client, "embassy").json["tracking_id"]
        services.follower.catch_up()
        assert get(client, f"/tracking/{tid}/").status_code == 200


def test_scenario_61_a_server_that_keeps_the_log_locked_is_as_good_as_stopped(
    postgres_database: str, tmp_path: Path, clock: Clock
) -> None:
    with open_services(postgres_database, tmp_path, clock) as services:
        client = create_app(services).test_client()
        assert isinstance(services.log, PostgresLog)
        pool = services.log._pool
        with pool.connection() as one, pool.connection() as other:  # as many as there are so far
            for connection in (one, other):
                assert connection.execute("SHOW lock_timeout").fetchone() == ("5s",)
                connection.execute("SET lock_timeout = '50ms'")
        with psycopg.connect(postgres_database) as rival:
            rival.execute("LOCK TABLE daybook_log.events")
            answer = post(client, "embassy")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert nothing_stored(services)
        assert post(client, "embassy").status_code == 201
