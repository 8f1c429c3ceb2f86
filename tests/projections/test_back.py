"""The way back from a rebuild: the table of before, caught up, takes its place again; nobody forgotten comes back."""

import pytest
from sqlalchemy import Connection, delete, update

from adapters.store.log import SqlLog
from domain.ledger import Ledger
from projections.back import NoWayBack, go_back
from projections.beside import forget_rows
from projections.fill import CATCH_UP_EVENTS
from projections.home import NEXT, OLD, POSITIONS, Home, Rebuilding
from projections.kept import PREVIOUS
from projections.past import make_past
from projections.rebuild import Rebuild, Rebuilt
from projections.view import View
from tests.sample_trees import NOW, Tree, at, gardening, grow, plant, tree_id
from tests.store_samples import open_home
from tests.view_samples import (
    Growths,
    Heights,
    Meanwhile,
    Sizes,
    all_rows,
    drop_tables,
    following,
    heights,
    parked,
    position,
)

SHAPES = [Heights, Growths, Sizes]


def rebuild(log: SqlLog, home: Home, view: View) -> Rebuilt:
    return Rebuild(log, home, view, now=lambda: NOW).run()


def back(log: SqlLog, home: Home, view: View) -> Rebuilt:
    return go_back(log, home, view, now=lambda: NOW)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_table_of_before_is_caught_up_and_takes_its_place_again(log: SqlLog, home: Home, shape: type[View]) -> None:
    follower = following(log, home, shape())
    plant(log, 1, 5)
    follower.catch_up()
    rebuild(log, home, shape())
    with home.engine.begin() as connection:
        connection.execute(delete(shape.live))  # the rebuild was a mistake
    grow(log, 1, 7)
    follower.catch_up()
    plant(log, 2, 9)
    done = back(log, home, shape())
    assert (done.view, done.position) == (shape.name, log.last_position())
    went_back = all_rows(home, [shape()])
    grow(log, 2, 3)
    follower.catch_up()
    live = all_rows(home, [shape()])
    assert live != went_back
    rebuild(log, home, shape())
    assert all_rows(home, [shape()]) == live


def test_going_back_can_be_undone_and_done_again(log: SqlLog, home: Home) -> None:
    follower = following(log, home, Heights())
    plant(log, 1, 5)
    follower.catch_up()
    with home.engine.begin() as connection:
        connection.execute(update(Heights.live).values(height_cm=99))
    rebuild(log, home, Heights())
    seen = []
    for _ in range(3):
        back(log, home, Heights())
        seen.append(heights(home)[1])
    assert seen == [99, 5, 99]
    rebuild(log, home, Heights())
    rebuild(log, home, Heights())
    assert heights(home) == {1: 5}


def test_what_was_parked_before_is_parked_again(log: SqlLog, home: Home) -> None:
    follower = following(log, home, Heights(7))
    plant(log, 1, 5, 7)
    follower.catch_up()
    rebuild(log, home, Heights())
    last = grow(log, 1, 6)
    assert parked(home, Heights()) == []
    assert back(log, home, Heights(7)).parked == 2
    assert parked(home, Heights()) == [(3, "ValueError"), (last, "behind a parked event")]
    assert follower.retry_parked(Heights(7)) == 2
    assert following(log, home, Heights()).retry_parked(Heights()) == 0
    assert heights(home) == {1: 18}


def test_a_follower_elsewhere_knows_what_is_parked_again(log: SqlLog, home: Home) -> None:
    view = Heights(7)
    following(log, home, view)
    plant(log, 1, 5, 7)
    following(log, home, view).catch_up()
    rebuild(log, home, Heights())
    elsewhere = following(log, home, view)
    elsewhere.catch_up()
    elsewhere.refresh()
    back(log, home, view)
    last = grow(log, 1, 6)
    elsewhere.catch_up()
    assert parked(home, view) == [(3, "ValueError"), (last, "behind a parked event")]
    assert following(log, home, Heights()).retry_parked(Heights()) == 0
    assert [row["growths"] for row in all_rows(home, [view])["heights"]] == [[5, 7, 6]]


@pytest.mark.parametrize("shape", SHAPES)
def test_nobody_waits_while_the_table_of_before_is_caught_up(log: SqlLog, home: Home, shape: type[View]) -> None:
    view = shape()
    follower = following(log, home, view)
    follower.catch_up()
    rebuild(log, home, view)
    plant(log, 1, *[5] * (CATCH_UP_EVENTS + 1))
    seen = list[int]()

    def follow() -> None:
        follower.catch_up()
        seen.append(position(home, view))

    go_back(Meanwhile(log, follow), home, view, now=lambda: NOW)
    assert seen == [log.last_position()]
    live = all_rows(home, [view])
    drop_tables(home)
    following(log, home, view).catch_up()
    assert all_rows(home, [view]) == live


