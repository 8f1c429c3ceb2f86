"""A process that was frozen in the middle of a statement holds the views up for no longer than a lock is waited for."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from psycopg.pq import ExecStatus
from sqlalchemy import insert, update

from adapters.store.engine import postgres_engine
from adapters.store.log import SqlLog
from adapters.store.options import DatabaseOptions
from projections.follow import Follower
from projections.frozen import end_frozen_writers
from projections.home import POSITIONS, Home
from tests.sample_trees import NOW, plant
from tests.store_samples import open_log
from tests.view_samples import Growths, Heights, Sizes, all_rows

VIEWS = (Heights(), Growths(), Sizes())


@pytest.fixture
def log(postgres_database: str) -> Iterator[SqlLog]:
    with open_log(postgres_database) as log:
        yield log


@contextmanager
def home_at(url: str, *, patience: int = 1, long: bool = False) -> Iterator[Home]:
    engine = postgres_engine(url, DatabaseOptions(lock_seconds=patience), long=long)
    try:
        yield Home(engine)
    finally:
        engine.dispose()


@contextmanager
def half_a_copy(home: Home) -> Iterator[None]:
    """The position of a view is held, and a COPY has begun of which nothing more comes."""
    with home.engine.connect() as connection:
        connection.execute(update(POSITIONS).values(position=POSITIONS.c.position))
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.pgconn.send_query(b"COPY growths FROM STDIN")
        assert driver.pgconn.get_result().status == ExecStatus.COPY_IN
        yield
        connection.invalidate()


@contextmanager
def many_sent_ahead(home: Home) -> Iterator[None]:
    """The position of a view is held, many rows were written at once, and nothing more comes."""
    with home.engine.connect() as connection:
        connection.execute(update(POSITIONS).values(position=POSITIONS.c.position))
        rows = [{"position": 0, "nth": nth, "tree": "oak", "by_cm": 1} for nth in range(50)]
        connection.execute(insert(Growths.live), rows)
        yield
        connection.invalidate()


@pytest.mark.parametrize("half_done", [half_a_copy, many_sent_ahead])
def test_another_follower_goes_on_when_one_is_frozen_in_the_middle_of_writing(
    half_done: Callable[[Home], AbstractContextManager[None]], postgres_database: str, log: SqlLog
) -> None:
    with home_at(postgres_database) as frozen, home_at(postgres_database) as home:
        home.install(VIEWS)
        plant(log, 1)
        stopping, follower = threading.Event(), Follower(log, home, VIEWS, now=lambda: NOW)
        with half_done(frozen):
            thread = threading.Thread(target=follower.run, args=(stopping.is_set,))
            thread.start()
            came = all(follower.wait(view, log.last_position(), timeout=30) for view in VIEWS)
            stopping.set()
            follower.wake()
            thread.join()
        assert came
        assert len(all_rows(home, VIEWS)["heights"]) == 1


def test_whoever_has_only_just_begun_is_left_alone(postgres_database: str) -> None:
    with home_at(postgres_database) as busy, home_at(postgres_database, patience=60) as home:
        home.install(VIEWS)
        with half_a_copy(busy):
            assert end_frozen_writers(home.engine) == 0


def test_whoever_works_on_whole_views_is_left_alone(postgres_database: str) -> None:
    with home_at(postgres_database, long=True) as busy, home_at(postgres_database, patience=0) as home:
        home.install(VIEWS)
        with half_a_copy(busy):
            assert end_frozen_writers(home.engine) == 0
