"""From one master key to another on both databases: at any moment, beside whatever else happens, and back again."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from multiprocessing import get_context
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from adapters.store.key_table import KeyTable, Pair, PostgresKeys, open_keys
from adapters.store.keys import NotOurs, WrappedKey
from adapters.store.log import SqlLog
from adapters.store.options import DatabaseOptions
from adapters.store.rotation import AnotherUnderWay, Rotated, Rotation
from domain.ledger import NOBODY, Unavailable
from domain.sealed import Erased
from tests.adapters.store.test_sealing import destroy_key, gardener_of
from tests.sample_trees import plant, tree_id
from tests.store_samples import MASTER_KEY, make_log, sql

NEW_KEY = b"another key of thirty-two bytes!"
THIRD_KEY = b"and a third one, 32 bytes long.."
TREES = 7
NUMBERS = range(11, 11 + TREES)
BEHIND = range(1, 11)  # keys that are made behind a pass, since keys are gone through by the ids of their subjects


@pytest.fixture
def park(log: SqlLog) -> SqlLog:
    """A log with some trees."""
    for number in NUMBERS:
        plant(log, number)
    return log


@contextmanager
def opened(url: str, first: bytes, second: bytes | None = None) -> Iterator[SqlLog]:
    """The log as a process that starts with these keys opens it; raises `NotOurs`."""
    with closing(make_log(url, master_key=first)) as log:
        if second is not None:
            log.keyring.also_open_with(second)
        log.install()
        yield log


def rotate(
    url: str,
    *,
    new: bytes = NEW_KEY,
    other: bytes | None = MASTER_KEY,
    progress: Callable[[int], None] = lambda keys: None,
    table: Callable[[KeyTable], KeyTable] = lambda table: table,
) -> Rotated:
    with open_keys(url, DatabaseOptions(lock_seconds=1)) as keys:
        return Rotation(table(keys), new=new, other=other, progress=progress, at_once=2).run()


def rotate_until(url: str, keys: int) -> None:
    """In a process of its own, which is killed once so many keys have been looked at."""
    rotate(url, progress=lambda seen: os.kill(os.getpid(), signal.SIGKILL) if seen >= keys else None)


def killed(url: str, keys: int) -> None:
    process = get_context("spawn").Process(target=rotate_until, args=(url, keys))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def all_gardeners(log: SqlLog) -> set[str]:
    return {gardener_of(log, number) for number in NUMBERS}


class Meddled(KeyTable):
    """The key table, where something happens just before each replacement."""

    def __init__(self, table: KeyTable, meddle: Callable[[bool], None]) -> None:
        self._table, self._meddle = table, meddle

    def replace(self, pairs: Sequence[Pair], *, wait: bool = False) -> set[UUID]:
        self._meddle(wait)
        return self._table.replace(pairs, wait=wait)

    def lock(self) -> None:
        self._table.lock()

    def count(self) -> int:
        return self._table.count()

    def page(self, after: UUID, limit: int) -> list[WrappedKey]:
        return self._table.page(after, limit)

    def nobodys(self) -> WrappedKey | None:
        return self._table.nobodys()

    def wipe(self) -> None:
        self._table.wipe()

    def close(self) -> None:
        self._table.close()


def test_afterwards_the_new_key_alone_opens_everything_and_the_old_one_nothing(park: SqlLog, database_url: str) -> None:
    events = sql(database_url, "SELECT position, CAST(data AS text) FROM events ORDER BY position")
    before = park.blind("ann@example.com"), park.keyring.derive("seal")
    assert rotate(database_url) == Rotated(keys=TREES, rewrapped=TREES, late=0, foreign=0)
    assert sql(database_url, "SELECT position, CAST(data AS text) FROM events ORDER BY position") == events
    with opened(database_url, NEW_KEY) as log:
        assert all_gardeners(log) == {"Ada Gardener"}
        assert (log.blind("ann@example.com"), log.keyring.derive("seal")) == before
    with pytest.raises(NotOurs, match="does not fit"), opened(database_url, MASTER_KEY):
        pass


def test_a_second_run_finds_nothing_to_do_with_or_without_the_old_key(park: SqlLog, database_url: str) -> None:
    rotate(database_url)
    for other in (MASTER_KEY, None):
        assert rotate(database_url, other=other) == Rotated(keys=TREES, rewrapped=0, late=0, foreign=0)


@pytest.mark.parametrize("keys", [0, 2, 4, TREES])
def test_a_rotation_killed_at_any_moment_is_ended_by_the_next(park: SqlLog, database_url: str, keys: int) -> None:
    park.close()
    killed(database_url, keys)
    with opened(database_url, NEW_KEY, MASTER_KEY) as log:
        assert all_gardeners(log) == {"Ada Gardener"}
    with pytest.raises(NotOurs, match="does not fit"), opened(database_url, MASTER_KEY):
        pass
    with pytest.raises(NotOurs, match="being rotated"), opened(database_url, NEW_KEY):
        pass
    assert rotate(database_url) == Rotated(keys=TREES, rewrapped=TREES - keys, late=0, foreign=0)
    with opened(database_url, NEW_KEY) as log:
        assert all_gardeners(log) == {"Ada Gardener"}


def test_a_rotation_half_done_can_be_taken_back(park: SqlLog, database_url: str) -> None:
    park.close()
    killed(database_url, 4)
    assert rotate(database_url, new=MASTER_KEY, other=NEW_KEY).ended
    with opened(database_url, MASTER_KEY) as log:
        assert all_gardeners(log) == {"Ada Gardener"}


def test_while_it_is_being_taken_back_both_keys_are_needed_too(park: SqlLog, database_url: str) -> None:
    park.close()
    killed(database_url, 4)

    def look(seen: int) -> None:
        for alone in (MASTER_KEY, NEW_KEY):
            with pytest.raises(NotOurs), opened(database_url, alone):
                pass
        with opened(database_url, MASTER_KEY, NEW_KEY) as log:
            assert all_gardeners(log) == {"Ada Gardener"}

    assert rotate(database_url, new=MASTER_KEY, other=NEW_KEY, progress=look).ended


def test_a_third_key_waits_until_the_second_has_been_reached(park: SqlLog, database_url: str) -> None:
    park.close()
    killed(database_url, 4)
    with pytest.raises(AnotherUnderWay, match="end it first"):
        rotate(database_url, new=THIRD_KEY, other=NEW_KEY)


@pytest.mark.parametrize("new", [NEW_KEY, THIRD_KEY])
def test_keys_that_do_not_fit_change_nothing(park: SqlLog, database_url: str, new: bytes) -> None:
    rows = sql(database_url, "SELECT subject, wrapped FROM keys ORDER BY subject")
    with pytest.raises(NotOurs, match="does not fit"):
        rotate(database_url, new=new, other=THIRD_KEY)
    with pytest.raises(NotOurs, match="does not fit"):
        rotate(database_url, new=new, other=None)
    assert sql(database_url, "SELECT subject, wrapped FROM keys ORDER BY subject") == rows


def test_a_process_with_both_keys_goes_on_at_every_moment(park: SqlLog, database_url: str) -> None:
    with opened(database_url, NEW_KEY, MASTER_KEY) as other:

        def work(seen: int) -> None:
            number = BEHIND[seen]
            plant(other, number)
            with opened(database_url, MASTER_KEY, NEW_KEY) as another:
                assert {*all_gardeners(another), gardener_of(another, number)} == {"Ada Gardener"}

        assert rotate(database_url, progress=work).ended
    with opened(database_url, NEW_KEY) as log:
        assert gardener_of(log, BEHIND[0]) == gardener_of(log, BEHIND[4]) == "Ada Gardener"


def test_an_erased_key_stays_erased(park: SqlLog, database_url: str) -> None:
    destroy_key(database_url, 13)
    assert rotate(database_url).keys == TREES - 1
    with opened(database_url, NEW_KEY) as log, pytest.raises(Erased):
        gardener_of(log, 13)


def test_a_key_destroyed_after_it_was_read_stays_destroyed(park: SqlLog, database_url: str) -> None:
    pages: list[bool] = []

    def destroy(wait: bool) -> None:
        pages.append(wait)
        if pages[1:] == [False, False]:  # the look-up key, the first page, and now the one with the third tree
            destroy_key(database_url, 13)

    assert rotate(database_url, table=lambda table: Meddled(table, destroy)).rewrapped == TREES - 1
    assert sql(database_url, "SELECT wrapped FROM keys WHERE subject = ?", tree_id(13)) == [(None,)]


def test_keys_made_under_the_old_key_meanwhile_are_counted_and_end_nothing(park: SqlLog, database_url: str) -> None:
    def lag(seen: int) -> None:  # a process that was not started again, and knows the look-up key by heart
        if seen == TREES:
            plant(park, BEHIND[0])

    assert rotate(database_url, progress=lag) == Rotated(keys=TREES, rewrapped=TREES + 1, late=1, foreign=0)
    with pytest.raises(NotOurs, match="being rotated"), opened(database_url, NEW_KEY):
        pass
    assert rotate(database_url) == Rotated(keys=TREES + 1, rewrapped=0, late=0, foreign=0)


def test_a_leftover_is_found_after_the_end(park: SqlLog, database_url: str) -> None:
    rotate(database_url)
    plant(park, BEHIND[0])
    assert rotate(database_url, other=None) == Rotated(keys=TREES + 1, rewrapped=0, late=0, foreign=1)
    assert rotate(database_url) == Rotated(keys=TREES + 1, rewrapped=1, late=0, foreign=0)


def test_what_opens_with_neither_key_is_left_and_told(park: SqlLog, database_url: str) -> None:
    another_s = "(SELECT wrapped FROM keys WHERE subject = ?)"
    sql(database_url, f"UPDATE keys SET wrapped = {another_s} WHERE subject = ?", tree_id(12), tree_id(15))
    sql(database_url, "UPDATE keys SET wrapped = substr(wrapped, 1, 5) WHERE subject = ?", tree_id(16))
    kept = sql(database_url, "SELECT wrapped FROM keys WHERE subject IN (?, ?)", tree_id(15), tree_id(16))
    done = rotate(database_url)
    assert (done.rewrapped, done.foreign, done.ended) == (TREES - 2, 2, False)
    assert sql(database_url, "SELECT wrapped FROM keys WHERE subject IN (?, ?)", tree_id(15), tree_id(16)) == kept


def test_a_key_in_use_elsewhere_is_waited_for_at_last(postgres_database: str) -> None:
    with opened(postgres_database, MASTER_KEY) as log:
        for number in NUMBERS:
            plant(log, number)
    with psycopg.connect(postgres_database) as other:
        other.execute("SELECT 1 FROM daybook_log.keys WHERE subject = %s FOR UPDATE", (tree_id(12),))
        waits: list[bool] = []

        def release(wait: bool) -> None:
            waits.append(wait)
            if waits[-2:] == [False, True]:  # the page is through but for one key
                other.commit()

        assert rotate(postgres_database, table=lambda table: Meddled(table, release)).rewrapped == TREES
    assert waits[:3] == [True, False, True]


def test_a_key_that_stays_in_use_is_a_sentence_and_the_next_run_goes_on(postgres_database: str) -> None:
    with opened(postgres_database, MASTER_KEY) as log:
        plant(log, 1)
    with psycopg.connect(postgres_database) as other:
        other.execute("SELECT 1 FROM daybook_log.keys WHERE subject = %s FOR UPDATE", (tree_id(1),))
        with pytest.raises(Unavailable):
            rotate(postgres_database)
    assert rotate(postgres_database).rewrapped == 1


def test_the_old_wrapping_is_gone_from_the_files_of_sqlite(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/daybook.sqlite"
    with opened(url, MASTER_KEY) as log:
        plant(log, 1)
        rows = [bytes(wrapped) for [wrapped] in sql(url, "SELECT wrapped FROM keys")]
        assert len(rows) == 2
        rotate(url)
        kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert not any(wrapped in kept for wrapped in rows)


def test_nobody_is_not_among_the_pages(park: SqlLog, database_url: str) -> None:
    with open_keys(database_url, DatabaseOptions()) as keys:
        assert keys.count() == TREES
        assert [row.subject for row in keys.page(NOBODY, 3)] == [tree_id(number) for number in NUMBERS[:3]]
        assert (nobodys := keys.nobodys()) is not None
        assert nobodys.subject == NOBODY
        assert isinstance(keys, PostgresKeys) == database_url.startswith("postgresql")