@pytest.mark.parametrize("shape", SHAPES)
def test_a_way_back_that_was_broken_off_goes_on_where_it_was(log: SqlLog, home: Home, shape: type[Heights]) -> None:
    view = shape(7)
    following(log, home, view).catch_up()
    rebuild(log, home, view)
    plant(log, 1, 7, 5)
    plant(log, 2, *[5] * (2 * CATCH_UP_EVENTS))

    def break_off() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go_back(Meanwhile(log, break_off), home, view, now=lambda: NOW)
    assert back(log, home, view).events < CATCH_UP_EVENTS
    went_back = all_rows(home, [view]), parked(home, view)
    drop_tables(home)
    following(log, home, view).catch_up()
    assert (all_rows(home, [view]), parked(home, view)) == went_back


def test_there_is_no_way_back_before_the_first_rebuild(log: SqlLog, home: Home) -> None:
    following(log, home, Heights())
    with pytest.raises(NoWayBack, match="no table of before"):
        back(log, home, Heights())


def test_there_is_no_way_back_to_another_version_or_other_columns(log: SqlLog, home: Home) -> None:
    class Newer(Heights):
        version = Heights.version + 1

    following(log, home, Heights())
    rebuild(log, home, Newer())
    with pytest.raises(NoWayBack):
        back(log, home, Newer())
    rebuild(log, home, Newer())
    with home.engine.begin() as connection:
        home.drop(connection, "heights__old")
        connection.exec_driver_sql("CREATE TABLE heights__old (id VARCHAR(36) PRIMARY KEY)")
    with pytest.raises(NoWayBack):
        back(log, home, Newer())


def test_there_is_no_way_back_to_a_table_that_no_note_is_about(log: SqlLog, home: Home) -> None:
    following(log, home, Heights())
    rebuild(log, home, Heights())
    with home.engine.begin() as connection:
        connection.execute(update(POSITIONS).values(generation=POSITIONS.c.generation + 1))
    with pytest.raises(NoWayBack):
        back(log, home, Heights())


def test_nobody_goes_back_during_a_rebuild(log: SqlLog, home: Home) -> None:
    following(log, home, Heights())
    rebuild(log, home, Heights())
    with home.rebuilding(Heights(), wait=False), pytest.raises(Rebuilding):
        back(log, home, Heights())


def test_who_is_gone_by_an_event_does_not_come_back(log: SqlLog, home: Home) -> None:
    follower = following(log, home, Heights())
    plant(log, 1, 5)
    plant(log, 2, 5)
    follower.catch_up()
    rebuild(log, home, Heights())
    ledger = Ledger(log, policies={})
    tree = ledger.load(Tree, tree_id(1))
    with gardening():
        tree.fell()
    ledger.record(tree)
    back(log, home, Heights())
    assert heights(home) == {2: 5}


def test_forgotten_rows_are_in_no_table_beside_the_live_one(log: SqlLog, home: Home) -> None:
    follower = following(log, home, Heights())
    plant(log, 1, 5)
    plant(log, 2, 5)
    follower.catch_up()
    rebuild(log, home, Heights())
    make_past(log, home, Heights(), as_of=at(5), name="then", now=NOW)
    Rebuild(log, home, Heights(), now=lambda: NOW).preview()
    with home.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE heights__past_odd (name VARCHAR PRIMARY KEY)")
    forget_rows(home, [Heights(), Growths()], [str(tree_id(1))])
    for suffix in ("__old", "__next", "__past_then"):
        rows = home.rows(Heights.table(suffix).select())
        assert [row["id"] for row in rows] == [str(tree_id(2))]
    assert heights(home) == {1: 5, 2: 5}


class Waited(Home):
    """A home that counts its transactions that change tables."""

    locked = 0

    def lock(self, connection: Connection) -> None:
        self.locked += 1
        super().lock(connection)


def test_each_table_is_cleared_in_a_transaction_of_its_own(log: SqlLog, home: Home, database_url: str) -> None:
    following(log, home, Heights(), Sizes())
    with open_home(database_url, Waited) as waited:
        forget_rows(waited, [Heights(), Sizes()], [str(tree_id(1))])
        assert waited.locked == 2 * len([NEXT, OLD])


def test_what_a_rebuild_cost_is_kept_for_the_next_estimate(log: SqlLog, home: Home) -> None:
    following(log, home, Heights())
    plant(log, 1, 5, 6)
    rebuild(log, home, Heights())
    [kept] = home.rows(PREVIOUS.select())
    assert (kept["events"], kept["reached"], kept["position"]) == (3, 3, 0)
