"""The table of wrapped keys, read and re-wrapped a page at a time beside whatever appends meanwhile."""

import fcntl
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from adapters.store.keys import WrappedKey
from adapters.store.options import DatabaseOptions, as_options
from adapters.store.sqlite import LOCK_WAIT_SECONDS
from domain.ledger import NOBODY, Unavailable

# Whatever an append holds just now is passed over rather than waited for, so that neither can wait for the other.
POSTGRES_REPLACE = """WITH wanted AS (
    SELECT * FROM unnest(%s::uuid[], %s::bytea[], %s::bytea[]) AS pairs (subject, was, becomes)),
free AS (
    SELECT keys.subject, wanted.becomes FROM daybook_log.keys JOIN wanted USING (subject)
    WHERE keys.wrapped = wanted.was FOR UPDATE OF keys {waiting})
UPDATE daybook_log.keys SET wrapped = free.becomes FROM free WHERE keys.subject = free.subject
RETURNING keys.subject"""

ROTATION_LOCK = 7301005
Pair = tuple[WrappedKey, WrappedKey]  # as it was read, and as it is to be


class NotTheOwner(Exception):
    """The role that the processes work as may not change keys."""

    def __init__(self) -> None:
        super().__init__("Keys are changed by the owner of the ledger only: use the role that runs `daybook init`.")


class AlreadyAtWork(Exception):
    """Somebody else rotates the keys of this ledger now."""

    def __init__(self) -> None:
        super().__init__("Another rotation of this ledger is at work: wait until it has ended.")


class KeyTable(ABC):
    """The keys that have not been destroyed, that of nobody left out of pages and counts."""

    @abstractmethod
    def lock(self) -> None:
        """Keep other rotations away until this is closed; raises `AlreadyAtWork`."""

    @abstractmethod
    def count(self) -> int:
        """How many there are."""

    @abstractmethod
    def page(self, after: UUID, limit: int) -> list[WrappedKey]:
        """The next ones behind a subject."""

    @abstractmethod
    def nobodys(self) -> WrappedKey | None:
        """The key by which phones and e-mails are looked up."""

    @abstractmethod
    def replace(self, pairs: Sequence[Pair], *, wait: bool = False) -> set[UUID]:
        """Put each new row in the place of the one that was read, in one transaction, and say for whom that was done.

        One that has changed since, such as a key destroyed, stays; so does one in use elsewhere, unless told to `wait`.
        """

    @abstractmethod
    def wipe(self) -> None:
        """Leave no replaced row behind where that is in our hands."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""


class SQLiteKeys(KeyTable):
    """The table in a log's file."""

    def __init__(self, path: Path) -> None:
        self._path, self._locks = path, ExitStack()
        self._file = sqlite3.connect(path, timeout=LOCK_WAIT_SECONDS, isolation_level=None)
        self._file.execute("PRAGMA secure_delete = ON")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise Unavailable(f"SQLite: {error}") from error

    def _query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self._errors():
            return self._file.execute(sql, parameters).fetchall()

    def lock(self) -> None:
        file = self._locks.enter_context(self._path.with_name(f"{self._path.name}.rotation").open("w"))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyAtWork from None

    def count(self) -> int:
        [[count]] = self._query("SELECT count(*) FROM keys WHERE wrapped IS NOT NULL AND subject <> ?", str(NOBODY))
        return int(count)

    def page(self, after: UUID, limit: int) -> list[WrappedKey]:
        sql = "SELECT subject, wrapped FROM keys WHERE subject > ? AND wrapped IS NOT NULL ORDER BY subject LIMIT ?"
        return [WrappedKey(UUID(subject), wrapped) for subject, wrapped in self._query(sql, str(after), limit)]

    def nobodys(self) -> WrappedKey | None:
        rows = self._query("SELECT wrapped FROM keys WHERE subject = ?", str(NOBODY))
        return WrappedKey(NOBODY, rows[0][0]) if rows else None

    def replace(self, pairs: Sequence[Pair], *, wait: bool = False) -> set[UUID]:
        done: set[UUID] = set()
        with self._errors(), self._file:
            self._file.execute("BEGIN IMMEDIATE")
            for was, becomes in pairs:
                cursor = self._file.execute(
                    "UPDATE keys SET wrapped = ? WHERE subject = ? AND wrapped = ?",
                    (becomes.wrapped, str(was.subject), was.wrapped),
                )
                if cursor.rowcount:
                    done.add(was.subject)
        return done

    def wipe(self) -> None:
        self._query("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self._file.close()
        self._locks.close()


class PostgresKeys(KeyTable):
    """The table in the schema `daybook_log`; raises `NotTheOwner`."""

    def __init__(self, url: str, options: DatabaseOptions) -> None:
        with self._errors():
            self._server = psycopg.connect(
                url, autocommit=True, options=as_options(options.session()), **options.connecting()
            )
        [[may]] = self._query("SELECT has_table_privilege('daybook_log.keys', 'UPDATE')")
        if not may:
            self.close()
            raise NotTheOwner

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise Unavailable("PostgreSQL does not answer, or not as it should.") from error

    def _query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self._errors():
            return self._server.execute(sql, parameters, binary=True).fetchall()

    def lock(self) -> None:
        with self._errors():
            try:  # with some patience, since the server may not have noticed yet that an earlier one was killed
                self._server.execute("SELECT pg_advisory_lock(%s)", (ROTATION_LOCK,))
            except psycopg.errors.LockNotAvailable:
                raise AlreadyAtWork from None

    def count(self) -> int:
        sql = "SELECT count(*) FROM daybook_log.keys WHERE wrapped IS NOT NULL AND subject <> %s"
        [[count]] = self._query(sql, NOBODY)
        return int(count)

    def page(self, after: UUID, limit: int) -> list[WrappedKey]:
        sql = "SELECT subject, wrapped FROM daybook_log.keys WHERE subject > %s AND wrapped IS NOT NULL"
        return [WrappedKey(*row) for row in self._query(f"{sql} ORDER BY subject LIMIT %s", after, limit)]

    def nobodys(self) -> WrappedKey | None:
        rows = self._query("SELECT wrapped FROM daybook_log.keys WHERE subject = %s", NOBODY)
        return WrappedKey(NOBODY, rows[0][0]) if rows else None

    def replace(self, pairs: Sequence[Pair], *, wait: bool = False) -> set[UUID]:
        sql = POSTGRES_REPLACE.format(waiting="" if wait else "SKIP LOCKED")
        columns = zip(*((was.subject, was.wrapped, becomes.wrapped) for was, becomes in pairs), strict=True)
        return {row[0] for row in self._query(sql, *map(list, columns))}

    def wipe(self) -> None:
        """Old rows go when PostgreSQL vacuums the table; its write-ahead log is not ours to empty."""
        with self._errors():
            self._server.execute("VACUUM daybook_log.keys")

    def close(self) -> None:
        self._server.close()


@contextmanager
def open_keys(url: str, options: DatabaseOptions) -> Iterator[KeyTable]:
    """The key table at a database's URL. Raises `NotTheOwner`, `Unavailable`."""
    table: KeyTable
    if url.startswith("sqlite:///"):
        table = SQLiteKeys(Path(url.removeprefix("sqlite:///")))
    else:
        table = PostgresKeys(url, options)
    with closing(table):
        yield table
