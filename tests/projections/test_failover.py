"""After a failover that lost the newest events the views are ahead of the log: a rebuild sets them right."""

import pytest

from adapters.store.log import SqlLog
from projections.back import NoWayBack, go_back
from projections.home import Home
from projections.rebuild import Rebuild
from projections.view import View
from tests.sample_trees import NOW, plant, tree_id
from tests.store_samples import sql
from tests.view_samples import Growths, Heights, Sizes, all_rows, drop_tables, following, heights, position

SHAPES = [Heights, Growths, Sizes]


def lose(url: str, number: int) -> None:
    """Another server takes over, which has nothing of this tree."""
    sql(url, "DELETE FROM events WHERE stream = ?", str(tree_id(number)))


def planted_and_lost(log: SqlLog, home: Home, url: str, view: View) -> None:
    """Two trees are in the view, and one in the log."""
    follower = following(log, home, view)
    plant(log, 1, 5)
    plant(log, 2, 6)
    follower.catch_up()
    lose(url, 2)
    assert position(home, view) > log.last_position()


def expected(log: SqlLog, home: Home, view: View) -> object:
    """What following from the first event gives."""
    drop_tables(home)
    following(log, home, view).catch_up()
    return all_rows(home, [view])


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_appended_after_a_rebuild_is_in_the_view(
    log: SqlLog, home: Home, database_url: str, shape: type[View]
) -> None:
    view = shape()
    planted_and_lost(log, home, database_url, view)
    assert Rebuild(log, home, view, now=lambda: NOW).run().position == log.last_position() == position(home, view)
    plant(log, 3, 9)
    following(log, home, view).catch_up()
    assert all_rows(home, [view]) == expected(log, home, view)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_appended_between_a_preview_and_its_approval_is_in_the_view(
    log: SqlLog, home: Home, database_url: str, shape: type[View]
) -> None:
    view = shape()
    planted_and_lost(log, home, database_url, view)
    rebuild = Rebuild(log, home, view, now=lambda: NOW)
    assert rebuild.preview().removed > 0
    plant(log, 3, 9)
    rebuild.approve()
    assert all_rows(home, [view]) == expected(log, home, view)


def test_a_table_that_was_filled_before_is_filled_anew(log: SqlLog, home: Home, database_url: str) -> None:
    following(log, home, Heights()).catch_up()
    plant(log, 1, 5)
    plant(log, 2, 6)
    following(log, home, Heights()).catch_up()
    Rebuild(log, home, Heights(), now=lambda: NOW).preview()
    lose(database_url, 2)
    assert not Rebuild(log, home, Heights(), now=lambda: NOW).run().resumed
    assert heights(home) == {1: 5}


def test_no_way_leads_back_to_what_the_log_has_lost(log: SqlLog, home: Home, database_url: str) -> None:
    planted_and_lost(log, home, database_url, Heights())
    Rebuild(log, home, Heights(), now=lambda: NOW).run()
    plant(log, 3, 9)
    plant(log, 4, 9)
    with pytest.raises(NoWayBack):
        go_back(log, home, Heights(), now=lambda: NOW)
    assert 2 not in heights(home)


def test_a_table_of_before_that_has_what_the_log_has_lost_stays_there(
    log: SqlLog, home: Home, database_url: str
) -> None:
    follower = following(log, home, Heights())
    plant(log, 1, 5)
    plant(log, 2, 6)
    follower.catch_up()
    Rebuild(log, home, Heights(), now=lambda: NOW).run()
    lose(database_url, 2)
    with pytest.raises(NoWayBack, match="log"):
        go_back(log, home, Heights(), now=lambda: NOW)
