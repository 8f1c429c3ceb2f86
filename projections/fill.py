"""Filling a view's new table from the log in bounded memory: read, decode, fold and load."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from itertools import islice
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection

from domain.ledger import Event
from projections.follow import Source
from projections.home import NEXT, Home, is_the_databases
from projections.view import Journal, Row, RowView, View

PROGRESS_ROWS = 1_000
CATCH_UP_EVENTS = 1_000

Share = tuple[int, int]  # which of how many shares of the streams
Progress = Callable[[int], None]


class History(Source, Protocol):
    """A log that can be read from the beginning."""

    def scan(
        self,
        *,
        upto: int,
        names: Sequence[str] | None = None,
        by_stream: bool = False,
        after: int = 0,
        share: Share = (0, 1),
    ) -> Iterator[tuple[int, str, bytes | str]]: ...


class Setback(msgspec.Struct, frozen=True):
    """An event that would not fold, or that came behind one."""

    position: int
    stream: str
    reason: str


class Filled(msgspec.Struct):
    """What came of a share: how many events were read, and those that are set aside."""

    events: int = 0
    setbacks: list[Setback] = []


class Filler:
    """Folds events into the next table of a view; what will not fold is set aside with the rest of its stream."""

    def __init__(self, source: History, home: Home, view: View, progress: Progress) -> None:
        self.view, self.table, self.done = view, view.table(NEXT), Filled()
        self._source, self._home, self._progress = source, home, progress
        self._names = list(source.readable_as(view.folds))
        self._stuck: set[str] = set()

    def fill(self, upto: int, *, share: Share = (0, 1)) -> None:
        """Fold everything up to a position, or the share of it that falls to this process."""
        match self.view:
            case Journal() as view:
                read = self._read(upto, share=share)
                self._load(row for position, event in read for row in self._entries(view, position, event))
            case RowView(keyed_by_stream=True) as view:
                self._load(self._folded(view, self._read(upto, by_stream=True, share=share)))
            case _:
                self.fold_in_order(0, upto)

    def take_over(self, filled: Filled) -> None:
        """Go on from what other processes have filled."""
        self.done = filled
        self._stuck.update(setback.stream for setback in filled.setbacks)

    def _read(
        self, upto: int, *, after: int = 0, by_stream: bool = False, share: Share = (0, 1)
    ) -> Iterator[tuple[int, Event]]:
        decode, done, stuck = self._source.decode, self.done, self._stuck
        scan = self._source.scan(after=after, upto=upto, names=self._names, by_stream=by_stream, share=share)
        for position, name, data in scan:
            done.events += 1
            try:
                event = decode(name, data)
            except Exception as error:
                self._set_aside(position, self._source.stream_at(position), error)
                continue
            if not stuck or not self._is_stuck(position, event):  # nearly always nothing is, and text of ids is dear
                yield position, event

    def _set_aside(self, position: int, stream: str, error: Exception) -> None:
        self.done.setbacks.append(Setback(position, stream, f"{type(error).__name__}: {error}"))
        self._stuck.add(stream)

    def _is_stuck(self, position: int, event: Event) -> bool:
        stream = str(event.stream)
        if stream in self._stuck:
            self.done.setbacks.append(Setback(position, stream, "behind a parked event"))
        return stream in self._stuck

    def _entries(self, view: Journal, position: int, event: Event) -> list[Row]:
        try:
            return [{"position": position, "nth": nth, **entry} for nth, entry in enumerate(view.entries(event))]
        except Exception as error:
            self._set_aside(position, str(event.stream), error)
            return []

    def _folded(self, view: RowView, events: Iterator[tuple[int, Event]]) -> Iterator[Row]:
        evolve, row, stream = view.evolve, None, None
        for position, event in events:
            if (of := event.stream.int) != stream:
                if row is not None:
                    yield row
                row, stream = None, of
            try:
                row = evolve(row, event)
            except Exception as error:
                self._set_aside(position, str(event.stream), error)
        if row is not None:
            yield row

    def _load(self, rows: Iterator[Row]) -> None:
        self._home.fill(self.table, self._telling(rows))

    def _telling(self, rows: Iterator[Row]) -> Iterator[Row]:
        for number, row in enumerate(rows, start=1):
            if number % PROGRESS_ROWS == 0:
                self._progress(self.done.events)
            yield row

    def fold_in_order(self, after: int, upto: int, connection: Connection | None = None) -> None:
        """Fold events in the order of the log, one transaction per batch unless one is given."""
        events = self._read(upto, after=after)
        while batch := list(islice(events, CATCH_UP_EVENTS)):
            with nullcontext(connection) if connection else self._home.engine.begin() as present:
                self._fold(present, batch)
            self._progress(self.done.events)

    def _fold(self, connection: Connection, batch: Sequence[tuple[int, Any]]) -> None:
        """Fold a batch into the table; a failing event is found by halving and set aside."""
        good = [(position, event) for position, event in batch if not self._is_stuck(position, event)]
        try:
            with connection.begin_nested():
                self._home.apply(connection, self.view, self.table, good)
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


def can_be_shared(view: View) -> bool:
    """Whether streams can be folded apart from each other: not where several of them share a row."""
    return isinstance(view, Journal) or (isinstance(view, RowView) and view.keyed_by_stream)
