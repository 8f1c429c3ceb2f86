"""Views as they were, on both databases: the rows that a rebuild of a log cut at that moment would give."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from adapters.store.log import SqlLog
from domain.ledger import NOBODY, Entry, Event, Ledger
from domain.shared.travel import until
from projections.home import Home, Rebuilding
from projections.past import NotAPast, Past, drop_past, make_past, pasts
from projections.rebuild import Rebuild
from projections.travel import row_life
from projections.view import View
from tests.sample_trees import NOW, Tree, at, gardening, new_tree, plant, tree_id
from tests.store_samples import open_home, open_log, sql
from tests.view_samples import Growths, Heights, Sizes, all_rows, drop_tables, following, parked

SHAPES: list[type[View]] = [Heights, Growths, Sizes]
HISTORIES = st.lists(
    st.tuples(
        st.integers(1, 3), st.sampled_from(["grow", "grow", "fell", "note"]), st.integers(0, 25), st.integers(0, 9)
    ),
    max_size=15,
)


def happen(log: SqlLog, number: int, what: str, by_cm: int, second: int) -> None:
    """Something happens to a tree, recorded by a clock of its own."""
    ledger, events = Ledger(log, policies={}), log.events_of(tree_id(number))
    tree = Tree.of(tree_id(number), events) if events else Tree(tree_id(number))
    with gardening(after=second):
        if not events:
            tree.plant(gardener="Ada")
        elif what == "fell":
            tree.fell()
        elif what == "note":
            tree.note("a note that only some views fold")
        else:
            tree.grow(by_cm)
    ledger.record(tree)


def past(log: SqlLog, home: Home, view: View, second: float, *, name: str = "then", **more: Any) -> Past:
    return make_past(log, home, view, as_of=at(second), name=name, now=NOW, **more)


def rows(home: Home, table: str) -> list[tuple[Any, ...]]:
    with home.engine.connect() as connection:
        return sorted((tuple(row) for row in connection.execute(text(f"SELECT * FROM {table}"))), key=str)


def everything(log: SqlLog) -> list[Event]:
    return [log.decode(name, data) for _, name, data in log.read(0, 1000)]


@contextmanager
def cut(log: SqlLog, second: int) -> Iterator[tuple[SqlLog, Home]]:
    """Another ledger, with the events that had been recorded by then and at the positions they have there."""
    streams = {event.stream for event in everything(log)}
    counted = {event.reference for stream in streams for event in until(log.events_of(stream), at(second))}
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder)}/cut.sqlite"
        with open_log(url) as other, open_home(url, Home) as home:
            for event in everything(log):
                if event.reference in counted:
                    other.append([Entry(event, event.stream)])
            yield other, home


def comparable(rows: Sequence[tuple[Any, ...]], shape: type[View]) -> list[tuple[Any, ...]]:
    """Without what a copy of the log has otherwise: positions, and personal data sealed anew."""
    skip = 1 if shape is Growths else 0
    return sorted(tuple(value for nth, value in enumerate(row[skip:]) if (shape, nth) != (Heights, 2)) for row in rows)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=HISTORIES, second=st.integers(-1, 10))
def test_a_view_as_of_a_moment_is_a_rebuild_of_the_log_cut_there(
    log: SqlLog, home: Home, database_url: str, history: list[tuple[int, str, int, int]], second: int
) -> None:
    for table in ("events", "claims", "open_effects"):
        sql(database_url, f"DELETE FROM {table}")
    sql(database_url, "DELETE FROM keys WHERE subject <> ?", NOBODY)
    drop_tables(home)
    views = [shape() for shape in SHAPES]
    following(log, home, *views)
    for step in history:
        happen(log, *step)
    with cut(log, second) as (other, fresh):
        following(other, fresh, *views)
        for view in views:
            Rebuild(other, fresh, view, now=lambda: NOW).run()
            made = past(log, home, view, second)
            then, shape = home.rows(view.table("__past_then").select()), type(view)
            expected = fresh.rows(view.live.select())
            assert comparable([tuple(row.values()) for row in then], shape) == comparable(
                [tuple(row.values()) for row in expected], shape
            )
            assert made.rows == len(expected)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=HISTORIES, second=st.integers(0, 10))
def test_a_row_as_of_a_moment_is_that_of_the_view_as_of_then(
    log: SqlLog, home: Home, database_url: str, history: list[tuple[int, str, int, int]], second: int
) -> None:
    for table in ("events", "claims", "open_effects"):
        sql(database_url, f"DELETE FROM {table}")
    sql(database_url, "DELETE FROM keys WHERE subject <> ?", NOBODY)
    drop_tables(home)
    view = Heights()
    following(log, home, view)
    for step in history:
        happen(log, *step)
    past(log, home, view, second)
    found = {row["id"]: row["height_cm"] for row in home.rows(view.table("__past_then").select())}
    for number in (1, 2, 3):
        steps = list(row_life(view, until(log.events_of(tree_id(number)), at(second)), lambda token, held: None))
        state = steps[-1].state if steps else {}
        assert state.get("height_cm") == found.get(str(tree_id(number)))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_live_view_is_not_touched(log: SqlLog, home: Home, shape: type[View]) -> None:
    follower = following(log, home, shape())
    happen(log, 1, "plant", 0, 0)
    happen(log, 1, "grow", 5, 1)
    follower.catch_up()
    happen(log, 1, "grow", 7, 2)
    before, states = all_rows(home, [shape()]), home.states()
    past(log, home, shape(), 0)
    assert (all_rows(home, [shape()]), home.states()) == (before, states)
    follower.catch_up()
    assert all_rows(home, [shape()]) != before


@pytest.mark.parametrize("shape", [Heights, Growths, Sizes])
def test_an_event_that_the_view_does_not_fold_ends_a_stream_too(log: SqlLog, home: Home, shape: type[View]) -> None:
    following(log, home, shape())
    happen(log, 1, "plant", 0, 0)
    happen(log, 1, "note", 0, 9)
    happen(log, 1, "fell", 0, 9)
    happen(log, 1, "grow", 5, 1)  # recorded after the note, by a slower clock
    past(log, home, shape(), 5)
    assert [row.get("height_cm") for row in home.rows(shape.table("__past_then").select())] == (
        [0] if shape is Heights else []
    )


def test_the_other_clock_puts_what_was_told_late_in_its_place(log: SqlLog, home: Home) -> None:
    view = Heights()
    following(log, home, view)
    tree = new_tree(1)
    with gardening(after=60):
        tree.happened(Tree.Grew(by_cm=9, happened_at=at(5)))
    Ledger(log, policies={}).record(tree)
    past(log, home, view, 10, name="recorded")
    past(log, home, view, 10, name="happened", clock="happened")
    assert [row["height_cm"] for row in home.rows(view.table("__past_recorded").select())] == [0]
    assert [row["height_cm"] for row in home.rows(view.table("__past_happened").select())] == [9]


def test_a_table_of_the_past_is_listed_until_it_is_dropped(log: SqlLog, home: Home) -> None:
    following(log, home, Heights(), Sizes())
    plant(log, 1, 5)
    assert pasts(home) == []
    first, second = past(log, home, Heights(), 0), past(log, home, Sizes(), 0, name="b")
    assert pasts(home) == [first, second]
    assert (first.name, first.view, first.as_of, first.rows, first.left_out) == (
        "heights__past_then", "heights", NOW, 1, 0,
    )  # fmt: skip
    drop_past(home, first.name)
    assert pasts(home) == [second]
    with pytest.raises(NotAPast, match="There is no table of the past named heights__past_then"):
        drop_past(home, first.name)


@pytest.mark.parametrize("name", ["heights", "heights__next", "positions", "past_tables", "nothing__past_here"])
def test_no_other_table_can_be_dropped(log: SqlLog, home: Home, name: str) -> None:
    following(log, home, Heights())
    past(log, home, Heights(), 0)
    with pytest.raises(NotAPast):
        drop_past(home, name)
    assert home.complete([Heights()])


def test_a_name_is_used_once(log: SqlLog, home: Home) -> None:
    following(log, home, Heights())
    past(log, home, Heights(), 0)
    with pytest.raises(NotAPast, match="heights__past_then already"):
        past(log, home, Heights(), 1)


@pytest.mark.parametrize("name", ["", "A", 'x"; DROP TABLE heights', "n" * 60])
def test_a_name_that_a_table_cannot_have_is_refused(log: SqlLog, home: Home, name: str) -> None:
    following(log, home, Heights())
    with pytest.raises(NotAPast, match="small letters, digits and underscores"):
        past(log, home, Heights(), 0, name=name)


def test_what_an_attempt_left_behind_is_replaced(log: SqlLog, home: Home) -> None:
    following(log, home, Heights())
    plant(log, 1)

    with home.engine.begin() as connection:
        home.create(connection, Heights(), Heights.table("__past_then"), generation=0, indexed=False)
        connection.execute(text("ALTER TABLE heights__past_then ADD COLUMN of_old integer"))
    past(log, home, Heights(), 0)
    assert len(rows(home, "heights__past_then")[0]) == len(Heights.columns())


def test_an_event_that_does_not_fold_is_left_out_and_counted_and_not_parked(log: SqlLog, home: Home) -> None:
    following(log, home, Heights())
    plant(log, 1, 5)
    plant(log, 2, 6)
    assert past(log, home, Heights(5), 0).left_out == 1
    assert parked(home, Heights()) == []


def test_a_view_that_is_being_rebuilt_has_to_wait(log: SqlLog, home: Home) -> None:
    following(log, home, Heights())
    with home.rebuilding(Heights(), wait=False), pytest.raises(Rebuilding):
        past(log, home, Heights(), 0)
