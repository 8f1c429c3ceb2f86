"""The log on PostgreSQL: one round trip per append, any number of processes."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib.resources import files
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from adapters.store import listening, liveness, schema
from adapters.store.keys import WrappedKey
from adapters.store.log import Batch, Hand, Row, SqlLog, Work
from adapters.store.options import DatabaseOptions, as_options
from adapters.store.postgres_append import AppendingConnection
from domain.ledger import Aggregate, Conflict, Doubtful, Taken, Unavailable

CLAIM_TAKEN = "DBK01"
# A lock or statement time-out, a full disk, no memory, no connection left: refused before anything was recorded.
NOT_DONE = {"55P03", "57014", "53100", "53200", "53300", "53400"}
INSTALL_LOCK = 7301000
GIVE_UP_SECONDS = 5.0  # then the pool stops trying to connect until somebody asks for a connection again
SCAN_ROWS = 1_000
ROW = "position, name, convert_to(data::text, 'UTF8')"
FIRST_OF_ITS_LANE = """NOT EXISTS (
    SELECT 1 FROM daybook_log.open_effects AS before
    WHERE before.subject = o.subject AND before.channel = o.channel AND before.position < o.position)"""
OF_CHANNELS = "AND (o.channel = ANY(%(channels)s) OR o.urgent AND o.channel = ANY(%(rung_channels)s))"


class PostgresLog(SqlLog):
    """The log in the schema `daybook_log` of a PostgreSQL database."""

    def __init__(
        self,
        url: str,
        aggregates: Iterable[type[Aggregate]],
        master_key: bytes,
        *,
        options: DatabaseOptions = DatabaseOptions(),  # noqa: B008 - frozen
    ) -> None:
        super().__init__(aggregates, master_key)
        self._url, self._options = url, options
        self._pool = ConnectionPool(
            url,
            connection_class=AppendingConnection,
            min_size=1,
            max_size=options.pool,
            timeout=options.connect_seconds,
            reconnect_timeout=GIVE_UP_SECONDS,
            open=False,
            kwargs={"autocommit": True, "options": as_options(options.session()), **options.connecting()},
            check=liveness.check,
        )

    @contextmanager
    def _connection(self) -> Iterator[AppendingConnection]:
        try:
            # Not the pool's own `with`, which also commits: every statement here has, or has a block of its own.
            connection = self._pool.getconn()
            try:
                yield connection
            finally:
                self._pool.putconn(connection)
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
        script = files("adapters.store").joinpath("postgres_schema.sql").read_text()
        with self._connection() as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (INSTALL_LOCK,))
            found = _version(connection)
            if found is not None and not _owned(connection):  # there is nothing that we might make
                schema.expect(found)
                return
            schema.expect_none_newer(found)
            connection.execute(script)
            connection.execute("DELETE FROM daybook_log.schema_version")
            connection.execute("INSERT INTO daybook_log.schema_version VALUES (%s)", (schema.VERSION,))

    def _check(self) -> None:
        self._pool.open()
        with self._connection() as connection:
            schema.expect(_version(connection))

    def _append(self, batch: Batch) -> int:
        try:
            with self._connection() as connection:
                return connection.append(batch)
        except Unavailable as error:
            if isinstance(error.__cause__, PoolTimeout) or getattr(error.__cause__, "sqlstate", None) in NOT_DONE:
                raise
            raise Doubtful("PostgreSQL did not answer an append.") from error

    def last_position(self) -> int:
        [[position]] = self._query("SELECT coalesce(max(position), 0) FROM daybook_log.events")
        return int(position)

    def owner(self, key: str) -> UUID | None:
        rows = self._query("SELECT owner FROM daybook_log.claims WHERE key = %s", (key,))
        return rows[0][0] if rows else None

    def owners(self, keys: Sequence[str]) -> dict[str, UUID]:
        return dict(self._query("SELECT key, owner FROM daybook_log.claims WHERE key = ANY(%s)", (list(keys),)))

    def open_effects_of(self, subject: UUID) -> list[UUID]:
        sql = "SELECT effect FROM daybook_log.open_effects WHERE subject = %s ORDER BY position"
        return [row[0] for row in self._query(sql, (subject,))]

    def read(self, after: int, limit: int) -> list[Row]:
        sql = f"SELECT {ROW} FROM daybook_log.events WHERE position > %s ORDER BY position LIMIT %s"
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
        order = "stream, version" if by_stream else "position"
        wanted = "AND name = ANY(%(names)s)" if names is not None else ""
        mine = "AND (uuid_hash(stream) & 65535) %% %(shares)s = %(share)s" if share != (0, 1) else ""
        rest = "AND stream > %(beyond)s" if beyond is not None else ""
        between = f"position > %(after)s AND position <= %(upto)s {wanted} {mine} {rest}"
        sql = f"SELECT {ROW} FROM daybook_log.events WHERE {between} ORDER BY {order}"
        parameters = {
            "after": after, "upto": upto, "names": list(names or ()), "share": share[0], "shares": share[1],
            "beyond": beyond,
        }  # fmt: skip
        with self._connection() as connection, connection.transaction(), connection.cursor() as cursor:
            patience = self._options.session(long=True)["statement_timeout"]
            connection.execute("SELECT set_config('statement_timeout', %s, true)", (patience,))
            # Not a server-side cursor: for those PostgreSQL sorts with one process only.
            yield from cursor.stream(sql, parameters, binary=True, size=SCAN_ROWS)

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

    def take_work(self, hand: Hand) -> list[Work]:
        only = "AND o.effect = %(effect)s" if hand.effect else ""
        wanted = OF_CHANNELS if hand.channels is not None else ""
        # With channels left out, the oldest rows may be thousands of theirs: the sum keeps from walking along them.
        order = "o.position" if hand.channels is None else "o.position + 0"
        sql = f"""WITH due AS (
            SELECT o.effect FROM daybook_log.open_effects AS o
            WHERE (o.due_at <= %(now)s OR %(early)s) AND (o.taken_until IS NULL OR o.taken_until < %(now)s)
            {only} {wanted} AND {FIRST_OF_ITS_LANE}
            ORDER BY {order} LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
        UPDATE daybook_log.open_effects AS o SET taken_by = %(worker)s, taken_until = %(until)s
        FROM due WHERE o.effect = due.effect
        RETURNING o.effect, o.subject, o.channel, o.kind, o.taken_by, o.position"""
        parameters = msgspec.structs.asdict(hand) | {
            "channels": list(hand.channels or ()),
            "rung_channels": list(hand.rung_channels),
        }
        with self._connection() as connection:
            rows = connection.execute(sql, parameters).fetchall()
        return [Work(*row[:5]) for row in sorted(rows, key=lambda row: row[5])]

    def renew_work(self, works: Sequence[Work], *, until: datetime) -> None:
        sql = """UPDATE daybook_log.open_effects AS o SET taken_until = %s
        FROM unnest(%s::uuid[], %s::text[]) AS held (effect, worker)
        WHERE o.effect = held.effect AND o.taken_by = held.worker"""
        with self._connection() as connection:
            connection.execute(sql, (until, [work.effect for work in works], [work.worker for work in works]))

    def bring_forward(self, *, now: datetime, behind: datetime) -> int:
        sql = "UPDATE daybook_log.open_effects SET due_at = %(now)s, since = %(now)s WHERE since > %(behind)s"
        with self._connection() as connection:
            return connection.execute(f"{sql} AND due_at > %(now)s", {"now": now, "behind": behind}).rowcount

    def next_due(self, *, channels: Collection[str] | None = None) -> datetime | None:
        sql = "SELECT min(greatest(o.due_at, o.taken_until)) FROM daybook_log.open_effects AS o WHERE"
        wanted, names = ("AND o.channel = ANY(%s)", [list(channels)]) if channels is not None else ("", [])
        [[moment]] = self._query(f"{sql} {FIRST_OF_ITS_LANE} {wanted}", names)
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

    def open_by_channel(self) -> dict[str, tuple[int, datetime]]:
        rows = self._query("SELECT channel, count(*), min(due_at) FROM daybook_log.open_effects GROUP BY channel")
        return {channel: (count, oldest) for channel, count, oldest in rows}

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Hear every append, whichever process made it."""
        return listening.listen(self._url, self._options, listening.LOG, lambda word: wake())

    def listen_for_work(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Hear of appends that ask for something to be done, whichever process made them."""
        return listening.listen(self._url, self._options, listening.WORK, lambda word: wake())

    def listen_to_views(self, heard: Callable[[str], None]) -> Callable[[], None]:
        """Hear how far views have come, whichever process moves them; an empty word when something was missed."""
        return listening.listen(self._url, self._options, listening.VIEWS, heard)

    def connections(self) -> dict[str, int]:
        said = self._pool.get_stats()
        idle = said.get("pool_available", 0)
        return {"in_use": said.get("pool_size", 0) - idle, "idle": idle, "waiting": said.get("requests_waiting", 0)}

    def close(self) -> None:
        self._pool.close()


def _owned(connection: psycopg.Connection[tuple[Any, ...]]) -> bool:
    """Whether the log is ours to change, rather than only to work on."""
    row = connection.execute(
        "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('daybook_log.events')"
    ).fetchone()
    return bool(row and row[0])


def _version(connection: psycopg.Connection[tuple[Any, ...]]) -> int | None:
    """The version of the log's schema; 0 for one made before versions, None where there is none."""
    [log, versions] = connection.execute(
        "SELECT to_regclass('daybook_log.events'), to_regclass('daybook_log.schema_version')"
    ).fetchone() or (None, None)
    if versions is None:
        return None if log is None else 0
    row = connection.execute("SELECT version FROM daybook_log.schema_version").fetchone()
    return int(row[0]) if row else 0
