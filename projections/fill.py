"""Filling a view's new table from the log in bounded memory: read, decode, fold and load."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from itertools import islice
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Connection

from domain.ledger import Event
from projections.follow import Source
from projections.home import NEXT, Home, is_the_databases
from projections.kept import Filled, Notes, Setback
from projections.view import Journal, Row, RowView, View

PROGRESS_ROWS = 1_000
CHUNK_ROWS = 5_000
CATCH_UP_EVENTS = 1_000
MOST_SETBACKS = 5_000

Share = tuple[int, int]  # which of how many shares of the streams
Progress = Callable[[int], None]
Marked = tuple[str, list[Row]]  # rows, and the place in the log behind which the next ones come from


class TooManySetbacks(Exception):
    """So much does not fold that the fold is to be mended, not the events."""

    def __init__(self, view: str) -> None:
        super().__init__(f"More than {MOST_SETBACKS:,} events do not fold into the view {view}: mend its fold first.")


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
        beyond: UUID | None = None,
    ) -> Iterator[tuple[int, str, bytes | str]]: ...


class Filler:
    """Folds events into the next table of a view; what will not fold is set aside with the rest of its stream."""

    def __init__(
        self,
        source: History,
        home: Home,
        view: View,
        progress: Progress,
        *,
        notes: Notes | None = None,
        suffix: str = NEXT,
        chunk_rows: int = CHUNK_ROWS,
    ) -> None:
        """With `notes`, what is done is noted every `chunk_rows` rows, and can be gone on from."""
        self.view, self.table, self.done, self.notes = view, view.table(suffix), Filled(), notes
        self._source, self._home, self._progress, self._chunk_rows = source, home, progress, chunk_rows
        self._names = list(source.readable_as(view.folds))
        self._stuck: set[str] = set()

    def fill(self, upto: int, *, share: Share = (0, 1), mark: str | None = None) -> None:
        """Fold everything up to a position, or the share of it that falls to this process, from a mark on."""
        match self.view:
            case Journal() as view:
                read = self._read(upto, after=int(mark or 0), share=share)
                self._load(((str(at), self._entries(view, at, event)) for at, event in read), mark)
            case RowView(keyed_by_stream=True) as view:
                read = self._read(upto, by_stream=True, share=share, beyond=UUID(mark) if mark else None)
                self._load(self._folded(view, read), mark)
            case _:
                self.fold_in_order(int(mark or 0), upto)

    def take_over(self, filled: Filled) -> None:
        """Go on from what other processes have filled, or this one before it was killed."""
        self.done = filled
        self._stuck.update(setback.stream for setback in filled.setbacks.values())

    def _read(
        self,
        upto: int,
        *,
        after: int = 0,
        by_stream: bool = False,
        share: Share = (0, 1),
        beyond: UUID | None = None,
    ) -> Iterator[tuple[int, Event]]:
        decode, done, stuck = self._source.decode, self.done, self._stuck
        scan = self._source.scan(
            after=after, upto=upto, names=self._names, by_stream=by_stream, share=share, beyond=beyond
        )
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
        reason = f"{type(error).__name__}: {error}"
        self._note(Setback(position, stream, reason))
        self._stuck.add(stream)

    def _note(self, setback: Setback) -> None:
        setbacks = self.done.setbacks
        if setback.position not in setbacks and len(setbacks) >= MOST_SETBACKS:
            raise TooManySetbacks(self.view.name)
        setbacks.setdefault(setback.position, setback)

    def _is_stuck(self, position: int, event: Event) -> bool:
        stream = str(event.stream)
        if stream in self._stuck:
            self._note(Setback(position, stream, "behind a parked event"))
        return stream in self._stuck

    def _entries(self, view: Journal, position: int, event: Event) -> list[Row]:
        try:
            return [{"position": position, "nth": nth, **entry} for nth, entry in enumerate(view.entries(event))]
        except Exception as error:
            self._set_aside(position, str(event.stream), error)
            return []

    def _folded(self, view: RowView, events: Iterator[tuple[int, Event]]) -> Iterator[Marked]:
        evolve, row, stream, of_last = view.evolve, None, None, None
        for position, event in events:
            if (of := event.stream.int) != stream:
                if row is not None:
                    yield str(of_last), [row]
                row, stream, of_last = None, of, event.stream
            try:
                row = evolve(row, event)
            except Exception as error:
                self._set_aside(position, str(event.stream), error)
        if row is not None:
            yield str(of_last), [row]

    def _load(self, marked: Iterator[Marked], mark: str | None) -> None:
        chunks, notes = Chunks(marked, self._chunk_rows, mark), self.notes

        def hold(connection: Connection) -> None:
            if notes is not None:
                notes.hold(connection)

        def note(connection: Connection) -> None:
            if notes is not None:
                notes.loaded(connection, chunks.mark, self.done, done=chunks.ended)

        while not chunks.ended:
            self._home.fill(self.table, self._telling(chunks.next()), before=hold, after=note)
            self._progress(self.done.events)

    def _telling(self, rows: Iterator[Row]) -> Iterator[Row]:
        for number, row in enumerate(rows, start=1):
            if number % PROGRESS_ROWS == 0:
                self._progress(self.done.events)
            yield row

    def fold_in_order(self, after: int, upto: int, connection: Connection | None = None) -> None:
        """Fold events in the order of the log, one transaction per batch unless one is given."""
        events = self._read(upto, after=after)
        while batch := list(islice(events, min(CATCH_UP_EVENTS, self._chunk_rows))):
            with nullcontext(connection) if connection else self._home.engine.begin() as present:
                if self.notes is not None:
                    self.notes.hold(present)
                self._fold(present, batch)
                if self.notes is not None:
                    self.notes.folded(present, batch[-1][0], self.done)
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


class Chunks:
    """Rows in chunks that end where their marks say: `mark` is that of the last chunk that was read to its end."""

    def __init__(self, marked: Iterator[Marked], size: int, mark: str | None) -> None:
        self._marked, self._size, self.mark, self.ended = marked, size, mark, False

    def next(self) -> Iterator[Row]:
        """The rows of the next chunk; `ended` when there are none behind it."""
        number = 0
        for mark, rows in self._marked:
            self.mark = mark
            number += len(rows)
            yield from rows
            if number >= self._size:
                return
        self.ended = True


def can_be_shared(view: View) -> bool:
    """Whether streams can be folded apart from each other: not where several of them share a row."""
    return isinstance(view, Journal) or (isinstance(view, RowView) and view.keyed_by_stream)
