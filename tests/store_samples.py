"""The log and the views' home on either database, and a way to tamper with the log's tables."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Engine

from adapters.store.engine import postgres_engine, sqlite_engine
from adapters.store.log import SqlLog
from adapters.store.postgres import PostgresLog
from adapters.store.sqlite import SQLiteLog
from domain.ledger import Aggregate
from domain.shared.effect import Effect
from projections.home import Home
from tests.sample_trees import Tree, plant

MASTER_KEY = b"0123456789abcdef0123456789abcdef"
H = TypeVar("H", bound=Home)
EVERYTHING: tuple[type[Aggregate], ...] = (Tree, Effect)


PATIENT_SECONDS = 60  # SQLite's writers do not queue fairly, and a busy machine makes the unlucky one wait


def make_log(url: str, *, aggregates: Iterable[type[Aggregate]] = EVERYTHING, master_key: bytes = MASTER_KEY) -> SqlLog:
    """The log at a database's URL, not installed yet."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        return SQLiteLog(path, aggregates, master_key, lock_wait_seconds=PATIENT_SECONDS)
    return PostgresLog(url, aggregates, master_key)


@contextmanager
def open_log(
    url: str, *, aggregates: Iterable[type[Aggregate]] = EVERYTHING, master_key: bytes = MASTER_KEY
) -> Iterator[SqlLog]:
    """The installed log at a database's URL."""
    with closing(make_log(url, aggregates=aggregates, master_key=master_key)) as log:
        log.install()
        yield log


def plant_elsewhere(url: str, number: int) -> None:
    """Plant a tree from a process of its own."""
    with open_log(url) as log:
        plant(log, number)


@contextmanager
def open_home(url: str, home_class: Callable[[Engine], H]) -> Iterator[H]:
    """The home of the views beside the log at this URL."""
    path = Path(url.removeprefix("sqlite:///")).with_name("views.sqlite")
    engine = sqlite_engine(path) if url.startswith("sqlite") else postgres_engine(url)
    try:
        yield home_class(engine)
    finally:
        engine.dispose()


def sql(url: str, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Run one statement on the log's tables behind the log's back; `?` stands for a parameter."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as file:
            rows = file.execute(statement, [str(value) for value in parameters]).fetchall()
    else:
        with psycopg.connect(url, autocommit=True, options="-c search_path=daybook_log") as server:
            cursor = server.execute(statement.replace("?", "%s"), parameters)
            rows = cursor.fetchall() if cursor.description else []
    return rows


def set_version(database_url: str, version: int) -> None:
    """Make the log look as if a product of this version had made it."""
    if database_url.startswith("sqlite"):
        sql(database_url, f"PRAGMA user_version = {version}")
    else:
        sql(database_url, f"UPDATE schema_version SET version = {version}")
