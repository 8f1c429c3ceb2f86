"""One subject folded anew in the live table, and nothing else touched."""

import pytest
from sqlalchemy import delete, insert, update

from adapters.store.log import SqlLog
from projections.home import POSITIONS, Home, Rebuilding
from projections.only import CannotRefold, refold
from tests.sample_trees import NOW, grow, plant, tree_id
from tests.view_samples import Growths, Heights, Sizes, all_rows, following, heights, parked, sizes

SHAPES = [Heights, Growths, Sizes]


def key(number: int) -> str:
    return str(tree_id(number))


@pytest.fixture
def trees(log: SqlLog, home: Home) -> None:
    """Three trees that every view has folded, and a growth that none has."""
    follower = following(log, home, *(shape() for shape in SHAPES))
    plant(log, 1, 5, 16)
    plant(log, 2, 5)
    follower.catch_up()
    grow(log, 1, 3)


@pytest.mark.usefixtures("trees")
@pytest.mark.parametrize(("shape", "id"), [(Heights, key(1)), (Growths, key(1)), (Sizes, "5")])
def test_what_is_right_stays_as_it_is(log: SqlLog, home: Home, shape: type[Heights], id: str) -> None:
    before = all_rows(home, [shape()])
    done = refold(log, home, shape(), id=id)
    assert (done.position, done.added, done.removed, done.changes) == (5, 0, 0, ())
    assert all_rows(home, [shape()]) == before


@pytest.mark.usefixtures("trees")
def test_a_wrong_row_is_put_right_and_the_difference_told(log: SqlLog, home: Home) -> None:
    with home.engine.begin() as connection:
        connection.execute(update(Heights.live).values(height_cm=99, growths=[1]))
    done = refold(log, home, Heights(), id=key(1))
    told = [(one.key, one.column, one.before, one.after) for one in done.changes]
    assert told == [((key(1),), "height_cm", 99, 21), ((key(1),), "growths", [1], [5, 16])]
    assert heights(home) == {1: 21, 2: 99}


@pytest.mark.usefixtures("trees")
def test_sealed_values_are_not_told(log: SqlLog, home: Home) -> None:
    [token] = [row["gardener"] for row in home.rows(Heights.live.select()) if row["id"] == key(2)]
    with home.engine.begin() as connection:
        connection.execute(update(Heights.live).values(gardener=token))
    [one] = refold(log, home, Heights(), id=key(1)).changes
    assert (one.column, one.before, one.after) == ("gardener", "sealed", "sealed")


@pytest.mark.usefixtures("trees")
def test_a_missing_row_is_added_and_one_of_nothing_is_removed(log: SqlLog, home: Home) -> None:
    with home.engine.begin() as connection:
        connection.execute(delete(Heights.live))
        odd = {"id": key(9), "height_cm": 1, "gardener": "x", "planted_at": NOW, "growths": []}
        connection.execute(insert(Heights.live).values(**odd))
    assert refold(log, home, Heights(), id=key(1)).added == 1
    assert refold(log, home, Heights(), id=key(9)).removed == 1
    assert heights(home) == {1: 21}


@pytest.mark.usefixtures("trees")
def test_the_rows_of_a_journal_are_put_right(log: SqlLog, home: Home) -> None:
    before = all_rows(home, [Growths()])
    live = Growths.live
    with home.engine.begin() as connection:
        connection.execute(delete(live).where(live.c.position == 2))
        connection.execute(update(live).where(live.c.position == 3, live.c.nth == 1).values(by_cm=99))
        connection.execute(insert(live).values(position=1, nth=0, tree=key(1), by_cm=4))
    done = refold(log, home, Growths(), id=key(1))
    assert (done.added, done.removed) == (1, 1)
    assert [(one.key, one.before, one.after) for one in done.changes] == [((3, 1), 99, 6)]
    assert all_rows(home, [Growths()]) == before


@pytest.mark.usefixtures("trees")
def test_a_row_that_streams_share_is_put_right(log: SqlLog, home: Home) -> None:
    with home.engine.begin() as connection:
        connection.execute(update(Sizes.live).values(times=99))
    [one] = refold(log, home, Sizes(), id="5").changes
    assert (one.before, one.after) == (99, 2)
    assert sizes(home) == {"5": 2, "16": 99}


def test_parked_events_that_fold_now_are_parked_no_more(log: SqlLog, home: Home) -> None:
    follower = following(log, home, Heights(7), Sizes(7))
    plant(log, 1, 5, 7, 6)
    follower.catch_up()
    with pytest.raises(CannotRefold, match=r"Event 3 does not fold \(ValueError\); nothing was changed"):
        refold(log, home, Heights(7), id=key(1))
    assert parked(home, Heights()) == [(3, "ValueError"), (4, "behind a parked event")]
    refold(log, home, Heights(), id=key(1))
    assert (heights(home), parked(home, Heights())) == ({1: 18}, [])
    with pytest.raises(CannotRefold, match="has no row of 7"):
        refold(log, home, Sizes(), id="7")
    assert [at for at, _ in parked(home, Sizes())] == [3, 4]


@pytest.mark.usefixtures("trees")
def test_rows_of_another_version_are_not_mixed_with_todays(log: SqlLog, home: Home) -> None:
    with home.engine.begin() as connection:
        connection.execute(update(POSITIONS).values(version=9))
    with pytest.raises(CannotRefold, match="rebuild it whole"):
        refold(log, home, Heights(), id=key(1))


@pytest.mark.usefixtures("trees")
@pytest.mark.parametrize(("shape", "id"), [(Heights, key(7)), (Growths, key(7)), (Sizes, "7")])
def test_where_there_is_no_row_nobody_is_told_that_it_is_right(
    log: SqlLog, home: Home, shape: type[Heights], id: str
) -> None:
    with pytest.raises(CannotRefold, match=f"has no row of {id}"):
        refold(log, home, shape(), id=id)


@pytest.mark.usefixtures("trees")
def test_nothing_is_folded_alone_during_a_rebuild(log: SqlLog, home: Home) -> None:
    with home.rebuilding(Heights(), wait=False), pytest.raises(Rebuilding):
        refold(log, home, Heights(), id=key(1))
