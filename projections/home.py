"""Where views live: their tables, how far each has come, and the events that would not fold."""

import fcntl
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
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
    and_,
    delete,
    func,
    insert,
    inspect,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, ProgrammingError
from sqlalchemy.schema import CreateIndex, CreateSchema, CreateTable, DropTable

from projections.finding import Finder
from projections.rows import TableRows
from projections.view import Moment, Row, View

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
NEXT, OLD = "__next", "__old"
WRONG_TYPE, LOCK_TIMEOUT = "42804", "55P03"
DEAD_HOLDER = "2s"


class Stand(msgspec.Struct, frozen=True):
    """How far a view has come, and in which of its tables: each swap is another generation."""

    position: int
    generation: int


class Moved(Exception):
    """Another follower or a rebuild has moved this view on; read its position again."""


class Rebuilding(Exception):
    """This view is being rebuilt already."""

    def __init__(self, view: str) -> None:
        super().__init__(f"The view {view} is being rebuilt already.")


class Home(TableRows):
    """The views' own database (a schema on PostgreSQL, a file on SQLite). Deleting it loses nothing."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        # One query sees one moment as it is: on PostgreSQL a transaction around it would be two more round trips.
        # Said to each connection: of two engines that stand on each other, the lower one's word counts.
        self._alone = {"isolation_level": "AUTOCOMMIT"} if engine.dialect.name == "postgresql" else {"writes": False}
        self._finders: dict[tuple[str, str], Finder] = {}

    def install(self, views: Iterable[View]) -> None:
        """Create what is missing; a view without rows of its own starts from the first event."""
        with self.engine.begin() as connection:
            self.lock(connection)
            self._make_schema(connection)
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
            self.drop(connection, f"{view.name}{NEXT}")  # a rebuild's, whose indexes have the names of the new ones
            generation = state["generation"] + 1 if state else 1
            self.create(connection, view, view.table(), generation=generation)
            connection.execute(delete(PARKED).where(PARKED.c.view == view.name))
            connection.execute(delete(POSITIONS).where(POSITIONS.c.view == view.name))
            connection.execute(
                insert(POSITIONS).values(view=view.name, position=0, version=view.version, generation=generation)
            )

    def _make_schema(self, connection: Connection) -> None:
        """Make what the search path names; asked for before, as IF NOT EXISTS wants the right to create."""
        if self.engine.dialect.name == "postgresql":
            schema = connection.scalar(text("SELECT current_setting('search_path')"))
            if connection.scalar(text("SELECT to_regnamespace(:schema) IS NULL"), {"schema": schema}):
                connection.execute(CreateSchema(str(schema)))

    def complete(self, views: Iterable[View]) -> bool:
        """Whether every table is there; false after somebody has dropped one."""
        with self.engine.connect().execution_options(writes=False) as connection:
            there = set(inspect(connection).get_table_names())
        return there.issuperset({POSITIONS.name, PARKED.name, *(view.name for view in views)})

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
                elif not _lock_soon(connection, key):
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
        with self.engine.connect().execution_options(**self._alone) as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def row(self, query: Select[Any]) -> Row | None:
        """The first row a query finds."""
        rows = self.rows(query.limit(1))
        return rows[0] if rows else None

    def find(self, view: View, column: str, value: str) -> Row | None:
        """The row of a view with this value in a column: the quickest way to one."""
        finder = self._finders.get((view.name, column))
        if finder is None:
            finder = self._finders[view.name, column] = Finder(self.engine, view.live, column)
        return finder.find(value)

    @contextmanager
    def advancing(self, view: View, *, past: Stand, to: int) -> Iterator[Connection]:
        """One transaction that writes rows and moves the position; raises `Moved` if somebody else moved it."""
        with self.advancing_all([(view, past)], to=to) as connection:
            yield connection

    @contextmanager
    def advancing_all(self, pasts: Sequence[tuple[View, Stand]], *, to: int) -> Iterator[Connection]:
        """The same for several views, each from where it stands; raises `Moved` if any of them was moved."""
        stand = or_(
            *(
                and_(
                    POSITIONS.c.view == view.name,
                    POSITIONS.c.position == past.position,
                    POSITIONS.c.generation == past.generation,  # other tables may have set other events aside
                    POSITIONS.c.version == view.version,  # an older process must not fold into a newer table
                )
                for view, past in pasts
            )
        )
        move = update(POSITIONS).where(stand).values(position=to)
        if self.engine.dialect.name == "postgresql":
            # Locked in one order, whoever comes: two followers at once must not wait for each other.
            held = select(POSITIONS.c.view).where(stand).order_by(POSITIONS.c.view).with_for_update().cte("held")
            move = update(POSITIONS).where(POSITIONS.c.view.in_(select(held.c.view))).values(position=to)
            # Told to whoever waits in another process, at the commit.
            word = func.concat(POSITIONS.c.view, " ", POSITIONS.c.version, " ", POSITIONS.c.position)
            move = move.returning(func.pg_notify("daybook_views", word))
        with self.engine.begin() as connection:
            if connection.execute(move).rowcount != len(pasts):
                raise Moved(*(view.name for view, _ in pasts))
            yield connection

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


def _lock_soon(connection: Connection, key: dict[str, int]) -> bool:
    """Take the lock of a rebuild; the server may need a moment to see that its last holder was killed."""
    before = connection.scalar(text("SELECT current_setting('lock_timeout')"))
    set_patience = text("SELECT set_config('lock_timeout', :patience, false)")
    connection.execute(set_patience, {"patience": DEAD_HOLDER})
    try:
        connection.execute(text("SELECT pg_advisory_lock(7301, :key)"), key)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != LOCK_TIMEOUT:
            raise
        return False
    finally:
        connection.execute(set_patience, {"patience": before})
    return True


def is_the_databases(error: Exception) -> bool:
    """Whether the database failed, rather than the event: then the same is tried again later.

    A value that it cannot take is the event's, also where the driver finds out before the database is asked.
    """
    if not isinstance(error, DBAPIError) or isinstance(error, (DataError, IntegrityError)):
        return False
    by_driver = getattr(error.orig, "sqlstate", None) in (None, WRONG_TYPE)
    is_value = isinstance(error, (ProgrammingError, InterfaceError)) and by_driver
    return error.connection_invalidated or not is_value
