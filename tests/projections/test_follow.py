"""The follower on both databases: what it writes, and how it keeps out of others' way."""

import threading
from collections.abc import Sequence

import pytest
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError

from adapters.store.log import SqlLog
from domain.ledger import Ledger
from projections.home import POSITIONS, Home
from projections.view import View, fold
from tests.sample_trees import Tree, gardening, grow, plant, tree_id
from tests.store_samples import open_home
from tests.view_samples import (
    Growths,
    Heights,
    Interrupted,
    Sizes,
    all_rows,
    drop_tables,
    following,
    heights,
    position,
    sizes,
)

PATIENCE = 30


def test_a_row_goes_when_the_fold_says_so(log: SqlLog, home: Home) -> None:
    follower = following(log, home, Heights())
    plant(log, 1, 5)
    plant(log, 2, 5)
    follower.catch_up()
    tree = Ledger(log, policies={}).load(Tree, tree_id(1))
    with gardening():
        tree.fell()
    Ledger(log, policies={}).record(tree)
    follower.catch_up()
    assert heights(home) == {2: 5}


def test_a_position_never_moves_without_what_belongs_to_it(log: SqlLog, home: Home) -> None:
    follower = following(log, home, Heights(7))
    plant(log, 1, 5)
    follower.catch_up()
    drop_tables(home, "parked")  # so the follower fails in the middle of parking
    grow(log, 1, 6, 7)
    with pytest.raises(DBAPIError):
        follower.catch_up()
    assert (heights(home), position(home, Heights())) == ({1: 11}, 3)


def test_a_view_holds_what_its_fold_says(log: SqlLog, home: Home) -> None:
    follower = following(log, home, Heights(), Growths(), Sizes())
    for number, growths in [(1, (5, 12)), (2, (5,)), (3, ())]:
        plant(log, number, *growths)
    follower.catch_up()
    rows = [fold(Heights(), log.events_of(tree_id(number))) for number in (1, 2, 3)]
    assert home.rows(Heights.live.select().order_by("id")) == rows
    assert sizes(home) == {"5": 2, "12": 1}
    entries = all_rows(home, [Growths()])["growths"]
    assert [(row["position"], row["nth"], row["by_cm"]) for row in entries] == [
        (2, 0, 5),
        (3, 0, 10),
        (3, 1, 2),
        (5, 0, 5),
    ]


def test_every_view_has_a_position_of_its_own(log: SqlLog, home: Home) -> None:
    first = following(log, home, Heights())
    plant(log, 1, 5)
    first.catch_up()
    both = following(log, home, Heights(), Growths())
    assert (position(home, Heights()), position(home, Growths())) == (2, 0)
    both.catch_up()
    assert (heights(home), len(all_rows(home, [Growths()])["growths"])) == ({1: 5}, 1)


def test_a_second_follower_that_comes_late_changes_nothing(log: SqlLog, home: Home, database_url: str) -> None:
    with open_home(database_url, Interrupted) as interrupted:
        first, second = (following(log, place, Sizes()) for place in (home, interrupted))
        plant(log, 1, 5, 5)
        interrupted.before_writing.append(first.catch_up)
        second.catch_up()
        grow(log, 1, 5)
        second.catch_up()
    assert sizes(home) == {"5": 3}
    assert second.position(Sizes()) == 4


def test_followers_at_once_fold_everything_once(log: SqlLog, home: Home) -> None:
    views = Heights(), Growths(), Sizes()
    followers = [following(log, home, *views) for _ in range(3)]
    for number in range(1, 41):
        plant(log, number, number % 3, number % 5)
    threads = [threading.Thread(target=follower.catch_up) for follower in followers]
    for thread in threads:
        thread.start()
    for number in range(1, 41):
        grow(log, number, number % 7)
    for thread in threads:
        thread.join(PATIENCE)
    followers[0].catch_up()
    assert heights(home) == {n: n % 3 + n % 5 + n % 7 for n in range(1, 41)}
    assert sum(sizes(home).values()) == sum(bool(n % size) for n in range(1, 41) for size in (3, 5, 7))


def test_whoever_waits_is_told_when_the_view_has_come_there(log: SqlLog, home: Home) -> None:
    follower, view = following(log, home, Heights()), Heights()
    arrived: list[bool] = []
    waiter = threading.Thread(target=lambda: arrived.append(follower.wait(view, 2, timeout=PATIENCE)))
    waiter.start()
    plant(log, 1, 5)
    follower.catch_up()
    waiter.join(5)
    assert arrived == [True]
    assert follower.wait(view, 2, timeout=0)


def test_whoever_waits_is_told_also_when_another_follower_did_the_work(log: SqlLog, home: Home) -> None:
    follower, view = following(log, home, Heights()), Heights()
    follower.catch_up()
    plant(log, 1, 5)
    following(log, home, view).catch_up()
    arrived: list[bool] = []
    waiter = threading.Thread(target=lambda: arrived.append(follower.wait(view, 2, timeout=PATIENCE)))
    waiter.start()
    follower.catch_up()
    waiter.join(5)
    assert arrived == [True]


def test_waiting_ends_when_the_time_is_up(log: SqlLog, home: Home) -> None:
    follower = following(log, home, Heights())
    plant(log, 1)
    assert not follower.wait(Heights(), 1, timeout=0.01)


def make_stale(home: Home, *views: View) -> None:
    with home.engine.begin() as connection:
        for view in views:
            connection.execute(update(POSITIONS).where(POSITIONS.c.view == view.name).values(version=0))


@pytest.mark.parametrize("others", [(), (Growths(),)])
def test_the_rows_of_an_older_fold_are_left_alone_until_a_rebuild(
    log: SqlLog, home: Home, others: Sequence[View]
) -> None:
    follower = following(log, home, Heights(), *others)
    make_stale(home, Heights())
    plant(log, 1, 5)
    follower.catch_up()
    assert (heights(home), position(home, Heights())) == ({}, 0)
    assert all(position(home, view) == 2 for view in others)
    with home.engine.begin() as connection:
        connection.execute(update(POSITIONS).values(version=1))
    follower.catch_up()
    assert heights(home) == {1: 5}


def test_a_follower_without_views_has_nothing_to_do(log: SqlLog, home: Home) -> None:
    plant(log, 1)
    assert not following(log, home).step()
