"""Where views live: their tables, how far each has come, and the events that would not fold."""

import fcntl
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    Text,
    delete,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, ProgrammingError
from sqlalchemy.schema import CreateIndex, CreateTable, DropTable

from projections.view import Journal, Moment, Row, RowView, View

META = MetaData()
POSITIONS = Table(
    "positions",
    META,
    Column("view", String, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
)
PARKED = Table(
    "parked",
    META,
    Column("view", String, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("stream", String(36), nullable=False),
    Column("reason", Text, nullable=False),
    Column("parked_at", Moment, nullable=False),
)
PARAMETERS_PER_STATEMENT = 5_000
NEXT, OLD = "__next", "__old"
WRONG_TYPE = "42804"


class Moved(Exception):
    """Another follower or a rebuild has moved this view on; read its position again."""


class Rebuilding(Exception):
    """This view is being rebuilt already."""

    def __init__(self, view: str) -> None:
        super().__init__(f"The view {view} is being rebuilt already.")


class Home:
    """The views' own database (a schema on PostgreSQL, a file on SQLite). Deleting it loses nothing."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._upsert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    def install(self, views: Iterable[View]) -> None:
        """Create what is missing; a view without rows of its own starts from the first event."""
        with self.engine.begin() as connection:
            self.lock(connection)
            META.create_all(connection)
            for view in views:
                self._install(connection, view)

    def _install(self, connection: Connection, view: View) -> None:
        state = self.state(connection, view)
        if state is None:  # rows nobody knows the position of are worth nothing
            for suffix in ("", NEXT, OLD):
                self.drop(connection, f"{view.name}{suffix}")
        there = inspect(connection).has_table(view.name)
        if not there:
            generation = state["generation"] + 1 if state else 1
            self.create(connection, view, view.table(), generation=generation)
            connection.execute(delete(PARKED).where(PARKED.c.view == view.name))
            connection.execute(delete(POSITIONS).where(POSITIONS.c.view == view.name))
            connection.execute(
                insert(POSITIONS).values(view=view.name, position=0, version=view.version, generation=generation)
            )

    def lock(self, connection: Connection) -> None:
        """One process changes tables at a time (SQLite locks the file when a transaction begins)."""
        if self.engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(7301002)"))

    @contextmanager
    def rebuilding(self, view: View, *, wait: bool) -> Iterator[None]:
        """One rebuild of a view at a time, in whatever process; raises `Rebuilding`, or waits for the other to end."""
        if self.engine.dialect.name == "postgresql":
            with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                key = {"key": zlib.crc32(view.name.encode()) & 0x7FFFFFFF}
                if wait:
                    connection.execute(text("SELECT pg_advisory_lock(7301, :key)"), key)
                elif not connection.execute(text("SELECT pg_try_advisory_lock(7301, :key)"), key).scalar():
                    raise Rebuilding(view.name)
                try:
                    yield
                finally:
                    connection.execute(text("SELECT pg_advisory_unlock(7301, :key)"), key)
            return
        with Path(f"{self.engine.url.database}.{view.name}.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Rebuilding(view.name) from None
            yield

    def create(
        self, connection: Connection, view: View, table: Table, *, generation: int, indexed: bool = True
    ) -> None:
        """Make a table of the view."""
        connection.execute(CreateTable(table))
        if indexed:
            self.index(connection, view, table, generation=generation)

    def index(self, connection: Connection, view: View, table: Table, *, generation: int) -> None:
        """Make the indexes of a table of the view."""
        for index in view.indexes(table, generation):
            connection.execute(CreateIndex(index))

    def drop(self, connection: Connection, name: str) -> None:
        """Drop a table if it is there."""
        connection.execute(DropTable(Table(name, MetaData()), if_exists=True))

    def state(self, connection: Connection, view: View, *, lock: bool = False) -> Row | None:
        """How far a view has come: `position`, `version`, `generation`."""
        query = select(POSITIONS).where(POSITIONS.c.view == view.name)
        row = connection.execute(query.with_for_update() if lock else query).mappings().first()
        return dict(row) if row else None

    def states(self) -> dict[str, Row]:
        """All views' states by name."""
        return {row["view"]: row for row in self.rows(select(POSITIONS))}

    def rows(self, query: Select[Any]) -> list[Row]:
        """The rows a query finds."""
        with self.engine.connect().execution_options(writes=False) as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def row(self, query: Select[Any]) -> Row | None:
        """The first row a query finds."""
        rows = self.rows(query.limit(1))
        return rows[0] if rows else None

    @contextmanager
    def advancing(self, view: View, *, past: int, to: int) -> Iterator[Connection]:
        """One transaction that writes rows and moves the position; raises `Moved` if somebody else moved it."""
        with self.engine.begin() as connection:
            moved = connection.execute(
                update(POSITIONS)
                .where(
                    POSITIONS.c.view == view.name,
                    POSITIONS.c.position == past,
                    POSITIONS.c.version == view.version,  # an older process must not fold into a newer table
                )
                .values(position=to)
            )
            if moved.rowcount != 1:
                raise Moved(view.name)
            yield connection

    def load(self, connection: Connection, view: RowView, table: Table, keys: Sequence[str]) -> dict[str, Row | None]:
        """The present rows of these keys."""
        column = table.c[view.key_column]
        found: dict[str, Row | None] = dict.fromkeys(keys)
        for start in range(0, len(keys), PARAMETERS_PER_STATEMENT):
            chunk = keys[start : start + PARAMETERS_PER_STATEMENT]
            for row in connection.execute(select(table).where(column.in_(chunk))).mappings():
                found[row[view.key_column]] = dict(row)
        return found

    def save(self, connection: Connection, view: RowView, table: Table, rows: dict[str, Row | None]) -> None:
        """Write these rows; None removes one."""
        gone = [key for key, row in rows.items() if row is None]
        kept = [row for row in rows.values() if row is not None]
        if gone:
            connection.execute(delete(table).where(table.c[view.key_column].in_(gone)))
        if kept:
            statement = self._upsert(table)
            others = {c.name: statement.excluded[c.name] for c in table.c if c.name != view.key_column}
            connection.execute(statement.on_conflict_do_update(index_elements=[view.key_column], set_=others), kept)

    def add(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Add journal rows."""
        if rows:
            connection.execute(insert(table), list(rows))

    def bulk(self, connection: Connection, table: Table, rows: Sequence[Row]) -> None:
        """Load many new rows the fastest way the database has."""
        if self.engine.dialect.name != "postgresql":
            self.add(connection, table, rows)
            return
        names = [column.name for column in table.c]
        binders = [
            (column.name, column.type.dialect_impl(connection.dialect).bind_processor(connection.dialect))
            for column in table.c
        ]
        columns = ", ".join(f'"{name}"' for name in names)
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({columns}) FROM STDIN') as copy:
            for row in rows:
                copy.write_row([bind(row[name]) if bind else row[name] for name, bind in binders])

    def park(self, connection: Connection, view: View, position: int, stream: str, reason: str, at: datetime) -> None:
        """Set an event aside for this view; it is shown to staff and can be tried again."""
        connection.execute(
            self._upsert(PARKED)
            .values(
                view=view.name, position=position, stream=stream, reason=reason.replace("\0", "")[:1000], parked_at=at
            )
            .on_conflict_do_nothing()
        )

    def parked(self, view: View | None = None) -> list[Row]:
        """Events that would not fold, oldest first."""
        query = select(PARKED).order_by(PARKED.c.view, PARKED.c.position)
        return self.rows(query if view is None else query.where(PARKED.c.view == view.name))

    def parked_streams(self, connection: Connection, view: View) -> set[str]:
        """The streams whose events this view keeps aside."""
        return set(connection.scalars(select(PARKED.c.stream).where(PARKED.c.view == view.name)))

    def unpark(self, connection: Connection, view: View, position: int) -> bool:
        """Take a parked event back; False when somebody else has."""
        where = PARKED.c.view == view.name, PARKED.c.position == position
        return connection.execute(delete(PARKED).where(*where)).rowcount == 1

    def apply(self, connection: Connection, view: View, table: Table, events: Sequence[tuple[int, Any]]) -> None:
        """Fold these (position, event) pairs, in order, into a table of the view."""
        if isinstance(view, Journal):
            rows = [
                {"position": position, "nth": nth, **entry}
                for position, event in events
                for nth, entry in enumerate(view.entries(event))
            ]
            self.add(connection, table, rows)
        elif isinstance(view, RowView):
            keyed = [(key, event) for _, event in events if (key := view.key(event)) is not None]
            present = self.load(connection, view, table, list({key: None for key, _ in keyed}))
            for key, event in keyed:
                present[key] = view.evolve(present[key], event)
            self.save(connection, view, table, present)


def is_the_databases(error: Exception) -> bool:
    """Whether the database failed, rather than the event: then the same is tried again later.

    A value that it cannot take is the event's, also where the driver finds out before the database is asked.
    """
    if not isinstance(error, DBAPIError) or isinstance(error, (DataError, IntegrityError)):
        return False
    by_driver = getattr(error.orig, "sqlstate", None) in (None, WRONG_TYPE)
    is_value = isinstance(error, (ProgrammingError, InterfaceError)) and by_driver
    return error.connection_invalidated or not is_value
