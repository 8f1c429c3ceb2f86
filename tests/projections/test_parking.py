"""Events that would not fold: set aside for one view alone, and folded later."""

import pytest

from adapters.store.log import SqlLog
from domain.ledger import Event
from projections.home import Home
from projections.view import Row, View
from tests.sample_trees import NOW, grow, plant, tree_id
from tests.store_samples import open_home, sql
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


class Loose(Heights, name="loose"):
    """A careless view: it puts into a text column whatever it finds."""

    def evolve(self, row: Row | None, event: Event) -> Row | None:
        row = super().evolve(row, event)
        return row | {"gardener": {"not": "text"}} if row and row["height_cm"] == 13 else row


@pytest.mark.parametrize(("view", "behind"), [(Heights(7), {1: 5, 2: 9}), (Growths(7), None), (Sizes(7), None)])
def test_poison_is_parked_with_the_rest_of_its_stream(
    log: SqlLog, home: Home, view: View, behind: dict[int, int] | None
) -> None:
    sound = Heights() if isinstance(view, Growths) else Growths()
    follower = following(log, home, view, sound)
    plant(log, 1, 5, 7, 6)
    plant(log, 2, 9)
    grow(log, 1, 8)
    follower.catch_up()
    assert parked(home, view) == [(3, "ValueError"), (4, "behind a parked event"), (7, "behind a parked event")]
    assert {row["stream"] for row in home.parked(view)} == {str(tree_id(1))}
    assert parked(home, sound) == []
    assert (position(home, view), position(home, sound)) == (7, 7)
    if behind:
        assert heights(home) == behind


def test_a_restarted_follower_remembers_what_is_parked(log: SqlLog, home: Home) -> None:
    plant(log, 1, 7)
    following(log, home, Heights(7)).catch_up()
    grow(log, 1, 8)
    following(log, home, Heights()).catch_up()
    assert parked(home, Heights()) == [(2, "ValueError"), (3, "behind a parked event")]


def test_two_followers_that_meet_the_same_poison_are_harmless(log: SqlLog, home: Home, database_url: str) -> None:
    with open_home(database_url, Interrupted) as interrupted:
        first, second = (following(log, place, Sizes(7)) for place in (home, interrupted))
        plant(log, 1, 7)
        interrupted.before_writing += [lambda: None] * 3 + [first.catch_up]
        second.catch_up()
        plant(log, 2, 5)
        second.catch_up()
    assert parked(home, Sizes()) == [(2, "ValueError")]
    assert sizes(home) == {"5": 1}


@pytest.mark.parametrize("views", [(Heights(7), Growths(7), Sizes(7))])
def test_parked_events_fold_once_the_fold_is_mended(
    log: SqlLog, home: Home, views: tuple[Heights, Growths, Sizes]
) -> None:
    follower = following(log, home, *views)
    plant(log, 1, 5, 7, 6)
    plant(log, 2, 7)
    follower.catch_up()
    assert [follower.retry_parked(view) for view in views] == [3, 3, 3]
    for view in views:
        view.refuses.clear()
    assert [follower.retry_parked(view) for view in views] == [0, 0, 0]
    for view in views:
        view.refuses.add(7)
    grow(log, 1, 9)
    follower.catch_up()
    assert heights(home) == {1: 27, 2: 7}
    assert sizes(home) == {"5": 1, "6": 1, "7": 2, "9": 1}
    assert sum(row["by_cm"] for row in all_rows(home, views)["growths"]) == 34


def test_a_retry_stops_at_the_first_event_of_a_stream_that_still_fails(log: SqlLog, home: Home) -> None:
    view = Heights(6, 7)
    follower = following(log, home, view)
    plant(log, 1, 7, 6, 5)
    plant(log, 2, 7, 5)
    follower.catch_up()
    view.refuses.discard(7)
    assert follower.retry_parked(view) == 2
    assert parked(home, view) == [(3, "behind a parked event"), (4, "behind a parked event")]
    assert heights(home) == {1: 7, 2: 12}


def test_two_retries_at_once_fold_an_event_once(log: SqlLog, home: Home, database_url: str) -> None:
    plant(log, 1, 7)
    following(log, home, Sizes(7)).catch_up()
    with open_home(database_url, Interrupted) as interrupted:
        first, second = (following(log, place, Sizes()) for place in (home, interrupted))
        interrupted.after_reading_parked.append(lambda: first.retry_parked(Sizes()))
        assert second.retry_parked(Sizes()) == 0
    assert sizes(home) == {"7": 1}


def test_a_follower_hears_that_another_process_has_folded_what_was_parked(log: SqlLog, home: Home) -> None:
    follower = following(log, home, Heights(7))
    plant(log, 1, 7)
    follower.catch_up()
    following(log, home, Heights()).retry_parked(Heights())
    grow(log, 1, 5)
    follower.catch_up()
    assert (heights(home), parked(home, Heights())) == ({1: 12}, [])


def test_an_event_that_cannot_be_decoded_is_parked_where_it_matters(log: SqlLog, home: Home, database_url: str) -> None:
    follower = following(log, home, Heights(), Growths())
    plant(log, 1, 5)
    plant(log, 2, 6)
    tree = f'"stream": "{tree_id(1)}", "version": 1, "at": "{NOW.isoformat()}"'
    sql(database_url, "UPDATE events SET data = ? WHERE position = 1", f'{{{tree}, "gardener": "", "label": 5}}')
    follower.catch_up()
    assert parked(home, Heights()) == [(1, "ValueError"), (2, "behind a parked event")]
    assert parked(home, Growths()) == []
    assert heights(home) == {2: 6}


def test_an_event_of_an_unknown_name_is_parked_by_every_view(log: SqlLog, home: Home, database_url: str) -> None:
    views = Heights(), Growths()
    follower = following(log, home, *views)
    plant(log, 1, 5, 6)
    sql(database_url, "UPDATE events SET name = ? WHERE position = 2", "sample.tree.Watered")
    follower.catch_up()
    for view in views:
        assert parked(home, view) == [(2, "ValueError"), (3, "behind a parked event")]


def test_a_value_that_the_database_cannot_take_is_parked_and_stops_nobody(log: SqlLog, home: Home) -> None:
    view = Loose()
    follower = following(log, home, view, Heights())
    plant(log, 1, 13)
    plant(log, 2, 5)
    follower.catch_up()
    assert [position for position, _ in parked(home, view)] == [2]
    assert heights(home) == {1: 13, 2: 5}
    assert position(home, view) == 4


def test_an_event_that_is_no_json_is_parked_and_everything_else_goes_on(
    log: SqlLog, home: Home, database_url: str
) -> None:
    if not database_url.startswith("sqlite"):
        return  # PostgreSQL stores nothing but JSON in a json column
    view = Heights()
    follower = following(log, home, view)
    plant(log, 1, 5)
    sql(database_url, "UPDATE events SET data = 'garbage' WHERE position = 2")
    plant(log, 2, 9)
    follower.catch_up()
    assert heights(home)[2] == 9
    assert [row["stream"] for row in home.parked(view)] == [str(tree_id(1))]
