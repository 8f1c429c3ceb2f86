"""Views that move in one transaction: what goes wrong with one of them is its own affair."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, update

from adapters.store.log import SqlLog
from projections.home import POSITIONS, Home, Moved, Stand
from projections.rebuild import Rebuild
from projections.view import View
from tests.sample_trees import NOW, grow, plant
from tests.store_samples import open_home
from tests.view_samples import (
    Growths,
    Heights,
    Interrupted,
    Sizes,
    all_rows,
    following,
    heights,
    parked,
    position,
    sizes,
)

VIEWS = Heights(), Growths(), Sizes()


class Counted(Home):
    """A home that counts its transactions."""

    transactions = 0

    @contextmanager
    def advancing_all(self, pasts: Sequence[tuple[View, Stand]], *, to: int) -> Iterator[Connection]:
        self.transactions += 1
        with super().advancing_all(pasts, to=to) as connection:
            yield connection


def test_all_views_move_in_one_transaction(log: SqlLog, database_url: str) -> None:
    with open_home(database_url, Counted) as home:
        follower = following(log, home, *VIEWS)
        plant(log, 1, 5)
        follower.catch_up()
        assert home.transactions == 1
        assert [position(home, view) for view in VIEWS] == [2, 2, 2]
        assert (heights(home), sizes(home)) == ({1: 5}, {"5": 1})


@pytest.mark.parametrize("broken", [Heights(7), Growths(7), Sizes(7)])
def test_one_failing_view_does_not_hold_the_others_up(log: SqlLog, home: Home, broken: View) -> None:
    views = [broken, *(view for view in VIEWS if view.name != broken.name)]
    follower = following(log, home, *views)
    plant(log, 1, 5, 7)
    plant(log, 2, 6)
    follower.catch_up()
    assert parked(home, broken) == [(3, "ValueError")]
    assert [position(home, view) for view in views] == [5, 5, 5]
    sound = [view for view in VIEWS if view.name != broken.name]
    rows = all_rows(home, sound)
    for view in sound:
        Rebuild(log, home, view, now=lambda: NOW).run()
    assert all_rows(home, sound) == rows


def test_views_of_which_one_was_moved_elsewhere_write_nothing_together(log: SqlLog, home: Home) -> None:
    following(log, home, *VIEWS)
    with home.engine.begin() as connection:
        connection.execute(update(POSITIONS).where(POSITIONS.c.view == "sizes").values(position=1))
    with pytest.raises(Moved), home.advancing_all([(view, Stand(0, 1)) for view in VIEWS], to=2):
        raise AssertionError("nothing may be written")
    assert [position(home, view) for view in VIEWS] == [0, 0, 1]


def test_a_view_that_another_follower_has_moved_is_folded_once_and_the_others_go_on(
    log: SqlLog, home: Home, database_url: str
) -> None:
    with open_home(database_url, Interrupted) as interrupted:
        first, second = following(log, home, Sizes()), following(log, interrupted, *VIEWS)
        plant(log, 1, 5, 5)
        interrupted.before_writing.append(first.catch_up)
        second.catch_up()
    assert (heights(home), sizes(home)) == ({1: 10}, {"5": 2})
    assert [position(home, view) for view in VIEWS] == [3, 3, 3]


def test_a_rebuild_that_swaps_between_reading_and_writing_loses_and_repeats_nothing(
    log: SqlLog, home: Home, database_url: str
) -> None:
    with open_home(database_url, Interrupted) as interrupted:
        follower = following(log, interrupted, *VIEWS)
        plant(log, 1, 5)
        follower.catch_up()
        grow(log, 1, 6)
        interrupted.before_writing.append(lambda: Rebuild(log, home, Sizes(), now=lambda: NOW).run())
        follower.catch_up()
    assert (heights(home), sizes(home)) == ({1: 11}, {"5": 1, "6": 1})
    assert len(all_rows(home, [Growths()])["growths"]) == 2


def test_a_view_that_lags_is_given_only_what_it_lacks(log: SqlLog, home: Home) -> None:
    plant(log, 1, 5)
    following(log, home, Sizes()).catch_up()
    grow(log, 1, 6)
    following(log, home, *VIEWS).catch_up()
    assert (heights(home), sizes(home)) == ({1: 11}, {"5": 1, "6": 1})
