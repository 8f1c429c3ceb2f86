"""The follower at work in its thread: woken by appends, and back on its feet after whatever befalls it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context

import psycopg
import pytest
from sqlalchemy import delete, update

from adapters.store.log import SqlLog
from projections.follow import Follower
from projections.home import POSITIONS, Home
from projections.rebuild import Rebuild
from projections.view import View
from tests.running import until
from tests.sample_trees import NOW, grow, plant
from tests.store_samples import open_home, open_log, plant_elsewhere
from tests.view_samples import Growths, Heights, Sizes, all_rows, drop_tables, following, heights, position

PATIENCE = 30
END_LISTENERS = """SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'LISTEN%'"""


@contextmanager
def running(follower: Follower) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=follower.run, args=(stop.is_set,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        follower.wake()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def append_and_wait(log: SqlLog, follower: Follower, *, rounds: int) -> None:
    """Append again and again, each time after the follower has come to rest."""
    for number in range(1, rounds + 1):
        assert follower.wait(Heights(), plant(log, number), timeout=PATIENCE)


def test_every_append_wakes_the_follower(log: SqlLog, home: Home) -> None:
    """Were each round left to the poll of one second, they would take three times as long as they may."""
    follower = following(log, home, Heights())
    with running(follower):
        appends = threading.Thread(target=append_and_wait, args=(log, follower), kwargs={"rounds": 24})
        appends.start()
        appends.join(8)
        assert not appends.is_alive()


def test_postgres_wakes_the_followers_of_other_processes(postgres_database: str) -> None:
    with (
        open_log(postgres_database) as log,
        open_log(postgres_database) as elsewhere,
        open_home(postgres_database, Home) as home,
    ):
        follower = following(log, home, Heights())
        with running(follower):
            appends = threading.Thread(target=append_and_wait, args=(elsewhere, follower), kwargs={"rounds": 24})
            appends.start()
            appends.join(8)
            assert not appends.is_alive()


def test_an_append_of_another_process_is_found(log: SqlLog, home: Home, database_url: str) -> None:
    follower = following(log, home, Heights())
    with running(follower):
        process = get_context("forkserver").Process(target=plant_elsewhere, args=(database_url, 1))
        process.start()
        assert follower.wait(Heights(), 1, timeout=PATIENCE)
        process.join(PATIENCE)
    assert heights(home) == {1: 0}


@pytest.mark.parametrize("dropped", [("heights",), ("positions",), ("parked",), ()])
def test_tables_that_were_dropped_are_made_and_filled_anew(log: SqlLog, home: Home, dropped: tuple[str, ...]) -> None:
    follower = following(log, home, Heights(6), Growths())
    plant(log, 1, 5)
    follower.catch_up()
    with running(follower):
        drop_tables(home, *dropped)
        grow(log, 1, 6)
        last = plant(log, 2)
        assert follower.wait(Heights(), last, timeout=PATIENCE)
        assert follower.wait(Growths(), last, timeout=PATIENCE)
    assert heights(home) == {1: 5, 2: 0}
    assert [row["position"] for row in home.rows(Growths.live.select().order_by("position"))] == [2, 3]


def test_a_lost_position_is_made_anew_with_its_rows(log: SqlLog, home: Home) -> None:
    follower = following(log, home, Heights())
    plant(log, 1, 5)
    follower.catch_up()
    with running(follower):
        with home.engine.begin() as connection:
            connection.execute(delete(POSITIONS))
        assert follower.wait(Heights(), grow(log, 1, 6), timeout=PATIENCE)
    assert heights(home) == {1: 11}


def test_a_follower_starts_before_its_tables_are_there(log: SqlLog, home: Home) -> None:
    view = Heights()
    follower = Follower(log, home, [view], now=lambda: pytest.fail("nothing is parked"))
    with running(follower):
        assert follower.wait(view, plant(log, 1, 5), timeout=PATIENCE)
    assert heights(home) == {1: 5}


def test_a_follower_outlives_the_connections_it_listens_and_writes_on(postgres_database: str) -> None:
    with open_log(postgres_database) as log, open_home(postgres_database, Home) as home:
        follower = following(log, home, Heights())
        with running(follower), psycopg.connect(postgres_database, autocommit=True) as admin:
            assert follower.wait(Heights(), plant(log, 1), timeout=PATIENCE)
            assert admin.execute(END_LISTENERS).fetchall() == [(True,)]
            admin.execute("""SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()
                AND backend_type = 'client backend'""")
            assert follower.wait(Heights(), plant(log, 2), timeout=PATIENCE)
    assert not follower.wait(Heights(), 3, timeout=0)


def take_back(home: Home, *views: View) -> None:
    """As a crash of the views' server does: the last commits are gone, here all of them."""
    with home.engine.begin() as connection:
        connection.execute(update(POSITIONS).values(position=0))
        for view in views:
            connection.execute(delete(view.live))


def test_a_view_that_a_crash_took_back_is_brought_up_again_though_nothing_is_appended(log: SqlLog, home: Home) -> None:
    follower = following(log, home, Heights(), Growths())
    plant(log, 1)
    last = grow(log, 1, 6)
    follower.catch_up()
    with running(follower):
        take_back(home, Heights(), Growths())
        until(lambda: position(home, Heights()) == position(home, Growths()) == last, PATIENCE)
    assert heights(home) == {1: 6}


def test_views_that_a_crash_took_back_miss_nothing_when_something_is_appended(log: SqlLog, home: Home) -> None:
    views = Heights(), Growths(), Sizes()
    follower = following(log, home, *views)
    plant(log, 1, 5)
    follower.catch_up()
    take_back(home, *views)
    grow(log, 1, 6)
    follower.catch_up()
    rows = all_rows(home, views)
    for view in views:
        Rebuild(log, home, view, now=lambda: NOW).run()
    assert all_rows(home, views) == rows
