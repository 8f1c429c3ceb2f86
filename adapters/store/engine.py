"""The SQLAlchemy engine of the views' home."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text

VIEWS_SCHEMA = "daybook_views"


def sqlite_engine(path: Path) -> Engine:
    """Views in a file of their own, so that they never wait for appends and can simply be deleted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(f"sqlite:///{path}", hide_parameters=True, connect_args={"timeout": 5})

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


def postgres_engine(url: str) -> Engine:
    """Views in the schema `daybook_views` of the same database."""
    plain = url.replace("postgresql://", "postgresql+psycopg://", 1)
    engine = create_engine(
        plain,
        hide_parameters=True,
        pool_pre_ping=True,
        connect_args={"options": f"-c search_path={VIEWS_SCHEMA}"},
    )
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(7301000)"))
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {VIEWS_SCHEMA}"))
    return engine
