"""A rebuild that is killed goes on where it was, or begins anew; the live table stays as it was meanwhile."""

from functools import partial

import pytest
from sqlalchemy import Connection, delete, select

from adapters.store.log import SqlLog
from domain.ledger import Ledger
from projections.home import NEXT, Home
from projections.kept import REBUILDS, SHARES, Superseded, take_over
from projections.rebuild import Rebuild, Rebuilt
from projections.view import View
from tests.rebuilding import SHAPES, go_on, stepping
from tests.sample_trees import NOW, gardening, new_tree
from tests.store_samples import open_home, sql
from tests.view_samples import Heights, Meanwhile, all_rows, following, open_both, parked

TREES, CHUNK = 900, 300  # 2,700 events, 1,800 of them growths
KILLS = (3, 2, 1, 2)  # after so many steps


def rebuild(log: SqlLog, home: Home, view: View, *, fresh: bool = False) -> Rebuilt:
    return Rebuild(log, home, view, now=lambda: NOW, fresh=fresh, chunk_rows=CHUNK).run()


def wood(log: SqlLog, trees: int = TREES) -> None:
    """Many trees at once; every seventh has not grown at first."""
    with gardening():
        Ledger(log, policies={}).record(*(new_tree(number, number % 7, 5) for number in range(1, trees + 1)))


def emptied(home: Home, view: View) -> None:
    """Take the live rows away, so that it is seen when they come back."""
    with home.engine.begin() as connection:
        connection.execute(delete(view.live))


@pytest.mark.parametrize("shape", SHAPES.values())
def test_a_rebuild_killed_again_and_again_ends_with_the_rows_of_live_following(
    log: SqlLog, home: Home, database_url: str, shape: type[View]
) -> None:
    view = shape()
    wood(log)
    following(log, home, view).catch_up()
    live = all_rows(home, [view])
    emptied(home, view)
    told = list[str]()
    for steps in KILLS:
        with stepping(database_url, view, chunk_rows=CHUNK) as process:
            told += go_on(process, steps)
        assert all_rows(home, [view]) == {view.name: []}
        assert home.states()[view.name]["position"] == log.last_position()
    done = rebuild(log, home, view)
    assert done.resumed
    assert all_rows(home, [view]) == live
    assert told.count(f"drop {view.name}__next") == 1
    assert home.rows(select(REBUILDS)) == home.rows(select(SHARES)) == []


@pytest.mark.parametrize("shape", SHAPES.values())
def test_a_rebuild_killed_at_the_swap_has_swapped_nothing(
    log: SqlLog, home: Home, database_url: str, shape: type[View]
) -> None:
    view = shape()
    wood(log)
    following(log, home, view).catch_up()
    live = all_rows(home, [view])
    emptied(home, view)
    with stepping(database_url, view, chunk_rows=TREES * 3) as process:
        told = go_on(process, 1)
        while told[-1] != f"drop {view.name}__old":
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
            told = go_on(process, 0)
    assert all_rows(home, [view]) == {view.name: []}
    done = rebuild(log, home, view)
    assert (done.resumed, all_rows(home, [view])) == (True, live)


def test_what_was_set_aside_before_the_kill_is_set_aside_after_it(log: SqlLog, home: Home, database_url: str) -> None:
    view = Heights()
    wood(log)
    broken = f'{{"stream": "{new_tree(2).id}", "version": 2, "by_cm": "five"}}'
    sql(database_url, "UPDATE events SET data = ? WHERE position = 5", broken)
    following(log, home, view).catch_up()
    live = all_rows(home, [view]), [at for at, _ in parked(home, view)]
    assert live[1] == [5, 6]
    with stepping(database_url, view, chunk_rows=CHUNK) as process:
        go_on(process, 5)
    done = rebuild(log, home, view)
    assert (done.resumed, done.parked) == (True, 2)
    assert (all_rows(home, [view]), [at for at, _ in parked(home, view)]) == live


def break_off(log: SqlLog, home: Home, view: View) -> None:
    """Begin a rebuild that ends when its rows are loaded."""

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Rebuild(Meanwhile(log, stop), home, view, now=lambda: NOW, chunk_rows=10).run()


def test_a_rebuild_can_be_told_to_begin_anew(log: SqlLog, home: Home) -> None:
    wood(log, 30)
    following(log, home, Heights())
    break_off(log, home, Heights())
    assert not rebuild(log, home, Heights(), fresh=True).resumed


class Looking(Home):
    """A home that looks at the notes of a rebuild just before its table is dropped."""

    runs: tuple[int, ...] = ()

    def drop(self, connection: Connection, name: str) -> None:
        if name.endswith(NEXT):
            self.runs = tuple(connection.scalars(select(REBUILDS.c.run)))
        super().drop(connection, name)


def test_the_notes_are_taken_over_before_the_table_goes(log: SqlLog, home: Home, database_url: str) -> None:
    wood(log, 30)
    following(log, home, Heights())
    break_off(log, home, Heights())
    assert home.rows(select(REBUILDS.c.run)) == [{"run": 1}]
    with open_home(database_url, Looking) as looking:
        rebuild(log, looking, Heights(), fresh=True)
        assert looking.runs == (2,)


def test_another_version_of_the_fold_begins_anew(log: SqlLog, home: Home) -> None:
    class Newer(Heights):
        version = Heights.version + 1

    wood(log, 30)
    following(log, home, Heights())
    break_off(log, home, Heights())
    assert not rebuild(log, home, Newer()).resumed


def test_without_the_table_what_is_noted_of_it_counts_for_nothing(log: SqlLog, home: Home) -> None:
    wood(log, 30)
    following(log, home, Heights())
    break_off(log, home, Heights())
    with home.engine.begin() as connection:
        home.drop(connection, "heights__next")
    done = rebuild(log, home, Heights())
    assert (done.resumed, done.rows) == (False, 30)


def test_what_a_killed_rebuild_left_running_cannot_write_any_more(log: SqlLog, home: Home) -> None:
    wood(log, 30)
    following(log, home, Heights())

    def another_takes_over(events: int) -> None:
        with home.engine.begin() as connection:
            take_over(connection, Heights())

    with pytest.raises(Superseded):
        Rebuild(log, home, Heights(), now=lambda: NOW, progress=another_takes_over, chunk_rows=10).run()
    assert rebuild(log, home, Heights()).rows == 30


@pytest.mark.postgres
def test_workers_whose_parent_was_killed_leave_what_the_next_rebuild_goes_on_from(postgres_database: str) -> None:
    log, home = open_both(postgres_database)
    view = Heights()
    wood(log)
    following(log, home, view).catch_up()
    live = all_rows(home, [view])
    emptied(home, view)
    with stepping(postgres_database, view, chunk_rows=50, workers=2) as process:
        assert "read" in go_on(process, 3)
    done = Rebuild(
        log, home, view, now=lambda: NOW, workers=2, connect=partial(open_both, postgres_database), chunk_rows=50
    ).run()
    assert (done.resumed, all_rows(home, [view])) == (True, live)
    log.close()
    home.engine.dispose()
