"""A full disk and a pool that is used up: callers are told to come back, and nothing is half stored."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from flask.testing import FlaskClient

from adapters.wiring import Services
from tests.web.site import (
    PDF,
    get,
    history,
    names,
    nothing_stored,
    open_services,
    post,
    post_files,
    stored_files,
)
from tests.world import Clock
from web.app import create_app

KEY = {"Idempotency-Key": "K"}
# A real answer of the server with the code it has for a full disk; filling one is not for a test.
DISK_FULL = """CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER no_space AFTER INSERT ON daybook_log.{table} EXECUTE FUNCTION no_space()"""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@contextmanager
def no_file_grows_beyond(size: int) -> Iterator[None]:
    """As if the disk were full: the system refuses this process every byte behind `size` in any file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def assert_told_to_come_back(client: FlaskClient) -> None:
    for answer in (post_files(client, "embassy", ("scan.pdf", PDF), headers=KEY), post(client, "quote")):
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.json["error"] == "unavailable"


def assert_all_is_well(client: FlaskClient, services: Services) -> None:
    repeated = post_files(client, "embassy", ("scan.pdf", PDF), headers=KEY)
    assert (repeated.status_code, "Idempotent-Replayed" in repeated.headers) == (201, False)
    assert len(stored_files(services)) == 1
    assert names(services).count("documents.order.Placed") == 1


def test_with_a_full_disk_under_sqlite_nothing_is_half_stored(tmp_path: Path, clock: Clock) -> None:
    with open_services(f"sqlite:///{tmp_path}/daybook.sqlite", tmp_path, clock) as services:
        client = create_app(services).test_client()
        journal = tmp_path / "daybook.sqlite-wal"
        with no_file_grows_beyond(journal.stat().st_size + 4096):
            assert_told_to_come_back(client)
            assert get(client, "/prices/").status_code == 200
        assert nothing_stored(services)
        assert_all_is_well(client, services)


def test_with_no_room_for_the_file_itself_no_order_is_taken(tmp_path: Path, clock: Clock) -> None:
    with open_services(f"sqlite:///{tmp_path}/daybook.sqlite", tmp_path, clock) as services:
        client = create_app(services).test_client()
        with no_file_grows_beyond(len(PDF) - 1):
            answer = post_files(client, "embassy", ("scan.pdf", PDF), headers=KEY)
        assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "5")
        assert nothing_stored(services)
        assert_all_is_well(client, services)


@pytest.mark.parametrize("table", ["events", "open_effects"])
def test_with_a_full_disk_under_postgres_nothing_is_half_stored(
    postgres_database: str, tmp_path: Path, clock: Clock, table: str
) -> None:
    with (
        open_services(postgres_database, tmp_path, clock) as services,
        psycopg.connect(postgres_database, autocommit=True) as server,
    ):
        client = create_app(services).test_client()
        server.execute(DISK_FULL.format(table=table))
        assert_told_to_come_back(client)
        assert nothing_stored(services)
        server.execute("DROP FUNCTION no_space CASCADE")
        assert_all_is_well(client, services)


def test_a_log_whose_connections_are_all_in_use_asks_callers_to_come_back(
    postgres_database: str, tmp_path: Path, clock: Clock
) -> None:
    few = {"DB_POOL": "1", "DB_CONNECT_SECONDS": "1"}
    with open_services(postgres_database, tmp_path, clock, **few) as services:
        client = create_app(services).test_client()
        reading = services.log.scan(upto=1)
        next(reading)
        assert_told_to_come_back(client)
        reading.close()  # type: ignore[attr-defined]
        assert nothing_stored(services)
        assert_all_is_well(client, services)


def test_views_whose_connections_are_all_in_use_ask_callers_to_come_back(
    postgres_database: str, tmp_path: Path, clock: Clock
) -> None:
    few = {"DB_VIEWS_POOL": "1", "DB_CONNECT_SECONDS": "1"}
    with open_services(postgres_database, tmp_path, clock, **few) as services:
        client = create_app(services).test_client()
        tracking = post(client, "embassy").json["tracking_id"]
        services.follower.catch_up()
        with services.home.engine.connect():
            answer = get(client, f"/tracking/{tracking}/")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert get(client, f"/tracking/{tracking}/").status_code == 200
        assert len(history(services)) > 0
