"""Backlogs are written with COPY, past SQLAlchemy: what goes wrong there is understood as it is anywhere else."""

from collections.abc import Callable

import pytest
from sqlalchemy.exc import DBAPIError

from adapters.store.log import SqlLog
from domain.ledger import Event
from projections.bulk import copy_rows
from projections.home import Home, is_the_databases
from projections.rows import MANY_ROWS
from projections.view import Row
from tests.sample_trees import grow, plant
from tests.store_samples import sql
from tests.view_samples import Growths, Heights, all_rows, following, parked, position

MANY = MANY_ROWS + 20


class Careless(Heights, name="careless"):
    """Puts into a text column whatever it finds."""

    def evolve(self, row: Row | None, event: Event) -> Row | None:
        row = super().evolve(row, event)
        return row | {"gardener": {"not": "text"}} if row and row["height_cm"] == 13 else row


class Counting(Heights, name="counting"):
    """Counts what it folds."""

    folded = 0

    def evolve(self, row: Row | None, event: Event) -> Row | None:
        self.folded += 1
        return super().evolve(row, event)


class Interrupting(Heights, name="interrupting"):
    """Does something the first time it folds."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self.acts = [act]

    def evolve(self, row: Row | None, event: Event) -> Row | None:
        if self.acts:
            self.acts.pop()()
        return super().evolve(row, event)


def test_rows_of_a_backlog_are_written_changed_and_removed(log: SqlLog, home: Home) -> None:
    view = Counting()
    follower = following(log, home, view, Growths())
    for number in range(1, MANY + 1):
        plant(log, number, 5)
    follower.catch_up()
    for number in range(1, MANY + 1):
        grow(log, number, number)
    follower.catch_up()
    rows = all_rows(home, [view])["counting"]
    assert [row["height_cm"] for row in rows] == [5 + number for number in range(1, MANY + 1)]
    assert view.folded == 3 * MANY  # nothing was halved and tried again
    assert len(all_rows(home, [Growths()])["growths"]) == sum(1 + -(-n // 10) for n in range(1, MANY + 1))


def test_one_value_among_many_that_the_database_cannot_take_is_parked_alone(log: SqlLog, home: Home) -> None:
    view = Careless()
    follower = following(log, home, view)
    for number in range(1, MANY + 1):
        plant(log, number, 13 if number == 50 else 5)
    follower.catch_up()
    assert [at for at, _ in parked(home, view)] == [100]
    assert len(all_rows(home, [view])["careless"]) == MANY
    assert position(home, view) == 2 * MANY


def test_a_connection_lost_in_the_middle_of_a_backlog_parks_nothing(log: SqlLog, home: Home, database_url: str) -> None:
    if database_url.startswith("sqlite"):
        return  # nothing to lose
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = "
    view = Interrupting(lambda: sql(database_url, f"{others}current_database()"))
    follower = following(log, home, view)
    for number in range(1, MANY + 1):
        plant(log, number, 5)
    with pytest.raises(DBAPIError):
        follower.catch_up()
    assert (position(home, view), parked(home, view)) == (0, [])
    follower.catch_up()
    assert len(all_rows(home, [view])["interrupting"]) == MANY


def test_what_the_database_refuses_is_not_taken_for_the_events_fault(home: Home, database_url: str) -> None:
    if database_url.startswith("sqlite"):
        return  # no COPY there
    with home.engine.begin() as connection, pytest.raises(DBAPIError) as refusal:
        copy_rows(connection, Heights.table("__nowhere"), [])
    assert is_the_databases(refusal.value)
