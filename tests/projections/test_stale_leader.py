"""A leader that was frozen in the middle of a write, and wakes up after another has led: it does no harm."""

from adapters.store.log import SqlLog
from projections.home import Home
from projections.rebuild import Rebuild
from tests.sample_trees import NOW, grow, plant
from tests.store_samples import open_home
from tests.view_samples import Growths, Heights, Interrupted, Sizes, all_rows, following, parked, position

VIEWS = Heights(9), Growths(), Sizes()


def test_a_leader_that_wakes_up_writes_nothing_that_another_has_written(
    log: SqlLog, home: Home, database_url: str
) -> None:
    with open_home(database_url, Interrupted) as frozen:
        stale, other = following(log, frozen, *VIEWS), following(log, home, *VIEWS)
        plant(log, 1, 5)
        stale.catch_up()

        def another_leads() -> None:
            grow(log, 1, 9)  # which one of the views cannot fold, and sets aside
            grow(log, 1, 3)
            plant(log, 3, 4)
            other.catch_up()

        plant(log, 2, 5)
        frozen.before_writing.append(another_leads)
        stale.catch_up()
        stale.catch_up()
        last = log.last_position()
        assert [position(home, view) for view in VIEWS] == [last] * len(VIEWS)
        assert [reason for _, reason in parked(home, VIEWS[0])] == ["ValueError", "behind a parked event"]
        rows = all_rows(home, VIEWS)
        for view in VIEWS:
            Rebuild(log, home, view, now=lambda: NOW).run()
        assert all_rows(home, VIEWS) == rows


def test_a_leader_that_wakes_up_may_go_on_where_the_other_stopped(log: SqlLog, home: Home, database_url: str) -> None:
    with open_home(database_url, Interrupted) as frozen:
        stale, other = following(log, frozen, *VIEWS), following(log, home, *VIEWS)
        plant(log, 1, 5)
        frozen.before_writing.append(other.catch_up)
        stale.catch_up()
        grow(log, 1, 7)
        stale.catch_up()
        assert [position(home, view) for view in VIEWS] == [3] * len(VIEWS)
        assert all_rows(home, [VIEWS[0]])["heights"][0]["height_cm"] == 12
