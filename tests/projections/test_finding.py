"""A row found the quick way is the row that SQLAlchemy finds, and a database that fails is told in its words."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Boolean, Column, String, insert, text
from sqlalchemy.exc import DBAPIError

from adapters.store.engine import postgres_engine
from projections.home import Home
from projections.view import Json, Moment, Row, RowView
from tests.store_samples import open_home

AT = datetime(2026, 2, 9, 15, 30, 1, 250_000, tzinfo=UTC)
OAK: Row = {"id": "oak", "tag": "T%1", "tall": True, "rings": [["a", 1]], "note": None, "seen_at": AT}
ELM: Row = {"id": "elm", "tag": "T2", "tall": False, "rings": None, "note": "old", "seen_at": AT}


class Trees(RowView, name="found_trees"):
    """A column of every type that views have."""

    key_column = "id"
    folds = ()

    @staticmethod
    def columns() -> list[Column[object]]:
        return [
            Column("id", String(36), primary_key=True),
            Column("tag", String(20)),
            Column("tall", Boolean, nullable=False),
            Column("rings", Json),
            Column("note", String),
            Column("seen_at", Moment, nullable=False),
        ]


TREES = Trees()


@pytest.fixture
def planted(home: Home) -> Home:
    """Two rows."""
    home.install([TREES])
    with home.engine.begin() as connection:
        connection.execute(insert(Trees.live), [OAK, ELM])
    return home


def test_a_row_is_found_by_any_column_with_the_values_that_were_written(planted: Home) -> None:
    assert planted.find(TREES, "id", "oak") == OAK
    assert planted.find(TREES, "tag", "T2") == ELM
    assert planted.find(TREES, "tag", "T%1") == planted.row(Trees.live.select().where(Trees.live.c.id == "oak"))


def test_what_is_not_there_is_not_found(planted: Home) -> None:
    assert planted.find(TREES, "tag", "' OR true --") is None


def test_a_find_sees_what_was_committed_and_nothing_else(planted: Home) -> None:
    with planted.engine.connect() as connection:
        connection.execute(Trees.live.delete())
        connection.rollback()
    assert planted.find(TREES, "id", "oak") == OAK
    with planted.engine.begin() as connection:
        connection.execute(Trees.live.update().values(note="felled"))
    assert planted.find(TREES, "id", "oak") == OAK | {"note": "felled"}


def test_a_find_that_fails_leaves_its_connection_good(planted: Home) -> None:
    with planted.engine.begin() as connection:
        connection.execute(text("ALTER TABLE found_trees RENAME TO gone"))
    with pytest.raises(DBAPIError) as failed:
        planted.find(TREES, "id", "oak")
    assert not failed.value.connection_invalidated
    with planted.engine.begin() as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO found_trees"))
    assert planted.find(TREES, "id", "oak") == OAK


def test_a_connection_lost_under_a_find_is_told_and_replaced(postgres_database: str) -> None:
    with open_home(postgres_database, Home) as home:
        home.install([TREES])
        with home.engine.begin() as connection:
            connection.execute(insert(Trees.live), [OAK])
            connection.execute(text("ALTER TABLE found_trees RENAME TO safe"))
            connection.execute(
                text("CREATE VIEW found_trees AS SELECT * FROM safe WHERE pg_terminate_backend(pg_backend_pid())")
            )
        with pytest.raises(DBAPIError) as failed:
            home.find(TREES, "id", "oak")
        assert failed.value.connection_invalidated
        with home.engine.begin() as connection:
            connection.execute(text("DROP VIEW found_trees"))
            connection.execute(text("ALTER TABLE safe RENAME TO found_trees"))
        assert home.find(TREES, "id", "oak") == OAK


def test_a_server_that_cannot_be_reached_is_told_like_one_that_fails() -> None:
    home = Home(postgres_engine("postgresql://nobody@127.0.0.1:1/nowhere"))
    with pytest.raises(DBAPIError) as failed:
        home.find(TREES, "id", "oak")
    assert failed.value.connection_invalidated
