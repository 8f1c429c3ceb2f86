"""Fills a log on PostgreSQL with realistic orders, straight with COPY: a million events in less than a minute.

Every order is a copy of one of the few `lives`, with ids, times and digests of its own, sealed with a key of its own.
The chapters of different orders lie between each other in the log, as they do when an order lives for days. Letters are
shorter than real ones, there are no files, and the ids of effects are drawn.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Self
from uuid import UUID

import msgspec
import psycopg

from adapters.store.engine import postgres_engine
from adapters.store.log import Batch
from adapters.store.postgres import PostgresLog
from adapters.wiring import AGGREGATES
from domain.documents import tracking_id
from domain.documents.order_facts import Placed, TrackingIdGiven
from domain.ledger import Entry, Event
from projections.home import Home
from scripts.benchmarks.lives import OF_THE_ORDER, START, Life, lives

BETWEEN_ORDERS = timedelta(seconds=120)
ORDERS_BETWEEN_CHAPTERS = (0, 3, 700, 1_500, 3_000)  # how many newer orders come before each chapter
ORDERS_PER_APPEND = 300
MASTER_KEY = bytes(32)


class CopyingLog(PostgresLog):
    """Appends with COPY and without asking who has a claim already: nobody else may write meanwhile."""

    _position = -1

    def _append(self, batch: Batch) -> int:
        base = self._position if self._position >= 0 else self.last_position()
        done = set(batch.closes)
        rows: dict[str, Sequence[tuple[Any, ...]]] = {
            "events": [
                (base + nth, event.stream, event.version, event.name, bytes(event.data).decode())
                for nth, event in enumerate(batch.events, start=1)
            ],
            "keys": [(key.subject, key.wrapped) for key in batch.keys],
            "claims": [(take.key, take.owner) for take in batch.takes],
            "open_effects (effect, position, subject, channel, kind, due_at, since, urgent)": [
                (work.effect, base + work.nth, work.subject, work.channel, work.kind, work.due_at, work.since, False)
                for work in batch.opens
                if work.effect not in done
            ],
        }
        with self._connection() as connection, connection.transaction():
            for table, lines in rows.items():
                _copy(connection, table, lines)
            connection.execute("DELETE FROM daybook_log.open_effects WHERE effect = ANY(%s)", (batch.closes,))
        self._position = base + len(batch.events)
        return self._position


def _copy(connection: psycopg.Connection[Any], table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY daybook_log.{table} FROM STDIN") as writer:
        for row in rows:
            writer.write_row(row)


class Line(msgspec.Struct, frozen=True):
    """An event to copy, and which of its fields name the order, one of its effects, or a time."""

    event: Event
    ids: dict[str, UUID]
    texts: dict[str, tuple[str, UUID]]
    times: dict[str, datetime]

    @classmethod
    def of(cls, event: Event, streams: Sequence[UUID]) -> Self:
        """Find those fields."""
        fields = {name: getattr(event, name) for name in event.__struct_fields__}
        texts = {
            name: (value, id)
            for name, value in fields.items()
            for id in streams
            if isinstance(value, str) and str(id) in value
        }
        ids = {name: value for name, value in fields.items() if isinstance(value, UUID)}
        return cls(event, ids, texts, {name: value for name, value in fields.items() if isinstance(value, datetime)})


def fill(
    log: PostgresLog,
    *,
    orders: int,
    first: int = 0,
    only: Collection[type[Event]] | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> int:
    """Write whole lives of this many orders, numbered from `first`; returns the last position.

    With `only`, events of other classes are left out of these lives.
    """
    patterns, position, last = [_lines(life, only) for life in lives()], log.last_position(), first + orders
    for start in range(first, last + ORDERS_BETWEEN_CHAPTERS[-1], ORDERS_PER_APPEND):
        entries = [
            entry
            for newest in range(start, start + ORDERS_PER_APPEND)
            for chapter, behind in enumerate(ORDERS_BETWEEN_CHAPTERS)
            if first <= newest - behind < last
            for entry in _copied(patterns[(newest - behind) % len(patterns)][chapter], newest - behind)
        ]
        position = log.append(entries)
        progress(min(start + ORDERS_PER_APPEND, last) - first)
    return position


def open_log(url: str) -> CopyingLog:
    """The installed log of a database."""
    log = CopyingLog(url, AGGREGATES, MASTER_KEY)
    log.install()
    return log


def open_both(url: str) -> tuple[PostgresLog, Home]:
    """The log and the views' home of a database; what a worker of a rebuild needs."""
    return open_log(url), Home(postgres_engine(url, long=True))


def settle(url: str) -> None:
    """Let the server tidy up behind a filling, as it does by itself after a while."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def order_id(number: int) -> UUID:
    """The id of the order with this number; they look as random as real ones."""
    return UUID(bytes=_drawn(f"order/{number}", 16), version=4)


def tracking_id_of(number: int) -> str:
    """The tracking id of the order with this number."""
    return tracking_id.draw(lambda size: _drawn(f"tracking/{number}", size))


def placed_at(number: int) -> datetime:
    """When the order with this number was placed."""
    return START + BETWEEN_ORDERS * number


def _drawn(what: str, size: int) -> bytes:
    return blake2b(what.encode(), digest_size=size).digest()


def _lines(life: Life, only: Collection[type[Event]] | None) -> list[list[Line]]:
    streams = list({entry.event.stream: None for chapter in life.chapters for entry in chapter})
    return [
        [Line.of(entry.event, streams) for entry in chapter if only is None or type(entry.event) in only]
        for chapter in life.chapters
    ]


def _copied(lines: Sequence[Line], number: int) -> Iterator[Entry]:
    new, later = {OF_THE_ORDER: (id := order_id(number))}, BETWEEN_ORDERS * number
    for line in lines:
        changes: dict[str, Any] = {name: time + later for name, time in line.times.items()}
        for name, old in line.ids.items():
            changes[name] = new.get(old) or new.setdefault(old, UUID(bytes=_drawn(f"{old}/{number}", 16), version=4))
        for name, (text, old) in line.texts.items():
            changes[name] = text.replace(str(old), str(new[old]))
        if isinstance(line.event, TrackingIdGiven):
            changes["tracking_id"] = tracking_id_of(number)
        elif isinstance(line.event, Placed):
            changes["phone_hash"] = _drawn(f"phone/{number}", 16).hex()
            changes["email_hash"] = _drawn(f"email/{number}", 16).hex()
        yield Entry(msgspec.structs.replace(line.event, **changes), id)
