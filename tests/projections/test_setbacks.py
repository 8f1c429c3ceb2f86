"""What a rebuild sets aside: nothing of it is lost, and there is an end to it."""

import pytest

from adapters.store.log import SqlLog
from projections.fill import MOST_SETBACKS, TooManySetbacks
from projections.home import Home
from projections.rebuild import Rebuild
from tests.sample_trees import NOW, plant
from tests.store_samples import sql
from tests.view_samples import Growths, Heights, Sizes, all_rows, following, parked, position, sizes

BROKEN = '{"broken": true}'


@pytest.mark.parametrize("before", [(), (5,)])
@pytest.mark.parametrize("chunk_rows", [1, 100])
def test_an_event_behind_the_last_good_one_that_cannot_be_read_is_parked(
    log: SqlLog, home: Home, database_url: str, before: tuple[int, ...], chunk_rows: int
) -> None:
    following(log, home, Sizes())
    plant(log, 1, *before)
    last = plant(log, 2, 7)
    sql(database_url, "UPDATE events SET data = ? WHERE position = ?", BROKEN, last)
    done = Rebuild(log, home, Sizes(), now=lambda: NOW, chunk_rows=chunk_rows).run()
    assert (done.parked, position(home, Sizes()), sizes(home)) == (1, last, {str(by_cm): 1 for by_cm in before})
    assert [at for at, _ in parked(home, Sizes())] == [last]


@pytest.mark.parametrize("shape", [Heights, Growths, Sizes])
def test_a_fold_that_fails_for_thousands_of_events_ends_the_rebuild_and_changes_nothing(
    log: SqlLog, home: Home, shape: type[Heights]
) -> None:
    follower = following(log, home, shape())
    plant(log, 1, *[7] * (MOST_SETBACKS + 1))
    follower.catch_up()
    live = all_rows(home, [shape()])
    with pytest.raises(TooManySetbacks, match=f"the view {shape.name}: mend its fold first"):
        Rebuild(log, home, shape(7), now=lambda: NOW).run()
    assert all_rows(home, [shape()]) == live


def test_a_start_of_the_product_leaves_such_a_view_standing_still(log: SqlLog, home: Home) -> None:
    class Newer(Heights):
        version = Heights.version + 1

    following(log, home, Heights())
    plant(log, 1, *[7] * (MOST_SETBACKS + 1))
    assert Rebuild(log, home, Newer(7), now=lambda: NOW).run_if_stale() is None
    assert home.states()["heights"]["version"] == Heights.version
    assert Rebuild(log, home, Newer(), now=lambda: NOW).run_if_stale() is not None
