"""One SQLite file: one server, many writers that wait no longer than they were told, few connections."""

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from adapters.store.sqlite import AlreadyServed, SQLiteLog
from domain.ledger import Unavailable
from tests.sample_trees import plant
from tests.store_samples import EVERYTHING, MASTER_KEY


def test_a_second_server_is_refused_until_the_first_has_gone(tmp_path: Path) -> None:
    path = tmp_path / "daybook.sqlite"
    with closing(SQLiteLog(path, EVERYTHING, MASTER_KEY)) as second:
        with closing(SQLiteLog(path, EVERYTHING, MASTER_KEY)) as first:
            first.serve_alone()
            with pytest.raises(AlreadyServed):
                second.serve_alone()
        second.serve_alone()


def test_writers_at_a_locked_file_do_not_wait_for_each_other_as_well(tmp_path: Path) -> None:
    path = tmp_path / "daybook.sqlite"
    with closing(SQLiteLog(path, EVERYTHING, MASTER_KEY, lock_wait_seconds=0.3)) as log:
        log.install()
        with closing(sqlite3.connect(path, isolation_level=None)) as rival, ThreadPoolExecutor(8) as pool:
            rival.execute("BEGIN IMMEDIATE")
            started = time.monotonic()
            waiting = [pool.submit(plant, log, number) for number in range(1, 9)]
            assert all(isinstance(writer.exception(20), Unavailable) for writer in waiting)
            assert time.monotonic() - started < 8 * 0.3
            rival.execute("ROLLBACK")
        assert plant(log, 1) == 1


def test_threads_come_and_go_and_connections_stay_few(tmp_path: Path) -> None:
    with closing(SQLiteLog(tmp_path / "daybook.sqlite", EVERYTHING, MASTER_KEY)) as log:
        log.install()
        for number in range(1, 11):
            with ThreadPoolExecutor(1) as pool:
                pool.submit(plant, log, number).result(20)
        assert log._idle.qsize() <= 2
