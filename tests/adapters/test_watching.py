"""A process that reads views learns from another how far they are, and looks it up where it hears nothing."""

import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest
from sqlalchemy import update

from adapters.store.log import SqlLog
from adapters.store.postgres import PostgresLog
from adapters.watching import Watcher
from projections.follow import Follower
from projections.home import POSITIONS, Home
from tests.sample_trees import plant
from tests.store_samples import open_home, open_log
from tests.view_samples import Growths, Heights, following

PATIENCE = 30
END_LISTENERS = """SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'LISTEN%'"""


@pytest.fixture
def log(postgres_database: str) -> Iterator[SqlLog]:
    with open_log(postgres_database) as log:
        yield log


@pytest.fixture
def home(postgres_database: str) -> Iterator[Home]:
    with open_home(postgres_database, Home) as home:
        yield home


@pytest.fixture
def follower(log: SqlLog, home: Home) -> Follower:
    return following(log, home, Heights(), Growths())


def deaf(heard: Callable[[str], None]) -> Callable[[], None]:
    return lambda: None


def in_a_moment(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_news_of_another_process_are_heard(log: PostgresLog, home: Home, follower: Follower) -> None:
    heard: list[str] = []
    bell = threading.Event()

    def hear(word: str) -> None:
        heard.append(word)
        bell.set()

    stop = log.listen_to_views(hear)
    assert bell.wait(PATIENCE)  # the empty word: listening has begun
    bell.clear()
    plant(log, 1)
    follower.catch_up()
    assert bell.wait(PATIENCE)
    stop()
    assert {"heights 1 1"} <= set(heard)


def test_whoever_waits_is_told(log: PostgresLog, home: Home, follower: Follower) -> None:
    watcher = Watcher(home, follower.views)
    stop = watcher.start(log.listen_to_views)
    plant(log, 1)
    moving = in_a_moment(follower.catch_up)
    assert watcher.wait(Heights(), 1, timeout=PATIENCE)
    moving.join()
    assert not watcher.wait(Heights(), 2, timeout=0)
    stop()


def test_whoever_hears_nothing_looks(log: PostgresLog, home: Home, follower: Follower) -> None:
    watcher = Watcher(home, follower.views)
    watcher.start(deaf)
    plant(log, 1)
    moving = in_a_moment(follower.catch_up)
    assert watcher.wait(Heights(), 1, timeout=PATIENCE)
    moving.join()


def test_a_lost_connection_is_made_anew(log: PostgresLog, home: Home, postgres_database: str) -> None:
    words: list[str] = []
    begun = threading.Semaphore(0)

    def hear(word: str) -> None:
        words.append(word)
        begun.release()

    stop = log.listen_to_views(hear)
    assert begun.acquire(timeout=PATIENCE)
    with psycopg.connect(postgres_database, autocommit=True) as admin:
        assert admin.execute(END_LISTENERS).fetchall() == [(True,)]
        for _ in ("lost", "made anew"):
            assert begun.acquire(timeout=PATIENCE)
        admin.execute("SELECT pg_notify('daybook_views', 'heights 1 5')")
        assert begun.acquire(timeout=PATIENCE)
    stop()
    assert words == ["", "", "", "heights 1 5"]


def test_rows_of_another_version_are_not_waited_for_in_vain(log: PostgresLog, home: Home, follower: Follower) -> None:
    watcher = Watcher(home, follower.views)
    watcher.hear("heights 1 7")
    assert watcher.wait(Heights(), 7, timeout=0)
    watcher.hear("heights 2 8")
    with home.engine.begin() as connection:
        connection.execute(update(POSITIONS).values(version=2, position=8))
    assert not watcher.wait(Heights(), 7, timeout=0.01)


def test_a_view_that_was_made_anew_has_not_come_as_far_as_before(
    log: PostgresLog, home: Home, follower: Follower
) -> None:
    watcher = Watcher(home, follower.views)
    watcher.hear("heights 1 7")
    watcher.hear("heights 1 3")
    assert watcher.wait(Heights(), 3, timeout=0)
    assert not watcher.wait(Heights(), 7, timeout=0)


def test_what_was_heard_before_a_silence_counts_no_more(home: Home) -> None:
    """A server that comes back from a crash may have lost the last moments of a view."""
    watcher = Watcher(home, [Heights()])
    watcher.hear("heights 1 7")
    watcher.hear("")  # the connection is lost, and nobody can read the positions
    assert not watcher.wait(Heights(), 7, timeout=0)


def test_a_silent_database_is_not_an_error_of_whoever_waits(home: Home) -> None:
    watcher = Watcher(home, [Heights()])
    assert not watcher.wait(Heights(), 1, timeout=0.01)
