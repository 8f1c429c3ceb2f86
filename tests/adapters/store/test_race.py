"""Many writers at once: a reader that follows positions misses nothing, and a claim has one owner."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context

import pytest

from adapters.store.log import SqlLog
from domain.ledger import Event, Taken
from tests.adapters.store import race
from tests.sample_trees import plant, tree_id
from tests.store_samples import open_log

PATIENCE = 60
Writer = Callable[[], bool]  # whether it is still writing

# A forked copy of this process would share its database connections; this server is forked before there are any.
processes = get_context("forkserver")
processes.set_forkserver_preload(["tests.adapters.store.race"])


@contextmanager
def in_a_thread(log: SqlLog, runner: int, batches: int) -> Iterator[Writer]:
    thread = threading.Thread(target=race.append_batches, args=(log, runner, batches))
    thread.start()
    yield thread.is_alive
    thread.join(PATIENCE)


@contextmanager
def in_a_process(url: str, runner: int, batches: int) -> Iterator[Writer]:
    process = processes.Process(target=race.run, args=(url, runner, batches))
    process.start()
    yield process.is_alive
    process.join(PATIENCE)
    assert process.exitcode == 0


def follow(log: SqlLog, writers: Sequence[Writer], *, limit: int) -> list[Event]:
    """Read behind the last position again and again until nobody writes any more."""
    seen: list[Event] = []
    while True:
        over = not any(writing() for writing in writers)
        rows = log.read(len(seen), limit)
        assert [row[0] for row in rows] == list(range(len(seen) + 1, len(seen) + len(rows) + 1))
        seen += [log.decode(name, data) for _, name, data in rows]
        if len(rows) < limit:
            assert_whole_batch(seen)
            if over:
                return seen


def assert_whole_batch(seen: Sequence[Event]) -> None:
    """What is visible ends where a transaction ends."""
    for _, nth, size in race.story(seen[-1:]):
        assert nth == size


def assert_nothing_is_missing(seen: Sequence[Event], *, runners: int, batches: int) -> None:
    assert len(seen) == race.expected(runners, batches)
    for runner in range(1, runners + 1):
        own = [event for event in seen if event.stream == tree_id(runner)]
        assert [event.version for event in own] == list(range(1, race.expected(1, batches) + 1))
    for (batch, nth, size), following in zip(race.story(seen), race.story(seen[1:]), strict=False):
        assert nth == size or following == (batch, nth + 1, size)


@pytest.mark.parametrize("limit", [7, 1_000])
def test_a_reader_of_a_few_writers_misses_nothing(database_url: str, limit: int) -> None:
    with ExitStack() as running:
        log = running.enter_context(open_log(database_url, aggregates=[race.Runner]))
        writers = [running.enter_context(in_a_thread(log, runner, 12)) for runner in range(1, 5)]
        seen = follow(log, writers, limit=limit)
    assert_nothing_is_missing(seen, runners=4, batches=12)


@pytest.mark.slow
@pytest.mark.parametrize("threads", [6, 0])
def test_a_reader_of_eight_busy_writers_misses_nothing(database_url: str, threads: int) -> None:
    """On SQLite the writers are threads and processes as well, on PostgreSQL either."""
    batches = 800
    with ExitStack() as running:
        log = running.enter_context(open_log(database_url, aggregates=[race.Runner]))
        writers = [running.enter_context(in_a_process(database_url, nth, batches)) for nth in range(threads + 1, 9)]
        writers += [running.enter_context(in_a_thread(log, nth, batches)) for nth in range(1, threads + 1)]
        seen = follow(log, writers, limit=100)
    assert_nothing_is_missing(seen, runners=8, batches=batches)


def test_forty_identical_claims_have_one_owner(log: SqlLog) -> None:
    begin, lock = threading.Barrier(40), threading.Lock()
    owners: list[int] = []
    told: list[int] = []

    def claim(number: int) -> None:
        begin.wait(PATIENCE)
        try:
            plant(log, number, label="oak")
        except Taken as lost:
            with lock:
                told.append(lost.owner.int)
        else:
            with lock:
                owners.append(number)

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(1, 41)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    [owner] = owners
    assert told == [owner] * 39
    assert log.owner("label:oak") == tree_id(owner)
    assert log.last_position() == 1
