"""A rebuild that is looked at before it is swapped: what would change, and nothing does until somebody says so."""

from typing import Any

import pytest
from sqlalchemy import Column, Integer, String, delete, insert, select, update

from adapters.store.log import SqlLog
from domain.ledger import Event
from projections.home import Home
from projections.kept import REBUILDS
from projections.preview import Preview, hidden, one_moment, with_events
from projections.rebuild import NothingWaits, Rebuild
from projections.view import Row, View
from tests.sample_trees import NOW, Tree, grow, plant, tree_id
from tests.store_samples import sql
from tests.view_samples import Growths, Heights, Sizes, all_rows, following, heights

SHAPES = [Heights, Growths, Sizes]


class Taller(Heights):
    """The same trees, with a column more, one less, one of another type and another rule."""

    version = Heights.version + 1

    @staticmethod
    def columns() -> list[Column[Any]]:
        return [
            Column("id", String(36), primary_key=True),
            Column("height_cm", String, nullable=False),
            Column("gardener", String, nullable=False),
            Column("times", Integer, nullable=False),
        ]

    def evolve(self, row: Row | None, event: Event) -> Row | None:
        match event:
            case Tree.Planted(gardener=gardener):
                return {"id": str(event.stream), "height_cm": "0", "gardener": gardener.token, "times": 0}
            case Tree.Grew(by_cm=by_cm) if row is not None:
                more = int(row["height_cm"]) + by_cm + (100 if by_cm > 8 else 0)
                return row | {"height_cm": str(more), "times": row["times"] + 1}
        return None


def rebuild(log: SqlLog, home: Home, view: View) -> Rebuild:
    return Rebuild(log, home, view, now=lambda: NOW)


def looked_at(log: SqlLog, home: Home, view: View) -> Preview:
    return with_events(rebuild(log, home, view).preview(), view, log)


def key(number: int) -> str:
    return str(tree_id(number))


@pytest.fixture
def trees(log: SqlLog, home: Home) -> None:
    """Three trees that every view has folded."""
    follower = following(log, home, *(shape() for shape in SHAPES))
    plant(log, 1, 5, 6)
    plant(log, 2, 5)
    plant(log, 3, 9)
    follower.catch_up()


@pytest.mark.usefixtures("trees")
@pytest.mark.parametrize("shape", SHAPES)
def test_where_nothing_is_wrong_nothing_would_change(log: SqlLog, home: Home, shape: type[View]) -> None:
    before = all_rows(home, [shape()])
    found = looked_at(log, home, shape())
    assert (found.differing, found.columns, found.columns_added, found.columns_removed) == (0, (), (), ())
    assert found.rows_live == found.rows_next == len(before[shape.name])
    assert found.position == log.last_position()
    assert all_rows(home, [shape()]) == before


@pytest.mark.usefixtures("trees")
def test_rows_added_removed_and_changed_are_counted_and_shown_with_their_events(log: SqlLog, home: Home) -> None:
    live = Heights.live
    with home.engine.begin() as connection:
        connection.execute(update(live).where(live.c.id == key(1)).values(height_cm=99, growths=[]))
        connection.execute(delete(live).where(live.c.id == key(2)))
        odd = {"id": key(9), "height_cm": 1, "gardener": "x", "planted_at": NOW, "growths": []}
        connection.execute(insert(live).values(**odd))
    found = looked_at(log, home, Heights())
    assert (found.added, found.removed, found.changed, found.differing) == (1, 1, 1, 3)
    assert [(column.column, column.rows) for column in found.columns] == [("height_cm", 1), ("growths", 1)]
    [height] = found.columns[0].examples
    assert (height.key, height.before, height.after) == ((key(1),), 99, 11)
    behind = [(event.position, event.name, event.at) for event in height.events]
    assert behind == [(3, "sample.tree.Grew", NOW), (2, "sample.tree.Grew", NOW), (1, "sample.tree.Planted", NOW)]
    assert [(one.key, len(one.events)) for one in found.examples_added] == [((key(2),), 2)]
    assert [(one.key, one.events) for one in found.examples_removed] == [((key(9),), ())]


@pytest.mark.usefixtures("trees")
def test_rows_of_a_journal_are_known_by_their_place(log: SqlLog, home: Home) -> None:
    with home.engine.begin() as connection:
        connection.execute(update(Growths.live).where(Growths.live.c.position == 3).values(by_cm=1))
    found = looked_at(log, home, Growths())
    assert (found.added, found.removed, found.changed) == (0, 0, 1)
    [example] = found.columns[0].examples
    assert (example.key, example.before, example.after) == ((3, 0), 1, 6)
    assert [event.position for event in example.events] == [3]


@pytest.mark.usefixtures("trees")
def test_where_streams_share_a_row_no_events_are_told(log: SqlLog, home: Home) -> None:
    with home.engine.begin() as connection:
        connection.execute(delete(Sizes.live))
    found = looked_at(log, home, Sizes())
    assert [one.key for one in found.examples_added] == [("5",), ("6",), ("9",)]
    assert all(one.events == () for one in found.examples_added)


