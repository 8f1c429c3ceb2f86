"""A rebuild by several processes: the same rows as by one, and a worker that dies breaks it off."""

import os
from collections.abc import Iterator
from functools import partial

import pytest

from adapters.store.log import SqlLog
from domain.ledger import Event
from projections.home import Home
from projections.parallel import WorkerFailed
from projections.rebuild import Rebuild, Rebuilt
from projections.view import Row
from tests.sample_trees import NOW, Tree, grow, plant
from tests.store_samples import open_home, open_log
from tests.view_samples import Growths, Heights, Sizes, all_rows, following, open_both, parked

TREES = 30


class Deadly(Heights, name="deadly"):
    """A view that ends the process that folds a growth by 13."""

    def evolve(self, row: Row | None, event: Event) -> Row | None:
        if isinstance(event, Tree.Grew) and event.by_cm == 13:
            os._exit(1)
        return super().evolve(row, event)


@pytest.fixture
def log(postgres_database: str) -> Iterator[SqlLog]:
    """A log on PostgreSQL: one SQLite file is rebuilt by one process."""
    with open_log(postgres_database) as log:
        for number in range(1, TREES + 1):
            plant(log, number, number % 7, number)
        yield log


@pytest.fixture
def home(postgres_database: str) -> Iterator[Home]:
    """A home beside it."""
    with open_home(postgres_database, Home) as home:
        yield home


def rebuild(log: SqlLog, home: Home, view: Heights | Growths | Sizes, url: str, told: list[int]) -> Rebuilt:
    return Rebuild(
        log, home, view, now=lambda: NOW, progress=told.append, workers=2, connect=partial(open_both, url)
    ).run()


@pytest.mark.parametrize("shape", [Heights, Growths, Sizes])
def test_two_workers_give_the_rows_and_the_parked_events_that_live_following_gave(
    log: SqlLog, home: Home, postgres_database: str, shape: type[Heights]
) -> None:
    view, told = shape(3), list[int]()
    follower = following(log, home, view)
    grow(log, 3, 5)
    follower.catch_up()
    live = all_rows(home, [view]), parked(home, view)
    assert live[1]
    done = rebuild(log, home, view, postgres_database, told)
    assert (all_rows(home, [view]), parked(home, view)) == live
    assert (done.events, done.parked) == (told[-1], len(live[1]))
    assert done.events == TREES * (2 if shape is not Heights else 3) + 1


def test_what_comes_behind_an_event_that_a_worker_has_set_aside_is_set_aside_too(
    log: SqlLog, home: Home, postgres_database: str
) -> None:
    view = Heights(3)
    following(log, home, view)

    def grow_meanwhile(events: int) -> None:
        if not grown:
            grown.append(grow(log, 3, 5))

    grown: list[int] = []
    Rebuild(
        log,
        home,
        view,
        now=lambda: NOW,
        progress=grow_meanwhile,
        workers=2,
        connect=partial(open_both, postgres_database),
    ).run()
    assert parked(home, view)[-1] == (grown[0], "behind a parked event")


def test_each_stream_falls_to_one_reader(log: SqlLog) -> None:
    last = log.last_position()
    shares = [{row[0] for row in log.scan(upto=last, share=(number, 3))} for number in range(3)]
    assert sorted(position for share in shares for position in share) == list(range(1, last + 1))
    streams = [{log.stream_at(position) for position in share} for share in shares]
    assert all(streams)
    assert sum(map(len, streams)) == TREES


def test_a_worker_that_dies_breaks_the_rebuild_off_and_the_live_rows_stay(
    log: SqlLog, home: Home, postgres_database: str
) -> None:
    view = Deadly()
    following(log, home, view)
    with pytest.raises(WorkerFailed, match="killed"):
        rebuild(log, home, view, postgres_database, [])
    assert all_rows(home, [view]) == {"deadly": []}
    assert home.states()["deadly"]["position"] == 0
