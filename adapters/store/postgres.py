"""The log on PostgreSQL: one round trip per append, any number of processes."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib.resources import files
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from adapters.store.keys import WrappedKey
from adapters.store.log import Batch, Row, SqlLog, Work
from domain.ledger import Aggregate, Conflict, Doubtful, Taken, Unavailable

CLAIM_TAKEN = "DBK01"
NOT_DONE = {"55P03", "57014"}  # a lock or statement time-out: refused before anything was recorded
INSTALL_LOCK = 7301000
RECONNECT_SECONDS = 1.0
LOCK_WAIT_MS = 5_000  # a form is told to come back rather than kept waiting
SCAN_ROWS = 5_000
ROW = "position, name, convert_to(data::text, 'UTF8')"
FIRST_OF_ITS_LANE = """NOT EXISTS (
    SELECT 1 FROM daybook_log.open_effects AS before
    WHERE before.subject = o.subject AND before.channel = o.channel AND before.position < o.position)"""


class PostgresLog(SqlLog):
    """The log in the schema `daybook_log` of a PostgreSQL database."""

    def __init__(
        self, url: str, aggregates: Iterable[type[Aggregate]], master_key: bytes, *, connections: int = 10
    ) -> None:
        super().__init__(aggregates, master_key)
        self._url = url
        self._pool = ConnectionPool(
            url,
            min_size=1,
            max_size=connections,
            timeout=5,
            open=False,
            kwargs={"autocommit": True, "options": f"-c timezone=UTC -c lock_timeout={LOCK_WAIT_MS}"},
            check=ConnectionPool.check_connection,
        )

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        try:
            with self._pool.connection() as connection:
                yield connection
        except psycopg.errors.UniqueViolation as error:
            raise Conflict(error.diag.constraint_name) from None
        except psycopg.Error as error:
            if error.sqlstate == CLAIM_TAKEN:
                owner, _, key = str(error.diag.message_detail).partition(" ")
                raise Taken(key, UUID(owner)) from None
            if isinstance(error, psycopg.DataError | psycopg.IntegrityError):
                raise
            raise Unavailable("PostgreSQL does not answer, or not as it should.") from error

    def _query(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._connection() as connection:
            return connection.execute(sql, parameters, binary=True, prepare=True).fetchall()

    def _create(self) -> None:
        self._pool.open()
        schema = files("adapters.store").joinpath("postgres_schema.sql").read_text()
        with self._connection() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (INSTALL_LOCK,))
            connection.execute(schema)

    def _append(self, batch: Batch) -> int:
        request = msgspec.json.encode(batch).decode()
        try:
            [[position]] = self._query("SELECT daybook_log.append(%s::json)", (request,))
        except Unavailable as error:
            if isinstance(error.__cause__, PoolTimeout) or getattr(error.__cause__, "sqlstate", None) in NOT_DONE:
                raise
            raise Doubtful("PostgreSQL did not answer an append.") from error
        return int(position)

    def last_position(self) -> int:
        [[position]] = self._query("SELECT coalesce(max(position), 0) FROM daybook_log.events")
        return int(position)

    def owner(self, key: str) -> UUID | None:
        rows = self._query("SELECT owner FROM daybook_log.claims WHERE key = %s", (key,))
        return rows[0][0] if rows else None

    def open_effects_of(self, subject: UUID) -> list[UUID]:
        sql = "SELECT effect FROM daybook_log.open_effects WHERE subject = %s ORDER BY position"
        return [row[0] for row in self._query(sql, (subject,))]

    def read(self, after: int, limit: int) -> list[Row]:
        sql = f"SELECT {ROW} FROM daybook_log.events WHERE position > %s ORDER BY position LIMIT %s"
        return self._query(sql, (after, limit))

    def scan(
        self, *, upto: int, names: Sequence[str] | None = None, by_stream: bool = False, after: int = 0
    ) -> Iterator[Row]:
        order = "stream, version" if by_stream else "position"
        wanted = "AND name = ANY(%(names)s)" if names is not None else ""
        between = f"position > %(after)s AND position <= %(upto)s {wanted}"
        sql = f"SELECT {ROW} FROM daybook_log.events WHERE {between} ORDER BY {order}"
        parameters = {"after": after, "upto": upto, "names": list(names or ())}
        with (
            self._connection() as connection,
            connection.transaction(),
            connection.cursor("scan", scrollable=False) as cursor,
        ):
            cursor.itersize = SCAN_ROWS
            cursor.execute(sql, parameters, binary=True)
            yield from cursor

    def _stream(self, stream: UUID, upto: int | None) -> list[Row]:
        sql = f"SELECT {ROW} FROM daybook_log.events WHERE stream = %s AND version <= %s ORDER BY version"
        return self._query(sql, (stream, upto if upto is not None else 2**31 - 1))

    def stream_at(self, position: int) -> str:
        [[stream]] = self._query("SELECT stream FROM daybook_log.events WHERE position = %s", (position,))
        return str(stream)

    def _key(self, subject: UUID) -> WrappedKey | None:
        rows = self._query("SELECT wrapped FROM daybook_log.keys WHERE subject = %s", (subject,))
        return WrappedKey(subject, rows[0][0]) if rows else None

    def _add_key(self, key: WrappedKey) -> None:
        with self._connection() as connection:
            connection.execute(
                "INSERT INTO daybook_log.keys VALUES (%s, %s) ON CONFLICT DO NOTHING",
                (key.subject, key.wrapped),
            )

    def take_work(
        self,
        *,
        worker: str,
        now: datetime,
        until: datetime,
        limit: int,
        effect: UUID | None = None,
        early: bool = False,
    ) -> list[Work]:
        only = "AND o.effect = %(effect)s" if effect else ""
        sql = f"""WITH due AS (
            SELECT o.effect FROM daybook_log.open_effects AS o
            WHERE (o.due_at <= %(now)s OR %(early)s) AND (o.taken_until IS NULL OR o.taken_until < %(now)s) {only}
            AND {FIRST_OF_ITS_LANE}
            ORDER BY o.position LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
        UPDATE daybook_log.open_effects AS o SET taken_by = %(worker)s, taken_until = %(until)s
        FROM due WHERE o.effect = due.effect
        RETURNING o.effect, o.subject, o.channel, o.kind, o.taken_by, o.position"""
        parameters = {"now": now, "until": until, "worker": worker, "limit": limit, "effect": effect, "early": early}
        with self._connection() as connection:
            rows = connection.execute(sql, parameters).fetchall()
        return [Work(*row[:5]) for row in sorted(rows, key=lambda row: row[5])]

    def next_due(self) -> datetime | None:
        sql = "SELECT min(greatest(o.due_at, o.taken_until)) FROM daybook_log.open_effects AS o WHERE"
        [[moment]] = self._query(f"{sql} {FIRST_OF_ITS_LANE}")
        return moment  # type: ignore[no-any-return]

    def release_work(self, *, worker: str) -> None:
        with self._connection() as connection:
            connection.execute(
                "UPDATE daybook_log.open_effects SET taken_by = NULL, taken_until = NULL WHERE taken_by = %s",
                (worker,),
            )

    def holds(self, work: Work) -> bool:
        sql = "SELECT taken_by FROM daybook_log.open_effects WHERE effect = %s"
        return self._query(sql, (work.effect,)) == [(work.worker,)]

    def expire_leases(self) -> None:
        with self._connection() as connection:
            connection.execute(
                "UPDATE daybook_log.open_effects SET taken_until = '-infinity' WHERE taken_by IS NOT NULL"
            )

    def open_work(self) -> tuple[int, datetime | None]:
        [[count, oldest]] = self._query("SELECT count(*), min(due_at) FROM daybook_log.open_effects")
        return count, oldest

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Hear every append, whichever process made it; a lost connection is made anew."""
        stopped = threading.Event()

        def hear() -> None:
            while not stopped.is_set():
                try:
                    with psycopg.connect(self._url, autocommit=True) as connection:
                        connection.execute("LISTEN daybook_log")
                        wake()  # whatever was appended while nobody listened
                        while not stopped.is_set():
                            for _ in connection.notifies(timeout=0.5, stop_after=1):
                                wake()
                except psycopg.Error:
                    stopped.wait(RECONNECT_SECONDS)

        threading.Thread(target=hear, name="log-listener", daemon=True).start()
        return stopped.set

    def close(self) -> None:
        self._pool.close()
