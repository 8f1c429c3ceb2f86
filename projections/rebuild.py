"""Rebuild a view from the first event, beside the live table, and swap. There is no way from here to an effect."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from datetime import datetime
from itertools import groupby, islice
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection, delete, func, select, update

from domain.ledger import Event
from projections.follow import Source
from projections.home import NEXT, OLD, PARKED, POSITIONS, Home, is_the_databases
from projections.view import Journal, Row, RowView, View

CHUNK_ROWS = 5_000
CATCH_UP_EVENTS = 1_000


class History(Source, Protocol):
    """A log that can be read from the beginning."""

    def scan(
        self, *, upto: int, names: Sequence[str] | None = None, by_stream: bool = False, after: int = 0
    ) -> Iterator[tuple[int, str, bytes | str]]: ...


class Rebuilt(msgspec.Struct):
    """What a rebuild did; `seconds` from the first event to the swap."""

    view: str
    position: int
    events: int
    rows: int
    parked: int
    seconds: float


class _Setback(msgspec.Struct, frozen=True):
    position: int
    stream: str
    reason: str


class Rebuild:
    """One rebuild of one view. The live table is read throughout; the old one is kept beside it as `<view>__old`."""

    def __init__(
        self,
        source: History,
        home: Home,
        view: View,
        *,
        now: Callable[[], datetime],
        progress: Callable[[int], None] = lambda events: None,
    ) -> None:
        self._source, self._home, self._view, self._now, self._progress = source, home, view, now, progress
        self._names = list(source.readable_as(view.folds))
        self._next = view.table(NEXT)
        self._events = 0
        self._setbacks: list[_Setback] = []
        self._stuck: set[str] = set()

    def run(self) -> Rebuilt:
        """Build, catch up, swap; returns what was done. Safe to start again after a crash. Raises `Rebuilding`."""
        with self._home.rebuilding(self._view, wait=False):
            return self._run()

    def run_if_stale(self) -> Rebuilt | None:
        """The same if the fold has changed since the rows were written, and nobody has rebuilt them meanwhile."""
        with self._home.rebuilding(self._view, wait=True):
            state = self._home.states().get(self._view.name)
            return None if state is None or state["version"] == self._view.version else self._run()

    def _run(self) -> Rebuilt:
        started = time.monotonic()
        position = self._source.last_position()
        with self._home.engine.begin() as connection:
            self._home.lock(connection)
            self._home.drop(connection, self._next.name)
            self._home.create(connection, self._view, self._next, generation=0, indexed=False)
        self._fill(position)
        position = self._catch_up(position)
        position = self._swap(position)
        return Rebuilt(
            view=self._view.name,
            position=position,
            events=self._events,
            rows=self._count(),
            parked=len(self._setbacks),
            seconds=time.monotonic() - started,
        )

    def _count(self) -> int:
        [row] = self._home.rows(select(func.count().label("rows")).select_from(self._view.live))
        return int(row["rows"])

    def _fill(self, upto: int) -> None:
        match self._view:
            case Journal() as view:
                self._load(row for position, event in self._read(upto) for row in self._entries(view, position, event))
            case RowView(keyed_by_stream=True) as view:
                self._load(self._folded(view, self._read(upto, by_stream=True)))
            case _:
                self._fold_in_order(0, upto)

    def _read(self, upto: int, *, after: int = 0, by_stream: bool = False) -> Iterator[tuple[int, Event]]:
        """Events up to a position; one that cannot be decoded or folded is set aside with the rest of its stream."""
        scan = self._source.scan(after=after, upto=upto, names=self._names, by_stream=by_stream)
        for position, name, data in scan:
            self._events += 1
            if self._events % CHUNK_ROWS == 0:
                self._progress(self._events)
            try:
                event = self._source.decode(name, data)
            except Exception as error:
                self._set_aside(position, self._source.stream_at(position), error)
                continue
            if not self._is_stuck(position, event):
                yield position, event

    def _set_aside(self, position: int, stream: str, error: Exception) -> None:
        self._setbacks.append(_Setback(position, stream, f"{type(error).__name__}: {error}"))
        self._stuck.add(stream)

    def _is_stuck(self, position: int, event: Event) -> bool:
        stream = str(event.stream)
        if stream in self._stuck:
            self._setbacks.append(_Setback(position, stream, "behind a parked event"))
        return stream in self._stuck

    def _entries(self, view: Journal, position: int, event: Event) -> list[Row]:
        try:
            return [{"position": position, "nth": nth, **entry} for nth, entry in enumerate(view.entries(event))]
        except Exception as error:
            self._set_aside(position, str(event.stream), error)
            return []

    def _folded(self, view: RowView, events: Iterator[tuple[int, Event]]) -> Iterator[Row]:
        for stream, of_stream in groupby(events, key=lambda read: read[1].stream):
            row: Row | None = None
            for position, event in of_stream:
                try:
                    row = view.evolve(row, event)
                except Exception as error:
                    self._set_aside(position, str(stream), error)
            if row is not None:
                yield row

    def _load(self, rows: Iterator[Row]) -> None:
        """Write rows in chunks, each its own transaction: on SQLite the follower writes in between."""
        while chunk := list(islice(rows, CHUNK_ROWS)):
            with self._home.engine.begin() as connection:
                self._home.bulk(connection, self._next, chunk)

    def _fold_in_order(self, after: int, upto: int, connection: Connection | None = None) -> None:
        """Fold events in the order of the log, one transaction per batch unless one is given."""
        events = self._read(upto, after=after)
        while batch := list(islice(events, CATCH_UP_EVENTS)):
            with nullcontext(connection) if connection else self._home.engine.begin() as present:
                self._fold(present, batch)
            self._progress(self._events)

    def _fold(self, connection: Connection, batch: Sequence[tuple[int, Any]]) -> None:
        """Fold a batch into the next table; a failing event is found by halving and set aside."""
        good = [(position, event) for position, event in batch if not self._is_stuck(position, event)]
        try:
            with connection.begin_nested():
                self._home.apply(connection, self._view, self._next, good)
        except Exception as error:
            if is_the_databases(error):
                raise
            if len(good) == 1:
                position, event = good[0]
                self._set_aside(position, str(event.stream), error)
                return
            half = len(good) // 2
            self._fold(connection, good[:half])
            self._fold(connection, good[half:])

    def _catch_up(self, position: int) -> int:
        while (last := self._source.last_position()) - position > CATCH_UP_EVENTS:
            self._fold_in_order(position, last)
            position = last
        return position

    def _swap(self, position: int) -> int:
        """The last events and the change of tables in one transaction, with the view's position held."""
        view, home = self._view, self._home
        with home.engine.begin() as connection:
            home.lock(connection)
            state = home.state(connection, view, lock=True)
            if state is None:
                raise LookupError(f"The view {view.name} is not installed.")
            last = max(self._source.last_position(), int(state["position"]))
            self._fold_in_order(position, last, connection)
            generation = state["generation"] + 1
            home.index(connection, view, self._next, generation=generation)
            home.drop(connection, f"{view.name}{OLD}")
            connection.exec_driver_sql(f'ALTER TABLE "{view.name}" RENAME TO "{view.name}{OLD}"')
            connection.exec_driver_sql(f'ALTER TABLE "{self._next.name}" RENAME TO "{view.name}"')
            connection.execute(
                update(POSITIONS)
                .where(POSITIONS.c.view == view.name)
                .values(position=last, version=view.version, generation=generation)
            )
            connection.execute(delete(PARKED).where(PARKED.c.view == view.name))
            for setback in self._setbacks:
                home.park(connection, view, setback.position, setback.stream, setback.reason, self._now())
        return last
