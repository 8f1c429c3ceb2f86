"""The log in one SQLite file: one writer at a time, readers never wait."""

import fcntl
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Any, TextIO
from uuid import UUID

from adapters.store import schema
from adapters.store.keys import WrappedKey
from adapters.store.log import Batch, Hand, Row, SqlLog, Work
from domain.ledger import Aggregate, Conflict, Taken, Unavailable

LOCK_WAIT_SECONDS = 5
SHORTEST_WAIT_MS = 50
FIRST_OF_ITS_LANE = """NOT EXISTS (
    SELECT 1 FROM open_effects AS before
    WHERE before.subject = open_effects.subject AND before.channel = open_effects.channel
    AND before.position < open_effects.position)"""


def stamp(moment: datetime) -> str:
    """A time as text that sorts."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _of_channels(channels: Collection[str] | None, rung: Collection[str] = ()) -> tuple[str, tuple[str, ...]]:
    """A condition and its parameters."""
    if channels is None:
        return "", ()
    marks, rung_marks = (", ".join("?" * len(names)) for names in (channels, rung))
    return f"AND (channel IN ({marks}) OR urgent AND channel IN ({rung_marks}))", (*channels, *rung)


class AlreadyServed(Exception):
    """Another process serves from this file."""

    def __init__(self) -> None:
        super().__init__("Another server works on this SQLite file; one file has one server. Use PostgreSQL for more.")


class SQLiteLog(SqlLog):
    """One file, in WAL mode, synced on every commit; several processes may share it."""

    def __init__(
        self,
        path: Path,
        aggregates: Iterable[type[Aggregate]],
        master_key: bytes,
        *,
        lock_wait_seconds: float = LOCK_WAIT_SECONDS,
    ) -> None:
        super().__init__(aggregates, master_key)
        self._path, self._lock_wait_seconds = path, lock_wait_seconds
        self._idle: LifoQueue[sqlite3.Connection] = LifoQueue()
        self._writing = threading.Lock()
        self._wakes: list[Callable[[], None]] = []
        self._serving: TextIO | None = None

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """A connection for one use: threads come and go, connections are handed on."""
        with self._errors():
            try:
                connection = self._idle.get_nowait()
            except Empty:
                connection = sqlite3.connect(
                    self._path, timeout=self._lock_wait_seconds, isolation_level=None, check_same_thread=False
                )
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA secure_delete = ON")  # a destroyed key must not linger in a freed page
            try:
                yield connection
            finally:
                self._idle.put(connection)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise Conflict(str(error)) from None
        except sqlite3.Error as error:
            raise Unavailable(f"SQLite: {error}") from error

    def _query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._connection() as connection:
            return connection.execute(sql, parameters).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One writer at a time; whoever cannot begin within the lock wait is told so, however many wait."""
        deadline = time.monotonic() + self._lock_wait_seconds
        if not self._writing.acquire(timeout=self._lock_wait_seconds):
            raise Unavailable("SQLite: too many wait to write")
        try:
            with self._connection() as connection:
                wait_ms = max(SHORTEST_WAIT_MS, round((deadline - time.monotonic()) * 1000))
                connection.execute(f"PRAGMA busy_timeout = {wait_ms}")
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
        finally:
            self._writing.release()

    def serve_alone(self) -> None:
        """Be the one server of this file until closed; raises `AlreadyServed`. Commands may look on meanwhile."""
        lock = self._path.with_name(f"{self._path.name}.serving").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise AlreadyServed from None
        self._serving = lock

    def _create(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._connection() as connection:
            schema.expect_none_newer(_version(connection))
            tables = files("adapters.store").joinpath("sqlite_schema.sql").read_text()
            connection.executescript(f"{tables}PRAGMA user_version = {schema.VERSION}")

    def _check(self) -> None:
        with self._connection() as connection:
            schema.expect(_version(connection))

    def _append(self, batch: Batch) -> int:
        with self._transaction() as connection:
            base = connection.execute("SELECT coalesce(max(position), 0) FROM events").fetchone()[0]
            connection.executemany(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?)",
                [
                    (base + nth, str(event.stream), event.version, event.name, bytes(event.data).decode())
                    for nth, event in enumerate(batch.events, start=1)
                ],
            )
            self._append_keys_and_claims(connection, batch)
            self._append_work(connection, batch, base)
        if batch.destroyed:
            self._wipe()
        for wake in self._wakes:
            wake()
        return int(base + len(batch.events))

    def _wipe(self) -> None:
        """Empty the write-ahead file, which still has the destroyed keys; a reader in the way puts it off."""
        with suppress(Unavailable), self._connection() as connection:
            connection.execute(f"PRAGMA busy_timeout = {SHORTEST_WAIT_MS}")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @staticmethod
    def _append_keys_and_claims(connection: sqlite3.Connection, batch: Batch) -> None:
        for key in batch.keys:
            connection.execute("INSERT INTO keys VALUES (?, ?)", (str(key.subject), key.wrapped))
        for subject in batch.destroyed:
            connection.execute("INSERT OR REPLACE INTO keys VALUES (?, NULL)", (str(subject),))
        for free in batch.frees:
            connection.execute("DELETE FROM claims WHERE key = ? AND owner = ?", (free.key, str(free.owner)))
        for take in batch.takes:
            connection.execute("INSERT OR IGNORE INTO claims VALUES (?, ?)", (take.key, str(take.owner)))
            (owner,) = connection.execute("SELECT owner FROM claims WHERE key = ?", (take.key,)).fetchone()
            if owner != str(take.owner):
                raise Taken(take.key, UUID(owner))

    @staticmethod
    def _append_work(connection: sqlite3.Connection, batch: Batch, base: int) -> None:
        for work in batch.opens:
            connection.execute(
                "INSERT INTO open_effects VALUES (?, ?, ?, ?, ?, ?, NULL, NULL, ?, ?)",
                (
                    str(work.effect),
                    base + work.nth,
                    str(work.subject),
                    work.channel,
                    work.kind,
                    stamp(work.due_at),
                    stamp(work.since),
                    work.urgent,
                ),
            )
        for later in batch.postpones:
            connection.execute(
                """UPDATE open_effects SET due_at = ?, since = ?, urgent = 0, taken_by = NULL, taken_until = NULL
                WHERE effect = ?""",
                (stamp(later.due_at), stamp(later.since), str(later.effect)),
            )
        for effect in batch.closes:
            connection.execute("DELETE FROM open_effects WHERE effect = ?", (str(effect),))

    def last_position(self) -> int:
        [[position]] = self._query("SELECT coalesce(max(position), 0) FROM events")
        return int(str(position))

    def owner(self, key: str) -> UUID | None:
        rows = self._query("SELECT owner FROM claims WHERE key = ?", (key,))
        return UUID(str(rows[0][0])) if rows else None

    def owners(self, keys: Sequence[str]) -> dict[str, UUID]:
        rows = self._query(f"SELECT key, owner FROM claims WHERE key IN ({', '.join('?' * len(keys))})", keys)
        return {str(key): UUID(str(owner)) for key, owner in rows}

    def open_effects_of(self, subject: UUID) -> list[UUID]:
        sql = "SELECT effect FROM open_effects WHERE subject = ? ORDER BY position"
        return [UUID(row[0]) for row in self._query(sql, (str(subject),))]

    def read(self, after: int, limit: int) -> list[Row]:
        sql = "SELECT position, name, data FROM events WHERE position > ? ORDER BY position LIMIT ?"
        return self._query(sql, (after, limit))

    def scan(
        self,
        *,
        upto: int,
        names: Sequence[str] | None = None,
        by_stream: bool = False,
        after: int = 0,
        share: tuple[int, int] = (0, 1),
        beyond: UUID | None = None,
    ) -> Iterator[Row]:
        if share != (0, 1):
            raise ValueError("One SQLite file is read by one process.")
        wanted = f"AND name IN ({', '.join('?' * len(names))})" if names is not None else ""
        rest = "AND stream > ?" if beyond is not None else ""
        order = "stream, version" if by_stream else "position"
        with self._connection() as connection:
            rows = connection.execute(
                f"""SELECT position, name, data FROM events
                WHERE position > ? AND position <= ? {wanted} {rest} ORDER BY {order}""",
                (after, upto, *(names or ()), *([str(beyond)] if beyond is not None else ())),
            )
            yield from rows

    def _stream(self, stream: UUID, upto: int | None) -> list[Row]:
        sql = "SELECT position, name, data FROM events WHERE stream = ? AND version <= ? ORDER BY version"
        return self._query(sql, (str(stream), upto if upto is not None else 2**62))

    def stream_at(self, position: int) -> str:
        [[stream]] = self._query("SELECT stream FROM events WHERE position = ?", (position,))
        return str(stream)

    def _key(self, subject: UUID) -> WrappedKey | None:
        rows = self._query("SELECT wrapped FROM keys WHERE subject = ?", (str(subject),))
        return WrappedKey(subject, rows[0][0]) if rows else None

    def _add_key(self, key: WrappedKey) -> None:
        with self._transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO keys VALUES (?, ?)", (str(key.subject), key.wrapped))

    def take_work(self, hand: Hand) -> list[Work]:
        only = "AND effect = ?" if hand.effect else ""
        wanted, channels = _of_channels(hand.channels, hand.rung_channels)
        # With channels left out, the oldest rows may be thousands of theirs: the plus keeps from walking along them.
        order = "position" if hand.channels is None else "+position"
        with self._transaction() as connection:
            rows = connection.execute(
                f"""SELECT effect, subject, channel, kind FROM open_effects
                WHERE (due_at <= ? OR ?) AND (taken_until IS NULL OR taken_until < ?) {only} {wanted}
                AND {FIRST_OF_ITS_LANE}
                ORDER BY {order} LIMIT ?""",
                (
                    stamp(hand.now),
                    hand.early,
                    stamp(hand.now),
                    *([str(hand.effect)] if hand.effect else []),
                    *channels,
                    hand.limit,
                ),
            ).fetchall()
            connection.executemany(
                "UPDATE open_effects SET taken_by = ?, taken_until = ? WHERE effect = ?",
                [(hand.worker, stamp(hand.until), row[0]) for row in rows],
            )
        return [Work(UUID(row[0]), UUID(row[1]), row[2], row[3], hand.worker) for row in rows]

    def renew_work(self, works: Sequence[Work], *, until: datetime) -> None:
        with self._transaction() as connection:
            connection.executemany(
                "UPDATE open_effects SET taken_until = ? WHERE effect = ? AND taken_by = ?",
                [(stamp(until), str(work.effect), work.worker) for work in works],
            )

    def bring_forward(self, *, now: datetime, behind: datetime) -> int:
        with self._transaction() as connection:
            cursor = connection.execute(
                "UPDATE open_effects SET due_at = ?, since = ? WHERE since > ? AND due_at > ?",
                (stamp(now), stamp(now), stamp(behind), stamp(now)),
            )
            return cursor.rowcount

    def next_due(self, *, channels: Collection[str] | None = None) -> datetime | None:
        wanted, names = _of_channels(channels)
        rows = self._query(
            f"""SELECT min(max(due_at, coalesce(taken_until, due_at))) FROM open_effects
            WHERE {FIRST_OF_ITS_LANE} {wanted}""",
            names,
        )
        return datetime.fromisoformat(str(rows[0][0])) if rows[0][0] else None

    def release_work(self, *, worker: str) -> None:
        with self._transaction() as connection:
            connection.execute(
                "UPDATE open_effects SET taken_by = NULL, taken_until = NULL WHERE taken_by = ?", (worker,)
            )

    def holds(self, work: Work) -> bool:
        sql = "SELECT taken_by FROM open_effects WHERE effect = ?"
        return self._query(sql, (str(work.effect),)) == [(work.worker,)]

    def expire_leases(self) -> None:
        with self._transaction() as connection:
            connection.execute("UPDATE open_effects SET taken_until = '' WHERE taken_by IS NOT NULL")

    def open_work(self) -> tuple[int, datetime | None]:
        [[count, oldest]] = self._query("SELECT count(*), min(due_at) FROM open_effects")
        return int(str(count)), datetime.fromisoformat(str(oldest)) if oldest else None

    def open_by_channel(self) -> dict[str, tuple[int, datetime]]:
        rows = self._query("SELECT channel, count(*), min(due_at) FROM open_effects GROUP BY channel")
        return {channel: (count, datetime.fromisoformat(oldest)) for channel, count, oldest in rows}

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """SQLite has no notifications: this hears the appends of this process; others are found by polling."""
        self._wakes.append(wake)
        return lambda: self._wakes.remove(wake)

    def close(self) -> None:
        while not self._idle.empty():
            self._idle.get_nowait().close()
        if self._serving is not None:
            self._serving.close()
            self._serving = None


def _version(connection: sqlite3.Connection) -> int | None:
    """The version of the file's schema; 0 for one made before versions, None for an empty file."""
    [[version]] = connection.execute("PRAGMA user_version").fetchall()
    if version:
        return int(version)
    return 0 if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'events'").fetchall() else None
