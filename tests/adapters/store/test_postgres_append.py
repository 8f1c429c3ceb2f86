"""What only PostgreSQL's way of appending can get wrong: what a session forgets, and who waits for whom."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor, wait

import psycopg
import pytest

from adapters.store.options import DatabaseOptions
from adapters.store.postgres import PostgresLog
from domain.ledger import Conflict
from tests.sample_trees import plant
from tests.store_samples import EVERYTHING, MASTER_KEY, open_log, sql

WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7301001 AND NOT granted"


def test_a_session_that_has_forgotten_the_statement_is_told_it_again(postgres_database: str) -> None:
    log = PostgresLog(postgres_database, EVERYTHING, MASTER_KEY, options=DatabaseOptions(pool=1))
    log.install()
    plant(log, 1)
    rows = log.scan(upto=1)
    next(rows)
    assert isinstance(rows, Generator)
    rows.close()  # rolls back, after which psycopg forgets whatever was prepared
    assert log.last_position() == 1
    assert plant(log, 2) == 2
    log.close()


def test_a_refused_append_leaves_its_connection_usable(postgres_database: str) -> None:
    with open_log(postgres_database) as log:
        plant(log, 1)
        with pytest.raises(Conflict, match="events_stream_version"):
            plant(log, 1)
        assert plant(log, 2) == 2
        assert log.connections()["in_use"] == 0


def test_whoever_waits_for_the_lock_for_long_queues_and_is_served(postgres_database: str) -> None:
    with open_log(postgres_database) as log, psycopg.connect(postgres_database) as rival, ThreadPoolExecutor(3) as pool:
        rival.execute("SELECT pg_advisory_xact_lock(7301001)")
        appending = [pool.submit(plant, log, number) for number in (1, 2, 3)]
        while sql(postgres_database, WAITING) != [(3,)]:
            assert not wait(appending, timeout=0).done
        rival.commit()
        assert sorted(future.result(20) for future in appending) == [1, 2, 3]
