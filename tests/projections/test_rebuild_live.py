"""Rebuilding while the product is in use: appends, live views and readers go on."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from adapters.store.log import SqlLog
from projections.home import Home, Rebuilding
from projections.rebuild import Rebuild
from projections.view import View
from tests.sample_trees import NOW, grow, plant
from tests.view_samples import Growths, Heights, Sizes, all_rows, drop_tables, following, heights

PATIENCE = 30
TREES = 20


@contextmanager
def busy(task: Callable[[int], object]) -> Iterator[None]:
    """Run a task again and again in a thread of its own; what goes wrong there goes wrong here."""
    stop, troubles = threading.Event(), list[BaseException]()

    def work() -> None:
        turn = 0
        try:
            while not stop.is_set():
                task(turn)
                turn += 1
        except BaseException as trouble:
            troubles.append(trouble)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE)
    assert not thread.is_alive()
    assert troubles == []


@pytest.mark.parametrize("view", [Heights(), Growths(), Sizes()])
def test_appends_live_views_and_reads_go_on_during_rebuilds(log: SqlLog, home: Home, view: View) -> None:
    views = Heights(), Growths(), Sizes()
    follower = following(log, home, *views)
    for number in range(1, TREES + 1):
        plant(log, number, 5, 6, 7)
    follower.catch_up()
    fewest = len(all_rows(home, [view])[view.name])
    sizes: list[int] = []
    with (
        busy(lambda turn: grow(log, turn % TREES + 1, turn % 9)),
        busy(lambda turn: follower.catch_up()),
        busy(lambda turn: sizes.append(len(all_rows(home, [view])[view.name]))),
    ):
        for _ in range(4):
            Rebuild(log, home, view, now=lambda: NOW).run()
    assert min(sizes) >= fewest
    assert sizes == sorted(sizes)
    follower.catch_up()
    live = all_rows(home, views)
    drop_tables(home)
    home.install(views)
    follower.refresh()
    follower.catch_up()
    assert all_rows(home, views) == live
    assert home.parked() == []


def test_two_rebuilds_of_one_view_at_once_are_one(log: SqlLog, home: Home) -> None:
    view = Heights()
    following(log, home, view)
    with home.rebuilding(view, wait=False), pytest.raises(Rebuilding):
        Rebuild(log, home, view, now=lambda: NOW).run()
    assert Rebuild(log, home, view, now=lambda: NOW).run().view == view.name
    assert Rebuild(log, home, view, now=lambda: NOW).run_if_stale() is None


def test_an_older_process_does_not_fold_into_a_newer_table(log: SqlLog, home: Home) -> None:
    class Newer(Heights):
        version = Heights.version + 1

    follower = following(log, home, Heights())
    plant(log, 1, 5)
    follower.catch_up()
    Rebuild(log, home, Newer(), now=lambda: NOW).run()
    plant(log, 2, 9)
    follower.catch_up()
    assert 2 not in heights(home)
