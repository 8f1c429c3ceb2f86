"""The chain's table in the log's home, and one unchanging look at all tables of the log, on both databases."""

import sqlite3
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any

import psycopg

from adapters.proof.chain import Checkpoint, StoredRow
from adapters.store.options import DatabaseOptions, as_options
from adapters.store.postgres import INSTALL_LOCK
from adapters.store.schema import WrongSchema
from adapters.store.sqlite import LOCK_WAIT_SECONDS
from domain.ledger import Unavailable

PAGE_ROWS = 1_000  # half a megabyte, which a processor keeps at hand while it is hashed
FIRST_OF_ALL = -(2**62)

# Two checkpoints cannot both follow the same one: keepers that work at once make one chain.
SQLITE_CHAIN = """CREATE TABLE IF NOT EXISTS chain (
    position INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    at TEXT NOT NULL,
    previous INTEGER NOT NULL UNIQUE,
    marks BLOB NOT NULL,
    seal BLOB NOT NULL
)"""
POSTGRES_CHAIN = """CREATE TABLE daybook_log.chain (
    position bigint PRIMARY KEY,
    hash bytea NOT NULL,
    at timestamptz NOT NULL,
    previous bigint NOT NULL UNIQUE,
    marks bytea NOT NULL,
    seal bytea NOT NULL
)"""
SQLITE_EVENT = "position, CAST(stream AS BLOB), version, CAST(name AS BLOB), CAST(data AS BLOB)"
POSTGRES_EVENT = """position, convert_to(stream::text, 'UTF8'), version, convert_to(name, 'UTF8'),
convert_to(data::text, 'UTF8')"""
SQLITE_CHECKPOINT = """position, CAST(previous AS INTEGER), CAST(hash AS BLOB), CAST(at AS TEXT), CAST(marks AS BLOB),
CAST(seal AS BLOB)"""
POSTGRES_CHECKPOINT = """position, previous, hash,
to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), marks, seal"""


class NoChain(WrongSchema):
    """The ledger is older than its proof."""

    def __init__(self) -> None:
        Exception.__init__(self, "The ledger keeps no chain of its events yet: run `daybook init`.")


class Snapshot(ABC):
    """The log's tables as they are at one moment, however long the looking takes."""

    event: str
    checkpoint: str
    text: str

    @abstractmethod
    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """All rows of a statement; `?` stands for a parameter."""

    def last_position(self) -> int:
        """The position of the newest event, 0 when there is none."""
        [[position]] = self.query("SELECT coalesce(max(position), 0) FROM events")
        return int(position)

    def events(self, after: int, upto: int) -> Iterator[list[StoredRow]]:
        """The rows behind `after` up to a position, in order, a page at a time."""
        sql = f"SELECT {self.event} FROM events WHERE position > ? AND position <= ? ORDER BY position"
        while rows := self.query(f"{sql} LIMIT {PAGE_ROWS}", after, upto):
            yield rows
            if len(rows) < PAGE_ROWS:
                return
            after = rows[-1][0]

    def walk(self, after: int, upto: int) -> Generator[list[StoredRow], None, None]:
        """The same pages; to be closed by whoever may not go to the end."""
        yield from self.events(after, upto)

    def events_of(self, stream: str) -> list[StoredRow]:
        """The rows of a stream, in order."""
        return self.query(f"SELECT {self.event} FROM events WHERE stream = ? ORDER BY position", stream)

    def checkpoint_behind(self, position: int) -> Checkpoint | None:
        """The first checkpoint behind a position."""
        sql = f"SELECT {self.checkpoint} FROM chain WHERE position > ? ORDER BY position LIMIT 1"
        return next(iter(self._checkpoints(sql, position)), None)

    def checkpoint_upto(self, position: int) -> Checkpoint | None:
        """The last checkpoint at or before a position."""
        sql = f"SELECT {self.checkpoint} FROM chain WHERE position <= ? ORDER BY position DESC LIMIT 1"
        return next(iter(self._checkpoints(sql, position)), None)

    def _checkpoints(self, sql: str, position: int) -> list[Checkpoint]:
        return [
            Checkpoint(position=row[0], previous=row[1], hash=row[2], at=row[3] or "", marks=row[4], seal=row[5])
            for row in self.query(sql, position)
        ]

    def claims(self) -> Iterator[list[tuple[str, str]]]:
        """Key and owner of every claim, a page at a time."""
        sql = f"SELECT key, CAST(owner AS {self.text}) FROM claims WHERE key > ? ORDER BY key LIMIT {PAGE_ROWS}"
        after = ""
        while rows := self.query(sql, after):
            yield rows
            after = rows[-1][0]

    def open_effects(self) -> Iterator[list[tuple[str, int, str, str, str]]]:
        """Effect, position, subject, channel and kind of all open work, a page at a time."""
        sql = f"""SELECT CAST(effect AS {self.text}), position, CAST(subject AS {self.text}), channel, kind
        FROM open_effects WHERE CAST(effect AS {self.text}) > ?
        ORDER BY CAST(effect AS {self.text}) LIMIT {PAGE_ROWS}"""
        after = ""
        while rows := self.query(sql, after):
            yield rows
            after = rows[-1][0]

    def misnumbered(self, *, most: int) -> list[tuple[str, int, int, int]]:
        """Streams whose versions are not 1, 2, 3 ...: stream, lowest, highest, how many events."""
        return self.query(
            f"""SELECT CAST(stream AS {self.text}), min(version), max(version), count(*) FROM events
            GROUP BY stream HAVING min(version) <> 1 OR max(version) <> count(*) ORDER BY min(position) LIMIT {most}"""
        )


