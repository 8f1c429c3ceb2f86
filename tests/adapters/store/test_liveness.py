"""A pooled connection whose server has gone is replaced before anybody notices."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from adapters.store import liveness


@pytest.fixture
def pool(postgres_database: str) -> Iterator[ConnectionPool]:
    with ConnectionPool(
        postgres_database, min_size=1, max_size=1, kwargs={"autocommit": True}, check=liveness.check
    ) as pool:
        yield pool


def server_process(pool: ConnectionPool) -> int:
    with pool.connection() as connection:
        return connection.info.backend_pid


def end(database: str, process: int) -> None:
    """End a session at the server, and return once it is gone."""
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 10000)", (process,))


def test_a_connection_is_used_again(pool: ConnectionPool) -> None:
    assert server_process(pool) == server_process(pool)


def test_a_connection_that_the_server_has_ended_is_not_handed_out(pool: ConnectionPool, postgres_database: str) -> None:
    ended = server_process(pool)
    end(postgres_database, ended)
    assert server_process(pool) != ended


def test_a_connection_with_word_from_a_living_server_stays(pool: ConnectionPool, postgres_database: str) -> None:
    with pool.connection() as connection:
        connection.execute("LISTEN here")
        process = connection.info.backend_pid
    with psycopg.connect(postgres_database, autocommit=True) as other:
        other.execute("NOTIFY here")
    assert server_process(pool) == process
