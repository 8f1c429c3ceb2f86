"""The role that the processes work as: it does all of an order's work, and cannot change what happened."""

import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from adapters.proof.verifying import Verification
from adapters.settings import read_settings
from adapters.store.postgres import PostgresLog
from adapters.store.roles import CannotGrant, grant
from adapters.store.schema import WrongSchema
from adapters.wiring import Services
from domain.shared.effect import Effect
from tests.running import same_after_rebuild, settled
from tests.store_samples import sql
from tests.web.site import open_services
from tests.world import Clock, World

FORBIDDEN = [
    "UPDATE daybook_log.events SET data = '{}'",
    "DELETE FROM daybook_log.events",
    "INSERT INTO daybook_log.events VALUES (1000, gen_random_uuid(), 1, 'x', '{}')",
    "TRUNCATE daybook_log.events",
    "ALTER TABLE daybook_log.events DISABLE TRIGGER ALL",
    "DROP TABLE daybook_log.events",
    "DELETE FROM daybook_log.claims",
    "INSERT INTO daybook_log.keys VALUES (gen_random_uuid(), NULL)",
    "UPDATE daybook_log.keys SET wrapped = NULL",
    "INSERT INTO daybook_log.open_effects SELECT * FROM daybook_log.open_effects",
    "DELETE FROM daybook_log.open_effects",
    "UPDATE daybook_log.open_effects SET kind = 'other'",
    "UPDATE daybook_log.chain SET hash = ''",
    "DELETE FROM daybook_log.chain",
    "UPDATE daybook_log.schema_version SET version = 1000",
    "CREATE TABLE daybook_log.more (id integer)",
    "CREATE FUNCTION daybook_log.append(batch json) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
    "ALTER FUNCTION daybook_log.append SECURITY INVOKER",
    "DROP FUNCTION daybook_log.append",
]


def url_as(database_url: str, role: str) -> str:
    """The same database for another role; our own server trusts whoever reaches its socket."""
    address = urlsplit(database_url)
    place = address.netloc.rpartition("@")[2]
    return address._replace(netloc=f"{quote(role)}@{place}").geturl()


@pytest.fixture
def role(postgres_database: str) -> Iterator[str]:
    """A role that may log in and nothing else."""
    name = f"app_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute(SQL("CREATE ROLE {} LOGIN").format(Identifier(name)))
    yield name
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute(SQL("DROP OWNED BY {} CASCADE").format(Identifier(name)))
        connection.execute(SQL("DROP ROLE {}").format(Identifier(name)))


@pytest.fixture
def services(postgres_database: str, role: str, tmp_path: Path) -> Iterator[Services]:
    """The product as that role, on a ledger that its owner has made."""
    clock = Clock()
    with open_services(postgres_database, tmp_path, clock) as owner:
        settings = owner.settings
    grant(postgres_database, role)
    grant(postgres_database, role)  # again, as after every `daybook init`
    services = Services(
        read_settings(
            {
                "DAYBOOK_ENV": "test",
                "DAYBOOK_DATABASE_URL": url_as(postgres_database, role),
                "DAYBOOK_FILE_STORE_URL": settings.file_store_url,
                "DAYBOOK_SANDBOX_PATH": str(settings.sandbox_path),
            }
        ),
        now=clock.now,
        install=False,
    )
    yield services
    services.stop()


def work_off(services: Services) -> None:
    """Place an order, carry out what it asks for, and bring the views up."""
    world = World(services, Clock())
    before = services.log.last_position()
    order = world.place("embassy")
    services.runner.run_due()
    services.follower.catch_up()
    assert services.log.last_position() > before
    assert order.tracking_id
    assert settled(services)


def test_it_runs_a_whole_order_through(services: Services) -> None:
    work_off(services)
    done = [event for event in read_all(services) if isinstance(event, Effect.Done)]
    assert len(done) >= 4
    assert same_after_rebuild(services)


def read_all(services: Services) -> list[object]:
    return [services.log.decode(name, data) for _, name, data in services.log.read(0, 10_000)]


def test_it_makes_checkpoints(services: Services) -> None:
    work_off(services)
    assert services.keeper.extend(all=True) == 1
    with services.keeper.tables.snapshot() as snapshot:
        assert Verification(snapshot, services.keeper.seal).run().uncovered == 0


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_it_is_refused_everything_else_on_the_log(
    services: Services, postgres_database: str, role: str, statement: str
) -> None:
    work_off(services)
    with (
        psycopg.connect(url_as(postgres_database, role), autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


def test_it_makes_the_views_anew_when_somebody_has_dropped_them(services: Services) -> None:
    work_off(services)
    with services.home.engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA daybook_views CASCADE")
    services.home.install(services.views)
    services.follower.refresh()
    services.follower.catch_up()
    assert settled(services)
    assert same_after_rebuild(services)


def test_a_right_that_was_given_by_hand_is_taken_back(postgres_database: str, role: str, services: Services) -> None:
    with psycopg.connect(postgres_database, autocommit=True) as owner:
        owner.execute(SQL("GRANT ALL ON daybook_log.events TO {}").format(Identifier(role)))
    grant(postgres_database, role)
    with (
        psycopg.connect(url_as(postgres_database, role), autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("DELETE FROM daybook_log.events")


def test_a_role_that_is_not_there_is_a_sentence(postgres_database: str, tmp_path: Path) -> None:
    with (
        open_services(postgres_database, tmp_path, Clock()),
        pytest.raises(CannotGrant, match="There is no role nobody_here"),
    ):
        grant(postgres_database, "nobody_here")


def test_it_may_start_what_makes_the_schema_when_there_is_nothing_to_make(
    services: Services, postgres_database: str
) -> None:
    services.log.install()
    with psycopg.connect(postgres_database, autocommit=True) as owner:
        owner.execute("UPDATE daybook_log.schema_version SET version = 0")
    with pytest.raises(WrongSchema, match="run `daybook init`"):
        services.log.install()


def test_it_may_still_append_after_the_ledger_was_brought_up(
    services: Services, postgres_database: str, role: str
) -> None:
    with psycopg.connect(postgres_database, autocommit=True) as owner:
        owner.execute("DROP FUNCTION daybook_log.append")
        owner.execute("UPDATE daybook_log.schema_version SET version = 1")
        owner.execute(
            "CREATE FUNCTION daybook_log.append(batch json) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'"
        )
        owner.execute("REVOKE EXECUTE ON FUNCTION daybook_log.append FROM PUBLIC")
        owner.execute(SQL("GRANT EXECUTE ON FUNCTION daybook_log.append TO {}").format(Identifier(role)))
    with closing(PostgresLog(postgres_database, (), services.settings.master_key)) as log:
        log.install()
    work_off(services)
    assert sql(postgres_database, "SELECT pronargs FROM pg_proc WHERE proname = 'append'") == [(8,)]


def test_whoever_may_not_grant_is_told_so(postgres_database: str, role: str, services: Services) -> None:
    with pytest.raises(CannotGrant, match="must own the database"):
        grant(url_as(postgres_database, role), role)