@pytest.mark.usefixtures("trees")
def test_sealed_values_are_not_shown(log: SqlLog, home: Home) -> None:
    rows = home.rows(select(Heights.live).order_by(Heights.live.c.id))
    with home.engine.begin() as connection:
        other = update(Heights.live).where(Heights.live.c.id == key(1)).values(gardener=rows[1]["gardener"])
        connection.execute(other)
    found = looked_at(log, home, Heights())
    [gardener] = found.columns
    assert (gardener.column, gardener.rows) == ("gardener", 1)
    assert [(one.before, one.after) for one in gardener.examples] == [("sealed", "sealed")]
    token = rows[1]["gardener"]
    assert hidden({"a": [token, f"by {token}"], "b": 3}) == {"a": ["sealed", "by sealed"], "b": 3}


@pytest.mark.usefixtures("trees")
def test_a_changed_fold_may_have_other_columns(log: SqlLog, home: Home) -> None:
    found = looked_at(log, home, Taller())
    assert (found.columns_added, found.columns_removed) == (("times",), ("planted_at", "growths"))
    assert (found.rows_version, found.version) == (Heights.version, Taller.version)
    assert [(column.column, column.rows) for column in found.columns] == [("height_cm", 1)]
    [example] = found.columns[0].examples
    assert (example.key, example.before, example.after) == ((key(3),), "9", "109")


@pytest.mark.usefixtures("trees")
def test_a_comparison_sees_one_moment_whatever_is_written_meanwhile(home: Home) -> None:
    with one_moment(home.engine) as looking:
        before = looking.execute(select(Heights.live)).all()
        with home.engine.begin() as writing:
            writing.execute(delete(Heights.live))
        assert looking.execute(select(Heights.live)).all() == before
    assert all_rows(home, [Heights()]) == {"heights": []}


@pytest.mark.usefixtures("trees")
def test_a_view_with_another_key_has_nothing_to_compare(log: SqlLog, home: Home) -> None:
    class Named(Heights):
        version, key_column = 9, "name"
        indexed = ("name",)

        @staticmethod
        def columns() -> list[Column[Any]]:
            return [Column("name", String, primary_key=True)]

        def evolve(self, row: Row | None, event: Event) -> Row | None:
            return {"name": str(event.stream)}

    found = looked_at(log, home, Named())
    assert (found.added, found.removed, found.changed, found.columns) == (3, 3, 0, ())


@pytest.mark.usefixtures("trees")
@pytest.mark.parametrize("shape", SHAPES)
def test_what_waits_is_caught_up_and_swapped_when_it_is_approved(log: SqlLog, home: Home, shape: type[View]) -> None:
    follower = following(log, home, *(shape() for shape in SHAPES))
    with home.engine.begin() as connection:
        connection.execute(delete(shape.live))
    preview = rebuild(log, home, shape()).preview()
    grow(log, 1, 7)
    follower.catch_up()
    before, now, rebuilt = rebuild(log, home, shape()).approve()
    assert before == preview.counts()
    assert (before.position, now.position, rebuilt.position) == (7, 8, 8)
    assert rebuilt.resumed
    live = all_rows(home, [shape()])
    rebuild(log, home, shape()).run()
    assert all_rows(home, [shape()]) == live
    with pytest.raises(NothingWaits):
        rebuild(log, home, shape()).approve()


@pytest.mark.usefixtures("trees")
def test_what_waits_can_be_dropped(log: SqlLog, home: Home) -> None:
    with pytest.raises(NothingWaits):
        rebuild(log, home, Heights()).discard()
    rebuild(log, home, Heights()).preview()
    rebuild(log, home, Heights()).discard()
    assert "heights__next" not in home.engine.dialect.get_table_names(home.engine.connect())
    assert home.rows(select(REBUILDS)) == []
    assert heights(home) == {1: 11, 2: 5, 3: 9}


@pytest.mark.usefixtures("trees")
def test_a_start_of_the_product_does_not_swap_what_waits(log: SqlLog, home: Home) -> None:
    rebuild(log, home, Taller()).preview()
    assert rebuild(log, home, Taller()).run_if_stale() is None
    assert home.states()["heights"]["version"] == Heights.version
    rebuild(log, home, Taller()).approve()
    assert home.states()["heights"]["version"] == Taller.version


@pytest.mark.usefixtures("trees")
def test_both_tables_are_compared_at_one_position(log: SqlLog, home: Home) -> None:
    follower = following(log, home, Heights())
    grow(log, 1, 7)  # on the log, and not in the live rows
    found = rebuild(log, home, Heights()).preview()
    assert (found.position, found.differing) == (7, 0)
    follower.catch_up()
    found = rebuild(log, home, Heights()).preview()
    assert (found.position, found.differing) == (8, 0)


@pytest.mark.usefixtures("trees")
def test_what_was_kept_of_another_rebuild_and_is_ahead_of_the_live_rows_is_begun_anew(
    log: SqlLog, home: Home, database_url: str
) -> None:
    grow(log, 1, 7)
    rebuild(log, home, Heights()).preview()
    with home.engine.begin() as connection:
        connection.execute(update(REBUILDS).values(position=8))
    found = rebuild(log, home, Heights()).preview()
    assert (found.position, found.differing) == (7, 0)


@pytest.mark.usefixtures("trees")
def test_an_event_that_cannot_be_read_is_left_out_of_those_behind_a_row(
    log: SqlLog, home: Home, database_url: str
) -> None:
    with home.engine.begin() as connection:
        connection.execute(update(Heights.live).where(Heights.live.c.id == key(1)).values(height_cm=99))
    sql(database_url, "UPDATE events SET data = '{}' WHERE position = 3")
    [example] = looked_at(log, home, Heights()).columns[0].examples
    assert [event.position for event in example.events] == [2, 1]
