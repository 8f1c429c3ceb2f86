"""Whoever listens hears of appends: of this process on SQLite, of all on PostgreSQL."""

import threading

import psycopg

from adapters.store.log import SqlLog
from tests.sample_trees import plant
from tests.store_samples import open_log

PATIENCE = 30
END_LISTENERS = """SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'LISTEN%'"""


def heard(bell: threading.Event) -> bool:
    """Whether the bell rings in time; it is quiet again afterwards."""
    rang = bell.wait(PATIENCE)
    bell.clear()
    return rang


def test_an_append_is_heard_until_nobody_listens_any_more(log: SqlLog) -> None:
    bell = threading.Event()
    stop = log.listen(bell.set)
    plant(log, 1)
    assert heard(bell)
    stop()
    for thread in threading.enumerate():
        if thread.name == "log-listener":
            thread.join(PATIENCE)
    bell.clear()
    plant(log, 2)
    assert not bell.is_set()


def test_every_listener_hears(log: SqlLog) -> None:
    bells = [threading.Event() for _ in range(3)]
    stops = [log.listen(bell.set) for bell in bells]
    plant(log, 1)
    assert all(heard(bell) for bell in bells)
    for stop in stops:
        stop()


def test_postgres_carries_the_news_to_other_processes(postgres_database: str) -> None:
    with open_log(postgres_database) as here, open_log(postgres_database) as there:
        bell = threading.Event()
        stop = here.listen(bell.set)
        assert heard(bell)  # listening has begun
        for number in (1, 2, 3):
            plant(there, number)
            assert heard(bell)
        stop()


def test_a_listener_whose_connection_is_cut_listens_again(postgres_database: str) -> None:
    with open_log(postgres_database) as log, psycopg.connect(postgres_database, autocommit=True) as admin:
        bell = threading.Event()
        stop = log.listen(bell.set)
        assert heard(bell)
        assert admin.execute(END_LISTENERS).fetchall() == [(True,)]
        assert heard(bell)  # it has come back, and has looked for what it may have missed
        plant(log, 1)
        assert heard(bell)
        stop()