class Walk:
    """Goes through the pages of events once, in pieces that end where they are asked to."""

    def __init__(self, pages: Iterator[list[StoredRow]]) -> None:
        self._pages = pages
        self._left: list[StoredRow] = []

    def upto(self, position: int) -> Iterator[list[StoredRow]]:
        """What has not been walked yet up to a position."""
        while rows := self._left or next(self._pages, []):
            end = bisect_right(rows, position, key=itemgetter(0))
            here, self._left = rows[:end], rows[end:]
            if here:
                yield here
            if self._left:
                return


class Tables(ABC):
    """Where checkpoints are kept, beside the events; each use has a connection of its own."""

    @abstractmethod
    def install(self) -> None:
        """Make the table if it is not there and we may."""

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """A look at the tables; raises `Unavailable` or `NoChain`."""

    @abstractmethod
    def add(self, checkpoint: Checkpoint) -> bool:
        """Keep a checkpoint; False when another keeper has been faster."""


class SQLiteSnapshot(Snapshot):
    """A read transaction on the file."""

    event, checkpoint, text = SQLITE_EVENT, SQLITE_CHECKPOINT, "TEXT"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, parameters).fetchall()


class SQLiteTables(Tables):
    """Beside the events in one file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=LOCK_WAIT_SECONDS, isolation_level=None)) as connection:
                yield connection
        except sqlite3.Error as error:
            raise Unavailable(f"SQLite: {error}") from error

    def install(self) -> None:
        with self._connection() as connection:
            connection.execute(SQLITE_CHAIN)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        with self._connection() as connection:
            connection.execute("BEGIN")
            if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'chain'").fetchall():
                raise NoChain
            yield SQLiteSnapshot(connection)

    def add(self, checkpoint: Checkpoint) -> bool:
        row = (checkpoint.position, checkpoint.hash, checkpoint.at)
        with self._connection() as connection:
            connection.execute("PRAGMA synchronous = FULL")
            added = connection.execute(
                "INSERT OR IGNORE INTO chain VALUES (?, ?, ?, ?, ?, ?)",
                (*row, checkpoint.previous, checkpoint.marks, checkpoint.seal),
            )
            return added.rowcount == 1


class PostgresSnapshot(Snapshot):
    """A repeatable read."""

    event, checkpoint, text = POSTGRES_EVENT, POSTGRES_CHECKPOINT, "text"

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql.replace("?", "%s"), parameters, binary=True).fetchall()

    def walk(self, after: int, upto: int) -> Generator[list[StoredRow], None, None]:
        """The server makes the next page while this one is looked at."""
        pages = self.events(after, upto)
        with ThreadPoolExecutor(1) as reader:
            coming = reader.submit(lambda: next(pages, []))
            while page := coming.result():
                coming = reader.submit(lambda: next(pages, []))
                yield page


class PostgresTables(Tables):
    """In the schema `daybook_log`."""

    def __init__(self, url: str, options: DatabaseOptions) -> None:
        self._url, self._options = url, options

    @contextmanager
    def _connection(self, *, long: bool = False) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        session = as_options({**self._options.session(long=long), "search_path": "daybook_log"})
        try:
            with psycopg.connect(
                self._url, autocommit=True, options=session, **self._options.connecting()
            ) as connection:
                yield connection
        except psycopg.Error as error:
            raise Unavailable("PostgreSQL does not answer, or not as it should.") from error

    def install(self) -> None:
        with self._connection() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (INSTALL_LOCK,))
            allowed = connection.execute(
                """SELECT to_regclass('daybook_log.chain') IS NULL
                AND has_schema_privilege('daybook_log', 'CREATE')"""
            ).fetchone()
            if allowed == (True,):
                connection.execute(POSTGRES_CHAIN)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        with self._connection(long=True) as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            if connection.execute("SELECT to_regclass('daybook_log.chain')").fetchone() == (None,):
                raise NoChain
            yield PostgresSnapshot(connection)

    def add(self, checkpoint: Checkpoint) -> bool:
        row = (checkpoint.position, checkpoint.hash, checkpoint.at)
        with self._connection() as connection:
            added = connection.execute(
                "INSERT INTO chain VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (*row, checkpoint.previous, checkpoint.marks, checkpoint.seal),
            )
            return added.rowcount == 1


def open_tables(url: str, options: DatabaseOptions = DatabaseOptions()) -> Tables:  # noqa: B008 - frozen
    """The tables of the log at a database's URL."""
    if url.startswith("sqlite:///"):
        return SQLiteTables(Path(url.removeprefix("sqlite:///")))
    return PostgresTables(url, options)
