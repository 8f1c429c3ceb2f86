"""A rebuild on both databases: the same rows as live, beside the live table, and no way to lose anything."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from adapters.store.log import SqlLog
from domain.ledger import NOBODY, Ledger
from projections.home import Home
from projections.rebuild import Rebuild, Rebuilt
from projections.view import View
from tests.sample_trees import NOW, Tree, gardening, grow, inspections, new_tree, plant, tree_id
from tests.store_samples import sql
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
    sizes,
)

SHAPES = [Heights, Growths, Sizes]
Step = tuple[int, str, int]  # tree, what happens to it, by how much; "look" lets the live views catch up in between

HISTORIES = st.lists(
    st.tuples(
        st.integers(1, 4), st.sampled_from(["grow", "grow", "grow", "fell", "plant", "look"]), st.integers(0, 25)
    ),
    max_size=30,
)


def rebuild(log: SqlLog | Meanwhile, home: Home, view: View) -> Rebuilt:
    return Rebuild(log, home, view, now=lambda: NOW).run()


def rows_of(home: Home, table: str) -> list[tuple[Any, ...]]:
    with home.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(f"SELECT * FROM {table}"))]


def happen(log: SqlLog, number: int, what: str, by_cm: int) -> None:
    ledger, events = Ledger(log, policies={}), log.events_of(tree_id(number))
    tree = Tree.of(tree_id(number), events) if events else new_tree(number)
    with gardening():
        match what:
            case "plant":
                tree.plant(gardener=f"Gardener {by_cm}")
            case "fell":
                tree.fell()
            case _:
                tree.grow(by_cm)
    ledger.record(tree)


def empty(url: str, home: Home) -> None:
    for table in ("events", "claims", "open_effects"):
        sql(url, f"DELETE FROM {table}")
    sql(url, "DELETE FROM keys WHERE subject <> ?", NOBODY)
    drop_tables(home)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=HISTORIES)
def test_a_rebuild_gives_the_rows_that_live_following_gave(
    log: SqlLog, home: Home, database_url: str, history: list[Step]
) -> None:
    empty(database_url, home)
    views = [shape() for shape in SHAPES]
    follower = following(log, home, *views)
    for number, what, by_cm in history:
        if what == "look":
            follower.catch_up()
        else:
            happen(log, number, what, by_cm)
    follower.catch_up()
    live = all_rows(home, views)
    for view in views:
        rebuild(log, home, view)
    assert all_rows(home, views) == live


def test_a_rebuild_says_what_it_did(log: SqlLog, home: Home) -> None:
    views = [shape() for shape in SHAPES]
    following(log, home, *views)
    plant(log, 1, 5, 25)
    plant(log, 2, 5)
    done = [rebuild(log, home, view) for view in views]
    assert [(it.view, it.position, it.events, it.rows, it.parked) for it in done] == [
        ("heights", 5, 5, 2, 0),
        ("growths", 5, 3, 5, 0),
        ("sizes", 5, 3, 2, 0),
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_rebuild_does_not_wait_for_the_live_view(log: SqlLog, home: Home, shape: type[View]) -> None:
    follower = following(log, home, shape())
    plant(log, 1, 5)
    rebuild(log, home, shape())
    rebuilt = all_rows(home, [shape()])
    assert rebuilt[shape.name]
    follower.catch_up()
    assert all_rows(home, [shape()]) == rebuilt
    grow(log, 1, 6)
    follower.catch_up()
    assert all_rows(home, [shape()]) != rebuilt


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_appended_during_a_rebuild_is_in_it(log: SqlLog, home: Home, shape: type[View]) -> None:
    follower = following(log, home, shape())
    plant(log, 1, 5)
    plant(log, 2, 5)
    done = rebuild(Meanwhile(log, lambda: grow(log, 1, 6, 7)), home, shape())
    assert done.position == 6
    rebuilt = all_rows(home, [shape()])
    drop_tables(home)
    home.install(follower.views)
    follower.refresh()
    follower.catch_up()
    assert all_rows(home, [shape()]) == rebuilt


@pytest.mark.parametrize("shape", SHAPES)
def test_the_old_table_is_kept(log: SqlLog, home: Home, shape: type[View]) -> None:
    follower = following(log, home, shape())
    plant(log, 1, 5)
    follower.catch_up()
    before = rows_of(home, shape.name)
    with home.engine.begin() as connection:
        connection.exec_driver_sql(f"DELETE FROM {shape.name}")
    rebuild(log, home, shape())
    assert rows_of(home, f"{shape.name}__old") == []
    rebuild(log, home, shape())
    assert rows_of(home, f"{shape.name}__old") == before == rows_of(home, shape.name)


def test_the_rebuilt_table_has_the_views_indexes(log: SqlLog, home: Home) -> None:
    following(log, home, Heights())
    for _ in range(3):
        rebuild(log, home, Heights())
    with home.engine.connect() as connection:
        found = home.engine.dialect.get_indexes(connection, "heights")
    assert [index["column_names"] for index in found] == [["height_cm"]]


@pytest.mark.parametrize("shape", SHAPES)
def test_what_live_following_parks_a_rebuild_parks_too(log: SqlLog, home: Home, shape: type[Heights]) -> None:
    follower = following(log, home, shape(7))
    plant(log, 1, 5, 7, 6)
    plant(log, 2, 9, 8)
    grow(log, 1, 4)
    follower.catch_up()
    live = all_rows(home, [shape()]), parked(home, shape())
    assert [at for at, _ in live[1]] == [3, 4, 8]
    done = rebuild(log, home, shape(7))
    assert (all_rows(home, [shape()]), parked(home, shape())) == live
    assert done.parked == 3


@pytest.mark.parametrize("shape", SHAPES)
def test_poison_that_arrives_during_a_rebuild_is_parked(log: SqlLog, home: Home, shape: type[Heights]) -> None:
    following(log, home, shape())
    plant(log, 1, 5)
    plant(log, 2, 5)
    rebuild(Meanwhile(log, lambda: [grow(log, 1, 7, 6), grow(log, 2, 6)]), home, shape(7))
    assert parked(home, shape()) == [(5, "ValueError"), (6, "behind a parked event")]
    follower = following(log, home, shape())
    assert follower.retry_parked(shape()) == 0
    mended = all_rows(home, [shape()])
    rebuild(log, home, shape())
    assert all_rows(home, [shape()]) == mended


@pytest.mark.parametrize("shape", SHAPES)
def test_what_arrives_behind_parked_events_is_parked_and_not_lost(
    log: SqlLog, home: Home, shape: type[Heights]
) -> None:
    following(log, home, shape())
    plant(log, 1, 7)
    rebuild(Meanwhile(log, lambda: grow(log, 1, 6)), home, shape(7))
    assert parked(home, shape()) == [(2, "ValueError"), (3, "behind a parked event")]


@pytest.mark.parametrize("shape", SHAPES)
def test_an_event_that_cannot_be_decoded_is_parked(
    log: SqlLog, home: Home, database_url: str, shape: type[View]
) -> None:
    following(log, home, shape())
    plant(log, 1, 5, 6)
    plant(log, 2, 5)
    broken = f'{{"stream": "{tree_id(1)}", "version": 2, "by_cm": "five"}}'
    sql(database_url, "UPDATE events SET data = ? WHERE position = 2", broken)
    rebuild(log, home, shape())
    assert parked(home, shape()) == [(2, "ValidationError"), (3, "behind a parked event")]


def test_a_rebuild_with_a_mended_fold_forgets_what_was_parked(log: SqlLog, home: Home) -> None:
    follower = following(log, home, Heights(7))
    plant(log, 1, 7)
    follower.catch_up()
    rebuild(log, home, Heights())
    assert parked(home, Heights()) == []
    grow(log, 1, 5)
    follower.catch_up()
    assert (heights(home), parked(home, Heights())) == ({1: 12}, [])


def test_a_broken_off_rebuild_changes_nothing_and_can_be_started_again(log: SqlLog, home: Home) -> None:
    def break_off() -> None:
        raise KeyboardInterrupt

    follower = following(log, home, Sizes())
    plant(log, 1, 5)
    follower.catch_up()
    with pytest.raises(KeyboardInterrupt):
        rebuild(Meanwhile(log, break_off), home, Sizes())
    assert sizes(home) == {"5": 1}
    assert rebuild(log, home, Sizes()).rows == 1
    assert sizes(home) == {"5": 1}


def test_a_view_that_is_not_installed_cannot_be_rebuilt(log: SqlLog, home: Home) -> None:
    following(log, home, Heights())
    with pytest.raises(LookupError, match="growths is not installed"):
        rebuild(log, home, Growths())


def test_deleting_all_tables_and_rebuilding_gives_identical_rows_and_asks_for_nothing(log: SqlLog, home: Home) -> None:
    views = [shape() for shape in SHAPES]
    follower = following(log, home, *views)
    with gardening():
        Ledger(log, policies={Tree: inspections}).record(*(new_tree(number, number, 5) for number in range(1, 9)))
    follower.catch_up()
    before = all_rows(home, views), log.last_position(), log.open_work()
    drop_tables(home)
    home.install(views)
    for view in views:
        rebuild(log, home, view)
    assert (all_rows(home, views), log.last_position(), log.open_work()) == before
