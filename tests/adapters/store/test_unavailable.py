"""A database that is locked or gone: the ledger says so in its own words, and nothing is half written."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from adapters.store.sqlite import SQLiteLog
from domain.ledger import Doubtful, Unavailable
from tests.sample_trees import plant
from tests.servers import free_port
from tests.store_samples import EVERYTHING, MASTER_KEY, make_log, open_log


def test_a_locked_file_is_unavailable_until_it_is_let_go(tmp_path: Path) -> None:
    path = tmp_path / "daybook.sqlite"
    with (
        closing(SQLiteLog(path, EVERYTHING, MASTER_KEY, lock_wait_seconds=0.05)) as log,
        closing(sqlite3.connect(path, isolation_level=None)) as rival,
    ):
        log.install()
        rival.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            plant(log, 1)
        assert log.last_position() == 0
        rival.execute("ROLLBACK")
        assert plant(log, 1) == 1


def test_a_path_that_is_no_file_is_unavailable(tmp_path: Path) -> None:
    with closing(make_log(f"sqlite:///{tmp_path}")) as log, pytest.raises(Unavailable):
        log.install()


def test_a_server_that_nobody_runs_is_unavailable() -> None:
    with (
        closing(make_log(f"postgresql://nobody@127.0.0.1:{free_port()}/daybook")) as log,
        pytest.raises(Unavailable, match="does not answer"),
    ):
        log.install()


def test_a_broken_connection_is_replaced(postgres_database: str) -> None:
    with open_log(postgres_database) as log:
        plant(log, 1)
        with psycopg.connect(postgres_database, autocommit=True) as rival:
            rival.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        assert plant(log, 2) == 2


@pytest.mark.postgres
def test_an_append_whose_connection_breaks_is_doubtful_and_one_that_waits_for_a_lock_is_not(
    postgres_database: str,
) -> None:
    with open_log(postgres_database) as log, psycopg.connect(postgres_database) as rival:
        rival.execute("SELECT pg_advisory_lock(7301001)")
        with ThreadPoolExecutor(1) as pool:
            appending = pool.submit(plant, log, 1)
            while not rival.execute("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchall():
                rival.commit()
            rival.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            )
            with pytest.raises(Doubtful):
                appending.result(20)
        with pytest.raises(Unavailable) as late:
            plant(log, 2)
        assert not isinstance(late.value, Doubtful)
