"""What a rebuild will take is told before it begins."""

import pytest
from sqlalchemy import update

from adapters.store.log import SqlLog
from domain.ledger import Ledger
from projections.estimate import estimate
from projections.home import Home
from projections.kept import PREVIOUS
from projections.rebuild import Rebuild
from projections.view import View
from tests.sample_trees import NOW, gardening, new_tree
from tests.view_samples import Growths, Heights, Sizes, following


@pytest.fixture
def wood(log: SqlLog, home: Home) -> None:
    """A hundred trees, each planted and grown twice."""
    following(log, home, Heights(), Growths(), Sizes())
    with gardening():
        Ledger(log, policies={}).record(*(new_tree(number, 5, 6) for number in range(1, 101)))


@pytest.mark.usefixtures("wood")
@pytest.mark.parametrize(("shape", "events"), [(Heights, 300), (Growths, 200), (Sizes, 200)])
def test_at_first_a_probe_of_the_log_tells(log: SqlLog, home: Home, shape: type[View], events: int) -> None:
    told = estimate(log, home, shape())
    assert (told.view, told.events, told.kept, told.after) == (shape.name, events, 0, "a probe")
    assert told.seconds > 0
    assert told.rate > 0


@pytest.mark.usefixtures("wood")
def test_events_that_would_not_fold_do_not_matter(log: SqlLog, home: Home) -> None:
    assert estimate(log, home, Heights(5)).events == 300


@pytest.mark.usefixtures("wood")
def test_later_the_last_rebuild_tells(log: SqlLog, home: Home) -> None:
    Rebuild(log, home, Heights(), now=lambda: NOW).run()
    with home.engine.begin() as connection:
        connection.execute(update(PREVIOUS).values(events=20_000, seconds=4.0, reached=30_000))
    told = estimate(log, home, Heights())
    assert (told.events, told.after, told.rate) == (200, "the last rebuild", 5_000)
    assert told.seconds == pytest.approx(200 / 5_000)


@pytest.mark.usefixtures("wood")
def test_what_is_folded_already_need_not_be_folded_again(log: SqlLog, home: Home) -> None:
    Rebuild(log, home, Heights(), now=lambda: NOW).preview()
    assert estimate(log, home, Heights()).kept == 0  # the live rows were of position 0
    following(log, home, Heights()).catch_up()
    Rebuild(log, home, Heights(), now=lambda: NOW).preview()
    told = estimate(log, home, Heights())
    assert (told.kept, told.seconds) == (300, 0)
    assert estimate(log, home, Heights(), fresh=True).kept == 0


def test_an_empty_log_takes_no_time(log: SqlLog, home: Home) -> None:
    following(log, home, Heights())
    assert (estimate(log, home, Heights()).events, estimate(log, home, Heights()).seconds) == (0, 0)
