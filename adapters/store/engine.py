"""The SQLAlchemy engine of the views' home."""

from pathlib import Path
from typing import Any

import msgspec
import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError

from adapters.store import liveness
from adapters.store.options import DatabaseOptions, as_options
from projections.view import json_text

VIEWS_SCHEMA = "daybook_views"


def sqlite_engine(path: Path) -> Engine:
    """Views in a file of their own, so that they never wait for appends and can simply be deleted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        f"sqlite:///{path}",
        hide_parameters=True,
        json_serializer=json_text,
        json_deserializer=msgspec.json.decode,
        connect_args={"timeout": 5},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # views can be rebuilt; the log is synced fully

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", True)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def postgres_engine(
    url: str,
    options: DatabaseOptions = DatabaseOptions(),  # noqa: B008 - frozen
    *,
    long: bool = False,
) -> Engine:
    """Views in the schema `daybook_views` of the same database; `long` is for work on whole views."""
    session = {
        **options.session(long=long),
        "search_path": VIEWS_SCHEMA,
        # A crash of the server may take back the last moments of a view, rows and position together: they are folded
        # again. So commits need not wait for the disk, and appends do not wait for such commits.
        "synchronous_commit": "off",
    }
    session["application_name"] = "daybook-whole-views" if long else "daybook-views"
    if not long:  # a process that is frozen in the middle of a write must not hold the others up
        session["idle_in_transaction_session_timeout"] = session["lock_timeout"]
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        hide_parameters=True,
        json_serializer=json_text,
        json_deserializer=msgspec.json.decode,
        pool_size=options.views_pool,
        max_overflow=0,
        pool_timeout=options.connect_seconds,
        connect_args={"options": as_options(session), **options.connecting()},
        isolation_level="AUTOCOMMIT",  # of a connection as it lies in the pool; the engine returned has transactions
        skip_autocommit_rollback=True,
    )

    @event.listens_for(engine, "checkout")
    def _check(connection: Any, _record: object, _proxy: object) -> None:
        try:
            liveness.check(connection)
        except psycopg.Error as error:
            raise DisconnectionError from error  # the pool makes another

    return engine.execution_options(isolation_level="READ COMMITTED")
